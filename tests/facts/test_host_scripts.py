import os
import socket

from facts.ports import Listeners
from facts.tools import Tools


def test_tools_runs_the_plugins_that_lie_beside_the_cli(ask, executable, home):
    executable(home / "rd/docker-compose", "echo 2.26.1")
    executable(home / "rd/docker-buildx", "echo github.com/docker/buildx v0.13.1 abc")
    tools = ask(Tools(), str(home / "rd/docker"), "~/not/there yet")
    assert str(home / "rd") in tools.plugin_directories
    assert tools.compose_version
    assert tools.buildx_version
    stat = os.statvfs(home)
    assert abs(tools.free_bytes - stat.f_bavail * stat.f_frsize) < 2**30


def test_tools_prefers_the_users_own_plugins(ask, executable, home):
    executable(home / ".docker/cli-plugins/docker-compose", "echo v2.99.9-desktop.1")
    executable(home / "bin/docker-compose", "echo 2.26.1")
    tools = ask(Tools(), str(home / "bin/docker"), str(home))
    assert tools.compose_version == "2.99.9"


def test_listeners_finds_this_process(ask):
    with socket.create_server(("127.0.0.1", 0)) as mine, socket.create_server(("", 0)) as public:
        ports = [mine.getsockname()[1], public.getsockname()[1]]
        found = {it.port: it for it in ask(Listeners(), ports)}
    assert set(found) == set(ports)
    assert found[ports[0]].address == "127.0.0.1"
    assert found[ports[1]].address == "*"


def test_listeners_finds_nothing_on_a_closed_port(ask):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(Listeners(), [port]) == ()
