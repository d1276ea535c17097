"""The Docker runtime of a host."""

import json
from dataclasses import asdict, dataclass
from typing import Literal, cast

from pyinfra.api.facts import FactBase

from facts.shell import path_word, script

PROBE_TIMEOUT_S = 5

RuntimeName = Literal["docker-desktop", "orbstack", "colima", "rancher", "linux", "other"]
Outcome = Literal["answered", "failed", "silent", "no-cli"]


@dataclass(frozen=True)
class Daemon:
    """A Docker daemon that answers on a host, and how to reach it there (absolute paths)."""

    runtime: RuntimeName
    docker_cli: str
    docker_socket: str
    version: str
    api_version: str
    min_api_version: str
    os: str
    architecture: str


@dataclass(frozen=True)
class Attempt:
    """A socket that exists and was asked, with the outcome and the words that came back.

    `silent`: it did not answer within PROBE_TIMEOUT_S; `failed`: stale, refused or not permitted;
    `no-cli`: there is no Docker CLI to ask it with.
    """

    runtime: RuntimeName
    docker_socket: str
    docker_cli: str
    outcome: Outcome
    message: str


@dataclass(frozen=True)
class RuntimeInfo:
    """The daemon to use, or None; then the rest tells why.

    `installed` names the Docker programs that are there although no daemon answers. On a Mac
    `console_user` is who is logged in at the screen: `root` means nobody, and Docker Desktop needs
    somebody.
    """

    daemon: Daemon | None = None
    attempts: tuple[Attempt, ...] = ()
    installed: tuple[str, ...] = ()
    console_user: str = ""

    def to_json(self) -> dict[str, object]:
        """For pyinfra's own JSON output."""
        return asdict(self)


class Runtime(FactBase[RuntimeInfo]):
    """The first Docker runtime whose daemon answers, and every socket that was tried.

    + docker_cli: the CLI's path, absolute or below `~/`, instead of looking for it
    + docker_socket: the daemon's socket, likewise
    """

    def command(self, docker_cli: str | None = None, docker_socket: str | None = None) -> str:
        """One script; DOCKER_HOST overrides the user's context, no credential store is asked."""
        return script(
            "runtime",
            path_word(docker_cli or ""),
            path_word(docker_socket or ""),
            probe_timeout_s=str(PROBE_TIMEOUT_S),
        )

    @staticmethod
    def default() -> RuntimeInfo:
        """No trace of Docker."""
        return RuntimeInfo()

    def process(self, output: list[str]) -> RuntimeInfo:
        """Read the tab-separated lines."""
        daemon: Daemon | None = None
        attempts: list[Attempt] = []
        installed: list[str] = []
        console_user = ""
        for line in output:
            kind, *fields = line.split("\t")
            if kind == "installed":
                installed.append(fields[0])
            elif kind == "console_user":
                console_user = fields[0]
            else:
                attempt, daemon = _attempt(kind, *fields)
                attempts.append(attempt)
        return RuntimeInfo(daemon, tuple(attempts), tuple(installed), console_user)


def _attempt(
    outcome: str, runtime: str, docker_socket: str, docker_cli: str, answer: str
) -> tuple[Attempt, Daemon | None]:
    name = _runtime_of(docker_socket) if runtime == "forced" else cast(RuntimeName, runtime)
    server = _server(answer) if outcome == "answered" else None
    if server is None:
        # Any other program that answers with success is no Docker.
        failed = "failed" if outcome == "answered" else cast(Outcome, outcome)
        message = answer.removeprefix("null").strip()
        return Attempt(name, docker_socket, docker_cli, failed, message), None
    daemon = Daemon(
        runtime=name,
        docker_cli=docker_cli,
        docker_socket=docker_socket,
        version=server.get("Version", ""),
        api_version=server.get("ApiVersion", ""),
        min_api_version=server.get("MinAPIVersion", ""),
        os=server.get("Os", ""),
        architecture=server.get("Arch", ""),
    )
    return Attempt(name, docker_socket, docker_cli, "answered", daemon.version), daemon


def _server(answer: str) -> dict[str, str] | None:
    # The CLI may warn about its configuration before it answers.
    start = answer.find("{")
    if start < 0:
        return None
    try:
        server = json.JSONDecoder().raw_decode(answer, start)[0]
    except json.JSONDecodeError:
        return None
    return server if "ApiVersion" in server else None


def _runtime_of(docker_socket: str) -> RuntimeName:
    places: dict[str, RuntimeName] = {
        "/.docker/run/": "docker-desktop",
        "/.orbstack/": "orbstack",
        "colima/": "colima",
        "/.rd/": "rancher",
        "/run/": "linux",
    }
    return next((name for place, name in places.items() if place in docker_socket), "other")
