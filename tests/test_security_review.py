"""The threat review names tests that exist, and the lock files hold what it says of them."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REVIEW = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", REVIEW)


def test_the_review_names_tests():
    assert len(NAMED) > 25


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_named_test_exists(file, test):
    tree = ast.parse((ROOT / file).read_text())
    tests = {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef)}
    assert test in tests if test else any(name.startswith("test_") for name in tests)


def test_every_threat_has_a_test():
    rows = [line for line in REVIEW.splitlines() if re.match(r"\| (?!threat)[A-Z]", line)]
    assert len(rows) > 15
    assert [row for row in rows if "`tests/" not in row] == []


def test_python_and_npm_packages_are_locked_with_hashes():
    requirements = [*ROOT.glob("nautilus/requirements/*.txt"), *ROOT.glob("requirements/*.txt")]
    assert len(requirements) > 3
    for path in requirements:
        pinned = [line for line in path.read_text().splitlines() if re.match(r"\w", line)]
        entries = re.split(r"\n(?=\w)", path.read_text())
        assert pinned
        assert [it for it in entries if re.match(r"\w", it) and "--hash=sha256:" not in it] == []
    for path in (
        ROOT / "uv.lock",
        ROOT / "nautilus/uv.lock",
        ROOT / "tests/rendered/checkov/uv.lock",
    ):
        files = re.findall(r'\{ url = "[^"]+"[^}]*\}', path.read_text())
        assert len(files) > 50
        assert [it for it in files if 'hash = "sha256:' not in it] == []
    lock = json.loads((ROOT / "nautilus/frontend/package-lock.json").read_text())
    packages = {name: it for name, it in lock["packages"].items() if name and not it.get("link")}
    assert packages
    assert [name for name, it in packages.items() if "integrity" not in it] == []


def test_nothing_is_installed_past_a_lock_file():
    makefile = (ROOT / "Makefile").read_text() + (ROOT / "tests/run.sh").read_text()
    installs = [line for line in makefile.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line for line in installs)
    assert not re.search(r"npm (i|install)\b", makefile)
    syncs = [line for line in makefile.splitlines() if "uv" in line.lower() and " sync " in line]
    assert syncs
    assert all("--frozen" in line for line in syncs)
