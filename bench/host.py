"""The lab's hosts as a benchmark uses them: deploys to them, and commands on them."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pprint import pformat
from runpy import run_path

from bench.command import BenchError, Finished, run
from lab.hosts import ssh_command
from lab.machine import registry_settings
from lab.settings import Settings
from lab.spec import HostSpec, HostState, pyinfra_groups, read_state
from stack.load import load_stack
from stack.model import Stack

HOME = Path(__file__).parents[1]
UNCHANGED = re.compile(r"\] +no changes: ")


@dataclass(frozen=True)
class Host:
    """One lab host that runs the stack."""

    state: HostState
    inventory: Path
    stack: Stack
    project: Path = HOME
    """The folder with the stack's data and templates."""

    @property
    def directory(self) -> str:
        """The stack's directory on the host."""
        home = HostSpec(**self.state.spec).home  # type: ignore[arg-type]
        return f"{home}/.drydock/{self.stack.name}"

    @property
    def compose_file(self) -> str:
        """The current release's compose file, by its path in the release."""
        return f"docker-compose.{self.state.group}.yml"

    @property
    def docker_environment(self) -> dict[str, str]:
        """What every docker command on the host needs."""
        return {
            "DOCKER_HOST": f"unix://{self.state.socket}",
            "DOCKER_CONFIG": f"{self.directory}/docker",
        }

    def pyinfra(self, deploy: str, *arguments: str) -> list[str]:
        """The command that runs a deploy of this project on this host."""
        return pyinfra((self,), deploy, *arguments)

    def ssh(self, script: str) -> list[str]:
        """The command that runs a shell script on the host, over a connection of its own."""
        return ssh_command(self.state, script)

    def docker(self, *arguments: str) -> str:
        """A docker command line for `ssh`."""
        variables = [f"{key}={value}" for key, value in self.docker_environment.items()]
        return shlex.join(["env", *variables, self.state.cli, *arguments])


def pyinfra(hosts: Sequence[Host], deploy: str, *arguments: str) -> list[str]:
    """The command that runs a deploy of this project on some hosts."""
    program = str(Path(sys.executable).with_name("pyinfra"))
    limits = [word for host in hosts for word in ("--limit", host.state.name)]
    return [program, str(hosts[0].inventory), str(HOME / deploy), "-y", *limits, *arguments]


def lab_hosts(count: int, directory: Path, project: Path = HOME) -> list[Host]:
    """The first hosts of the lab, which is started if it lacks them."""
    state_file = Settings.from_environment().state_file
    if len(read_state(state_file)) < count:
        run([sys.executable, "-m", "lab", "up", "--n", str(count), "--chips", "m4max,m1"])
    return hosts_of(list(read_state(state_file).values())[:count], directory, project)


def hosts_of(
    states: Sequence[HostState], directory: Path, project: Path = HOME, **data: str
) -> list[Host]:
    """Hosts with a project's stack, and with data of their own.

    Their inventory is written into `directory` as plain data: the lab's own asks pip and npm for
    their settings each time, which no user's inventory does.
    """
    inventory = directory / "inventory.py"
    groups = pyinfra_groups(states, registry_settings() | data)
    inventory.write_text("".join(f"{name} = {pformat(it)}\n" for name, it in groups.items()))
    read = run_path(str(project / "group_data/all.py"))
    stack = load_stack({"stack": read["stack"]}, {}).stack
    return [Host(state, inventory, stack, project) for state in states]


def converge(hosts: Sequence[Host]) -> Finished:
    """Deploy until a run has nothing to do, and return that run."""
    run(pyinfra(hosts, "deploy.py"), directory=hosts[0].project)
    return nothing_to_do(hosts)


def nothing_to_do(hosts: Sequence[Host]) -> Finished:
    """A deploy that must find nothing to do on any host."""
    return unchanged(run(pyinfra(hosts, "deploy.py"), directory=hosts[0].project), len(hosts))


def unchanged(finished: Finished, hosts: int) -> Finished:
    """A deploy to so many hosts; BenchError unless it found nothing to do on any of them."""
    if len(UNCHANGED.findall(finished.output)) != hosts:
        raise BenchError(f"the deploy had something to do:\n{finished.output}")
    return finished
