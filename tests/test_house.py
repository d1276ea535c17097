"""The house rules that a program can check."""

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = (
    "stack", "link", "facts", "operations", "nautilus", "lab", "bench", "dashboards", "templates",
)  # fmt: skip
MAX_LINES = 250
DATA = {
    "group_data/all.py": "the stack as data, one service after the other",
    "nautilus/requirements/base.txt": "a lock file",
    "nautilus/requirements/ml.txt": "a lock file",
    "nautilus/requirements/portfolio.txt": "a lock file",
    "nautilus/requirements/strategy.txt": "a lock file",
}
VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
# What BSD's tools lack or mean differently, and what to write instead.
GNU_ONLY = {
    r"\bsed\s+(-[a-zA-Z]+\s+)*-[a-zA-Z]*i": "write a new file and mv it",
    r"\bsed\s+(-[a-zA-Z]+\s+)*--": "short options only",
    r"\breadlink\s+-[a-zA-Z]*[fem]": "cd and pwd -P",
    r"\bstat\s+(-c|--format)": "ls -l, wc -c or test",
    r"\bdate\s+(-d|--date)": "compute in Python",
    r"\bxargs\s+(-[a-zA-Z0-9]+\s+)*(-r|--no-run-if-empty)": "test for emptiness",
    r"\bgrep\s+(-[a-zA-Z]+\s+)*-[a-zA-Z]*P": "a basic or extended expression",
    r"\bbase64\s+(-w|--wrap|-d\b)": "let Python join lines and decode",
    r"\bsort\s+-[a-zA-Z]*V": "compare in Python",
    r"\bhead\s+(-n\s*|-)-\d": "a positive count",
    r"\bcp\s+(-[a-zA-Z]*[at]|--)": "cp -Rp",
    r"\bmktemp\s+(-p|--)": "mktemp with a whole template",
    r"(^|[;&|(]\s*)timeout\s": "a watch of one's own",
    r"\bps\s+--": "ps -o",
    r"\bfind\b.*\s-printf\b": "find -exec",
    r"(^|[;&|(]\s*)(python3?|jq|realpath|tac|nproc|md5sum)\s": "it isn't on every Mac",
}


def tracked(*patterns):
    """Files of the project, those not committed yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    paths = (ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


def name(path):
    return str(path.relative_to(ROOT))


PYTHON = tracked("*.py")
SHELL = tracked("*.sh")
# Shell that a Mac runs: the facts' scripts, and what operations put together.
ON_HOSTS = tracked(
    "facts/*.sh", "operations/*.sh", "operations/*.py", "link/*.py", "templates/monitor/*"
)


def test_there_is_something_to_check():
    assert len(PYTHON) > 50
    assert len(SHELL) > 5
    assert len(ON_HOSTS) > 10


def test_no_file_is_long():
    files = [path for folder in PRODUCT for path in tracked(folder)]
    files += [path for path in tracked("*.py") if path.parent == ROOT]
    files = [path for path in files if path.suffix in {".py", ".sh", ".awk", ".j2", ".ts", ".tsx"}]
    assert len(files) > 80
    lengths = {name(path): len(path.read_text().splitlines()) for path in files}
    long = {file: lines for file, lines in lengths.items() if lines > MAX_LINES}
    assert {file: lines for file, lines in long.items() if file not in DATA} == {}


def test_no_module_has_a_name_that_says_nothing():
    vague = [name(path) for path in PYTHON if VAGUE & set(re.split(r"[_/.]", name(path).lower()))]
    assert vague == []


def imported(path):
    """Top-level names of the packages that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        (
            "stack",
            {
                "pyinfra", "docker", "requests", "httpx", "paramiko", "gevent", "socket",
                "subprocess", "facts", "operations", "link", "lab",
            },
        ),
        ("link", {"operations", "lab", "bench"}),
        ("facts", {"operations", "lab", "bench"}),
        ("operations", {"lab", "bench"}),
        ("nautilus", {"stack", "facts", "operations", "link", "lab", "pyinfra", "docker"}),
    ],
)  # fmt: skip
def test_a_layer_knows_only_those_below_it(folder, forbidden):
    modules = tracked(f"{folder}/*.py")
    assert modules
    known = {name(path): sorted(forbidden & set(imported(path))) for path in modules}
    assert {module: names for module, names in known.items() if names} == {}


