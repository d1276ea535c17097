import copy
import functools
from dataclasses import replace

import pytest

from facts.ports import Listener
from facts.requirements import (
    lost_ports,
    refuse_chip,
    refuse_lost_secrets,
    refuse_names,
    refuse_node,
    refuse_ports,
    refuse_tools,
    require_daemon,
    wanted_ports,
)
from facts.runtime import Attempt, RuntimeInfo
from facts.tools import ToolsInfo
from stack.changes.change import Change, Changes
from stack.changes.compare import compare
from stack.errors import DrydockError
from tests.demo import GIB, demo_host, demo_inputs, demo_release, on_disk
from tests.docker_doubles import inspected_containers, observed

CHIP = demo_host().chip
DAEMON = demo_host().runtime


@pytest.fixture
def release(demo_project):
    return functools.partial(demo_release, demo_project)


def said(function, *args, **kwargs):
    with pytest.raises(DrydockError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# The chip


def test_any_chip_will_do_where_none_is_asked_for():
    refuse_chip(demo_inputs(), CHIP)


def test_the_chip_that_is_asked_for_will_do():
    refuse_chip(demo_inputs(chip="m4max"), CHIP)


def test_another_chip_is_refused():
    intel = CHIP.model_copy(update={"name": "Intel(R) Core(TM) i9-9880H", "tag": "i9"})
    assert said(refuse_chip, demo_inputs(chip="m4max"), intel) == (
        "inventory or --data: chip = 'm4max', but this host has Intel(R) Core(TM) i9-9880H (i9):"
        " put it into the group of its own chip in the inventory"
    )


def test_a_virtual_machine_is_not_the_chip_it_runs_on():
    virtual = CHIP.model_copy(update={"virtual": True})
    assert "Apple M4 Max, a virtual machine" in said(
        refuse_chip, demo_inputs(chip="m4max"), virtual
    )


# The daemon


def test_a_daemon_that_answers_will_do():
    assert require_daemon(RuntimeInfo(daemon=DAEMON), is_mac=True) is DAEMON


@pytest.mark.parametrize("api", ["1.44", "1.51", "2.0"])
def test_a_new_daemon_will_do(api):
    assert require_daemon(RuntimeInfo(daemon=replace(DAEMON, api_version=api)), is_mac=True)


@pytest.mark.parametrize("api", ["1.43", "1.9", "1", ""])
def test_an_old_daemon_is_refused(api):
    old = replace(DAEMON, version="24.0.9", api_version=api)
    message = said(require_daemon, RuntimeInfo(daemon=old), is_mac=True)
    assert message.startswith(f"Docker 24.0.9 (API {api}) is too old")


def test_a_daemon_for_windows_containers_is_refused():
    windows = RuntimeInfo(daemon=replace(DAEMON, os="windows"))
    assert "runs windows containers" in said(require_daemon, windows, is_mac=False)


def test_a_host_without_docker_is_told_what_to_install():
    assert said(require_daemon, RuntimeInfo(), is_mac=True).startswith("no Docker on this host")


def test_every_socket_that_was_tried_is_named():
    tried = RuntimeInfo(
        attempts=(
            Attempt("colima", "/c.sock", "", "silent", ""),
            Attempt("orbstack", "/o.sock", "", "no-cli", ""),
            Attempt("forced", "/f.sock", "", "failed", "permission denied"),
        ),
        console_user="me",
    )
    assert said(require_daemon, tried, is_mac=True) == (
        "the Docker daemon doesn't answer: /c.sock (colima) doesn't answer;"
        " /o.sock (orbstack) has no Docker CLI; /f.sock (forced) fails: permission denied;"
        " start it, then run again"
    )


@pytest.mark.parametrize(("user", "told"), [("root", True), ("", True), ("me", False)])
def test_a_mac_with_nobody_at_its_screen_is_told_so(user, told):
    silent = RuntimeInfo(installed=("/Applications/Docker.app",), console_user=user)
    message = said(require_daemon, silent, is_mac=True)
    assert "/Applications/Docker.app found, but no socket" in message
    assert ("nobody is logged in" in message) == told
    assert "nobody is logged in" not in said(require_daemon, silent, is_mac=False)


# Tools and disk


TOOLS = ToolsInfo("2.26.1", "0.13.1", (), 50 * GIB)
BUILD = Changes((Change("build", "risk", "image", also="create"),))
UPDATE = Changes((Change("update", "risk", "memory"),))


def test_tools_that_are_there_will_do():
    refuse_tools(TOOLS, BUILD, 6 * GIB)
    refuse_tools(replace(TOOLS, compose_version="5.0.0"), BUILD, 6 * GIB)


@pytest.mark.parametrize(("version", "found"), [("", "none"), ("1.29.2", "version 1.29.2")])
def test_compose_2_is_needed(version, found):
    message = said(refuse_tools, replace(TOOLS, compose_version=version), UPDATE, 0)
    assert message.startswith(f"Docker Compose v2 is needed, found {found}")


def test_buildx_is_needed_only_where_something_is_built():
    without = replace(TOOLS, buildx_version="")
    refuse_tools(without, UPDATE, 0)
    assert "buildx is needed" in said(refuse_tools, without, BUILD, 0)


def test_too_little_disk_is_refused_only_where_something_is_built():
    full = replace(TOOLS, free_bytes=GIB)
    refuse_tools(full, UPDATE, 6 * GIB)
    assert said(refuse_tools, full, BUILD, 6 * GIB).startswith(
        "too little disk: 1 GiB free, building needs 6 GiB"
    )


def test_a_disk_that_does_not_say_is_believed():
    refuse_tools(replace(TOOLS, free_bytes=None), BUILD, 6 * GIB)


# Names


def test_the_stacks_own_containers_may_stay(release):
    refuse_names(release(), observed(release()))


@pytest.mark.parametrize(
    ("labels", "by"),
    [
        ({}, "by hand"),
        ({"com.docker.compose.project": "old"}, "by the compose project 'old'"),
        ({"dev.drydock.stack": "other"}, "by hand"),
    ],
)
def test_a_container_of_somebody_else_under_our_name_is_refused(release, labels, by):
    containers = copy.deepcopy(inspected_containers(release()))
    containers["risk"]["Config"]["Labels"] = labels
    message = said(refuse_names, release(), observed(release(), containers=containers))
    assert message.startswith(f"container demo-risk-engine exists already, made {by}")
    assert "docker rename demo-risk-engine demo-risk-engine-former" in message


def test_a_node_of_a_swarm_is_no_mac_of_its_own(release):
    refuse_node("demo", observed(release()))
    message = said(refuse_node, "demo", replace(observed(release()), in_swarm=True))
    assert message.startswith("runs demo as a node of a swarm: change it there with swarm.py")


# Secrets


def test_a_secret_is_made_where_no_data_depends_on_it(release):
    refuse_lost_secrets(release(), (), ())
    refuse_lost_secrets(release(), (), ("other-store-data",))


def test_a_secret_that_is_there_is_not_lost(release):
    refuse_lost_secrets(release(), ("store_password",), ("demo-store-data",))


def test_a_lost_secret_whose_data_is_still_there_is_refused(release):
    message = said(refuse_lost_secrets, release(), (), ("demo-store-data",))
    assert message.startswith(
        "store: secret store_password is missing on this host, but volume demo-store-data holds"
    )


# Ports


def host_changes(wanted, seen):
    return compare(wanted, on_disk(wanted), seen, 4)


def test_only_what_is_created_wants_its_port(release):
    containers = inspected_containers(release())
    del containers["page"]
    seen = observed(release(), containers=containers)
    assert wanted_ports(release(), host_changes(release(), seen)) == {80: "page"}


def test_a_port_that_another_program_holds_is_refused(release):
    seen = observed(release(), containers={})
    ports = wanted_ports(release(), host_changes(release(), seen))
    apache = Listener(80, "*", "httpd", 123)
    assert said(refuse_ports, release(), ports, [Listener(1, "*"), apache], seen) == (
        "port 80, for page, is taken by httpd, pid 123 on *: stop it, or give the service another"
        " host_port (stack.services.page.host_port)"
    )


@pytest.mark.parametrize("program", ["unknown", "docker-proxy", "com.docke"])
def test_a_port_that_the_daemon_itself_may_hold_is_given_back_by_its_restart(release, program):
    """Seen once in the lab: dockerd was killed between a container's network and its start."""
    seen = observed(release(), containers={})
    ports = wanted_ports(release(), host_changes(release(), seen))
    listeners = [Listener(80, "127.0.0.1", program)]
    assert said(refuse_ports, release(), ports, listeners, seen).endswith(
        "gives the port back when it is restarted; on a Mac --data restart_docker=true does that"
    )
    lost = lost_ports(release(), ports, listeners, seen, published={443})
    assert lost == {80}
    refuse_ports(release(), ports, listeners, seen, lost)


@pytest.mark.parametrize(
    ("program", "published"), [("httpd", ()), ("docker-proxy", (80,)), ("com.docke", (80, 443))]
)
def test_a_port_of_another_program_or_container_is_not_lost(release, program, published):
    seen = observed(release(), containers={})
    ports = wanted_ports(release(), host_changes(release(), seen))
    listeners = [Listener(80, "127.0.0.1", program), Listener(81, "127.0.0.1", "docker-proxy")]
    assert lost_ports(release(), ports, listeners, seen, published) == frozenset()


def test_a_port_that_our_own_container_holds_will_do(release):
    wanted = release({"page": {"pids_limit": 99}})
    seen = observed(release())
    ports = wanted_ports(wanted, host_changes(wanted, seen))
    assert ports == {80: "page"}
    refuse_ports(wanted, ports, [Listener(80, "127.0.0.1", "com.docker.backend", 9)], seen)


def test_services_may_change_ports_with_each_other(release):
    wanted = release({"page": {"host_port": 8200}, "risk": {"host_port": 80}})
    seen = observed(release())
    ports = wanted_ports(wanted, host_changes(wanted, seen))
    assert ports == {8200: "page", 80: "risk"}
    listeners = [Listener(80, "127.0.0.1", "docker", 9), Listener(8200, "127.0.0.1", "docker", 9)]
    refuse_ports(wanted, ports, listeners, seen)


def test_a_new_port_is_not_ours_only_because_its_service_runs(release):
    wanted = release({"page": {"host_port": 8888}})
    seen = observed(release())
    ports = wanted_ports(wanted, host_changes(wanted, seen))
    message = said(refuse_ports, wanted, ports, [Listener(8888, "*", "jupyter", 7)], seen)
    assert message.startswith("port 8888, for page, is taken by jupyter, pid 7")


@pytest.mark.parametrize("fields", [{}, {"pids_limit": 99}])
def test_a_container_that_stopped_holds_no_port(release, fields):
    containers = copy.deepcopy(inspected_containers(release()))
    containers["page"]["State"]["Status"] = "exited"
    wanted, seen = release({"page": fields}), observed(release(), containers=containers)
    ports = wanted_ports(wanted, host_changes(wanted, seen))
    assert "taken by httpd on *" in said(
        refuse_ports, wanted, ports, [Listener(80, "*", "httpd")], seen
    )


@pytest.mark.parametrize("state", [{"Health": {"Status": "starting"}}, {"Status": "paused"}])
def test_what_is_waited_for_or_paused_keeps_its_port(release, state):
    containers = copy.deepcopy(inspected_containers(release()))
    containers["page"]["State"] |= state
    seen = observed(release(), containers=containers)
    ports = wanted_ports(release(), host_changes(release(), seen))
    refuse_ports(release(), ports, [Listener(80, "127.0.0.1", "docker", 9)], seen)
