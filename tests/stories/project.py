"""A project that somebody deploys: a folder with data and templates, and the pyinfra command."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

from lab.machine import registry_settings
from lab.spec import HostState, pyinfra_groups

ROOT = Path(__file__).parents[2]
PYINFRA = Path(sys.executable).with_name("pyinfra")
TIMEOUT_S = 900


@dataclass(frozen=True)
class Run:
    """What a pyinfra command said and how it ended."""

    status: int
    text: str
    output: str
    """stdout alone, where JSON is."""
    longest_silence_s: float = 0
    """The longest while without a line, from its begin to its end."""

    @property
    def words(self) -> str:
        """The text with its line breaks as spaces, for sentences that a terminal would wrap."""
        return " ".join(self.text.split())

    @property
    def changes(self) -> list[dict[str, Any]]:
        """plan[].args[].changes of `--json`, one after the other, each once."""
        plan = json.loads(self.output)["plan"]
        found = [
            change
            for operation in plan
            for argument in operation["args"]
            for change in argument["changes"]
        ]
        return list({json.dumps(change, sort_keys=True): change for change in found}.values())


class Project:
    """A folder to run pyinfra in, and the inventory to run it with."""

    def __init__(self, folder: Path, inventory: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.inventory, self.environment = folder, inventory, environment

    def run(
        self,
        program: str,
        *options: str,
        hosts: str,
        inventory: Path | None = None,
        **data: object,
    ) -> Run:
        """Run `pyinfra INVENTORY PROGRAM --limit HOST … --data KEY=VALUE …` as a user would."""
        command = [*self._command(program, hosts, inventory, *options), *_said(data)]
        moments = [monotonic()]
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}

        def listen(stream: Iterable[str], lines: list[str]) -> None:
            for line in stream:
                moments.append(monotonic())
                lines.append(line)

        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            streams = ((process.stdout, said["stdout"]), (process.stderr, said["stderr"]))
            listeners = [Thread(target=listen, args=each, daemon=True) for each in streams]
            for listener in listeners:
                listener.start()
            try:
                status = process.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            for listener in listeners:
                listener.join()
        moments.append(monotonic())
        silences = (later - earlier for earlier, later in pairwise(sorted(moments)))
        output, told = ("".join(said[name]) for name in ("stdout", "stderr"))
        return Run(status, output + told, output, max(silences))

    def start(
        self, program: str, *options: str, hosts: str, **data: object
    ) -> subprocess.Popen[str]:
        """Start a command that runs until it is interrupted; stderr comes with stdout."""
        return subprocess.Popen(
            [*self._command(program, hosts, None, *options), *_said(data)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _command(
        self, program: str, hosts: str, inventory: Path | None, *options: str
    ) -> list[str]:
        words = [str(PYINFRA), str(inventory or self.inventory), str(ROOT / program), *options]
        return words + [word for host in hosts.split(",") for word in ("--limit", host)]

    def deploy(self, *options: str, hosts: str, **data: object) -> Run:
        """Run deploy.py; it has to succeed."""
        run = self.run("deploy.py", "-y", *options, hosts=hosts, **data)
        assert run.status == 0, run.text
        return run

    def keep_services(self, *names: str) -> None:
        """Leave no more than these services in the project's stack."""
        kept = f"{{name: stack['services'][name] for name in {names!r}}}"
        with (self.folder / "group_data/all.py").open("a") as data:
            data.write(f"\nstack['services'] = {kept}\n")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that a file of the project has exactly once."""
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new))


def _said(data: Mapping[str, object]) -> list[str]:
    """`--data KEY=VALUE` for each."""
    words = {key: it if isinstance(it, str) else json.dumps(it) for key, it in data.items()}
    return [word for key, text in words.items() for word in ("--data", f"{key}={text}")]


def write_inventory(file: Path, groups: Mapping[str, list[tuple[str, dict[str, object]]]]) -> Path:
    """Write an inventory as people do: a list a group."""
    file.write_text("".join(f"{name} = {hosts!r}\n" for name, hosts in groups.items()))
    return file


def login(state: HostState, **data: object) -> tuple[str, dict[str, object]]:
    """A host's entry in an inventory."""
    (entry,) = pyinfra_groups([state], registry_settings())[state.group]
    return entry[0], {**entry[1], **data}
