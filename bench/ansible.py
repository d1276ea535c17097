"""The playbook of `playbook.yml` for a lab host: its files, its settings, its command."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.command import BenchError, Finished, run
from bench.host import Host
from lab.spec import HostState

PLAYBOOK = Path(__file__).with_name("playbook.yml")
PYTHON_SCRIPT = Path(__file__).with_name("python.sh")
UNCHANGED = re.compile(r": ok=3 +changed=0 +unreachable=0 +failed=0 ")


@dataclass(frozen=True)
class Playbook:
    """A playbook that is ready to run."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    python: str
    """Where its hosts have one for the modules."""

    def run(self) -> Finished:
        """Run it on its one host; BenchError unless it finds everything as it should be."""
        return unchanged(run(self.argv, self.environment), 1)

    def on(self, states: Sequence[HostState], file: Path, forks: int) -> "Playbook":
        """The same on other hosts, which have the same Python, with an inventory in `file`."""
        hosts = {state.name: _login(state, self.python) for state in states}
        file.write_text(json.dumps({"all": {"hosts": hosts}}))
        others = ("--inventory", str(file), "--forks", str(forks))
        return replace(self, argv=(self.argv[0], *others, *self.argv[3:]))


def unchanged(finished: Finished, hosts: int) -> Finished:
    """A run on so many hosts; BenchError unless it found all of them as they should be."""
    if len(UNCHANGED.findall(finished.output)) != hosts:
        raise BenchError(f"the playbook had something to do:\n{finished.output}")
    return finished


def prepare(host: Host, directory: Path) -> Playbook:
    """Write the playbook's files into `directory`, and give the host a Python for its modules."""
    python = run(host.ssh(_install_python(host))).lines[-1][1]
    release = f"{host.directory}/current"
    files = [host.compose_file, *_configuration(host)]
    for file in files:
        content = run(host.ssh(f"cat {release}/{file}")).output + "\n"
        template = directory / "templates" / file
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(f"{{% raw %}}{content}{{% endraw %}}")
    variables = {
        "templates": str(directory / "templates"),
        "release": release,
        "files": files,
        "compose_file": host.compose_file,
        "docker_cli": host.state.cli,
        "docker_environment": host.docker_environment,
        "endpoints": [
            f"http://127.0.0.1:{service.published_port}{service.endpoint}"
            for service in host.stack.services.values()
            if service.endpoint
        ],
    }
    (directory / "variables.json").write_text(json.dumps(variables))
    inventory = {"all": {"hosts": {host.state.name: _login(host.state, python)}}}
    (directory / "hosts.json").write_text(json.dumps(inventory))
    return Playbook(
        argv=(
            *(_program(), "--inventory", str(directory / "hosts.json")),
            *("--extra-vars", f"@{directory}/variables.json", str(PLAYBOOK)),
        ),
        environment={"ANSIBLE_CONFIG": str(PLAYBOOK.with_name("ansible.cfg"))},
        python=python,
    )


def _install_python(host: Host) -> str:
    words = shlex.join(["set", "--", host.stack.bases["python"]])
    return f"{words} {host.docker()}\n{PYTHON_SCRIPT.read_text()}"


def _configuration(host: Host) -> list[str]:
    """Rendered configuration files of the services, by their paths in the release."""
    return [
        f"images/{name}/{path}"
        for name, service in host.stack.services.items()
        if service.build
        for path in service.build.rendered
    ]


def _login(state: HostState, python: str) -> dict[str, object]:
    return {
        "ansible_host": state.address,
        "ansible_port": state.port,
        "ansible_user": state.user,
        "ansible_ssh_private_key_file": state.key,
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={state.known_hosts}",
        "ansible_python_interpreter": python,
    }


def _program() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    program = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not program:
        raise BenchError("ansible-playbook is missing: uv sync --group bench")
    return program