# Where nothing tells that what is waited for has come: each look says why beside it.
WAITS = {
    "facts/runtime.sh": "a daemon that doesn't answer is given up",
    "link/channel.py": "SSH's end of what was forwarded",
    "operations/heat.sh": "the temperature",
    "operations/launchd.sh": "launchd's unloading",
    "operations/lock.py": "the lock of somebody else, in a shell",
    "operations/lock.sh": "the silence of its owner",
    "operations/secrets.py": "a file that a container sees over a network",
    "operations/stand_in.py": "the resolvers' memory of an address",
    "operations/swarm/health.py": "the state of a swarm's service",
    "operations/swarm/nodes.py": "the state of a swarm's node",
    "stack/vm/commands.py": "Docker Desktop's start",
    "templates/monitor/look.sh": "a command that hangs is ended",
}


def test_what_waits_without_an_event_is_known():
    """An event that nobody can set, and a shell's sleep, are fixed sleeps as well."""
    waits = re.compile(r"Event\(\)\.wait\(|(^|[;&|(\s])sleep [0-9\"$]", re.MULTILINE)
    patterns = [
        f"{folder}/*.{ending}"
        for folder in ("stack", "link", "facts", "operations", "templates")
        for ending in ("py", "sh", "j2")
    ]
    found = {
        name(path) for it in patterns for path in tracked(it) if waits.search(path.read_text())
    }
    assert found == WAITS.keys()


def test_each_program_looks_for_planted_links_before_it_takes_the_lock():
    """What is locked is written: the journal at least."""
    without = []
    for path in tracked("*.py"):
        if path.parent != ROOT:
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = [
                    ast.unparse(it.func) for it in ast.walk(function) if isinstance(it, ast.Call)
                ]
                if "lock.take" in calls and not {"preflight", "refuse_planted"} & set(calls):
                    without.append(f"{path.name}:{function.name}")
    assert without == []


def test_the_product_has_no_fixed_sleep_in_its_way():
    calls = [
        f"{name(path)}:{node.lineno}"
        for folder in ("stack", "link", "facts", "operations")
        for path in tracked(f"{folder}/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "sleep"
    ]
    assert calls == []


def test_no_exception_is_swallowed_whole():
    swallowed = [
        f"{name(path)}:{node.lineno}"
        for folder in PRODUCT
        for path in tracked(f"{folder}/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
        and all(isinstance(each, ast.Pass) for each in node.body)
    ]
    assert swallowed == []


@pytest.mark.parametrize("path", SHELL, ids=name)
def test_a_script_is_posix_shell(path):
    first = path.read_text().partition("\n")[0]
    assert first in ("#!/bin/sh", "#!/bin/sh -e", "#!/bin/sh -eu")
    dash = shutil.which("dash") or shutil.which("sh")
    done = subprocess.run([dash, "-n", path], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def shell_lines(path):
    """Lines of shell in a file, comments left out; of Python, the text in its strings."""
    text = path.read_text()
    if path.suffix == ".py":
        nodes = ast.walk(ast.parse(text))
        values = (node.value for node in nodes if isinstance(node, ast.Constant))
        text = "\n".join(value for value in values if isinstance(value, str))
    return [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]


@pytest.mark.parametrize("path", ON_HOSTS, ids=name)
def test_a_mac_has_every_tool_that_it_is_asked_for(path):
    found = {
        f"{line}: {instead}"
        for line in shell_lines(path)
        for pattern, instead in GNU_ONLY.items()
        if re.search(pattern, line)
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "sed -i s/a/b/ file", "sed -n -i p file", "readlink -f x", "stat -c %s x", "date -d now",
        "ls | xargs -r rm", "xargs -0 -r rm", "grep -oP x", "base64 -w 0", "sort -V",
        "head -n -1", "cp -a x y", "timeout 5 docker", "python3 -c 1", "a && jq .",
    ],
)  # fmt: skip
def test_what_a_mac_lacks_would_be_found(line):
    assert any(re.search(pattern, line) for pattern in GNU_ONLY)


@pytest.mark.parametrize(
    "line",
    [
        "sed -n s/id/x/p", "readlink current", "date +%s", "xargs rm", "grep -q x", "head -n 1",
        "mktemp -d", "cp -Rp a b", "cat python3 file", "the timeout is over", "base64 <file",
    ],
)  # fmt: skip
def test_what_a_mac_has_is_not_found(line):
    assert not any(re.search(pattern, line) for pattern in GNU_ONLY)


def test_nothing_names_a_machine_of_ours():
    # Put together here, so that this file doesn't name them either.
    private = re.compile("|".join((r"(?<![\w.])/wor" + "k/", "/tmp/" + "brief", r"\.py" + "env")))
    texts = tracked("*.py", "*.sh", "*.md", "*.j2", "*.toml", "*.yml", "Makefile", "*.json")
    found = [name(path) for path in texts if private.search(path.read_text(errors="replace"))]
    assert found == []
