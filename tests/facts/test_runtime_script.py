import os
import socket
import time
from pathlib import Path

from facts.runtime import PROBE_TIMEOUT_S, Runtime


def listening(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # A socket's address is limited to about 100 bytes, its place in a directory isn't.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        listener.bind(path.name)
    finally:
        os.chdir(before)
    listener.listen()
    return listener


ANSWER = (
    '{"Version":"28.3.0","ApiVersion":"1.51","MinAPIVersion":"1.24","Os":"linux","Arch":"arm64"}'
)


def cli_that_answers(executable, path, socket_name):
    return executable(
        path,
        f"""[ -n "$DOCKER_CONTEXT" ] && exit 3
case $DOCKER_HOST in
*{socket_name}) echo '{ANSWER}' ;;
*) echo null; echo "Cannot connect to the Docker daemon at $DOCKER_HOST." >&2; exit 1 ;;
esac""",
    )


def test_runtime_takes_the_first_socket_that_answers(ask, executable, home):
    cli = cli_that_answers(executable, home / ".rd/bin/docker", ".rd/docker.sock")
    with listening(home / ".docker/run/docker.sock"), listening(home / ".rd/docker.sock"):
        found = ask(Runtime(), docker_cli=str(cli))
    assert [(it.runtime, it.outcome) for it in found.attempts] == [
        ("docker-desktop", "failed"),
        ("rancher", "answered"),
    ]
    assert found.attempts[0].message.startswith("Cannot connect to the Docker daemon")
    assert found.daemon.docker_cli == str(cli)
    assert found.daemon.docker_socket == str(home / ".rd/docker.sock")
    assert (found.daemon.version, found.daemon.api_version) == ("28.3.0", "1.51")


def test_runtime_gives_up_on_a_socket_that_nobody_answers(ask, executable, home):
    cli = executable(home / "docker", "exec sleep 60")
    started = time.monotonic()
    with listening(home / ".orbstack/run/docker.sock"):
        found = ask(Runtime(), docker_cli=str(cli))
    assert found.daemon is None
    assert ("orbstack", "silent") in [(it.runtime, it.outcome) for it in found.attempts]
    assert time.monotonic() - started < PROBE_TIMEOUT_S * (1 + len(found.attempts))


def test_runtime_takes_the_forced_socket_alone(ask, executable, home):
    cli_that_answers(executable, home / "docker", "mine.sock")
    with listening(home / ".docker/run/docker.sock"), listening(home / "mine.sock"):
        found = ask(Runtime(), "~/docker", "~/mine.sock")
    assert [it.docker_socket for it in found.attempts] == [str(home / "mine.sock")]
    assert found.daemon.runtime == "other"


def test_runtime_says_when_the_forced_socket_is_not_there(ask, executable, home):
    found = ask(Runtime(), docker_socket=str(home / "none.sock"))
    assert found.daemon is None
    assert [it.message for it in found.attempts] == ["no socket there"]


def test_runtime_says_when_the_forced_cli_is_not_there(ask, executable, home):
    with listening(home / ".docker/run/docker.sock"):
        found = ask(Runtime(), docker_cli="/nowhere/docker")
    assert found.daemon is None
    assert (found.attempts[0].outcome, found.attempts[0].docker_cli) == (
        "no-cli",
        "/nowhere/docker",
    )


def test_runtime_names_what_is_installed_but_not_running(ask, executable, home):
    executable(home / ".orbstack/bin/docker", "exit 1")
    found = ask(Runtime())
    assert str(home / ".orbstack/bin/docker") in found.installed
