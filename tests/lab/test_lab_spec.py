"""What a lab is asked for, and the inventory it gives pyinfra."""

from pathlib import Path

import pytest

from lab.hosts import ssh_command, state_of
from lab.process import LabError
from lab.settings import Settings
from lab.spec import host_specs, pyinfra_groups, read_state, write_state

SETTINGS = Settings.from_environment({})


def test_a_short_list_of_chips_is_repeated() -> None:
    specs = host_specs(3, ["m4max", "m1"], ["docker-desktop"])

    assert [(spec.name, spec.chip) for spec in specs] == [
        ("mac1", "m4max"),
        ("mac2", "m1"),
        ("mac3", "m4max"),
    ]


def test_a_chip_variant_is_in_its_chips_group() -> None:
    assert host_specs(1, ["m4max-64"], ["colima"])[0].group == "m4max"


def test_plain_linux_has_no_chip_and_no_credential_helper() -> None:
    (spec,) = host_specs(1, ["m1"], ["linux"])

    assert (spec.chip, spec.group, spec.home) == ("linux-x86-64", "linux-x86-64", "/home/trader")
    assert not spec.credentials_store


@pytest.mark.parametrize(
    ("count", "chips", "runtimes", "message"),
    [
        (0, ["m1"], ["colima"], "--n 0"),
        (1, ["m99"], ["colima"], "m99.*m4max"),
        (1, ["m1"], ["podman"], "podman.*orbstack"),
    ],
)
def test_what_is_unknown_is_named(
    count: int, chips: list[str], runtimes: list[str], message: str
) -> None:
    with pytest.raises(LabError, match=message):
        host_specs(count, chips, runtimes)


def test_the_socket_is_where_the_runtime_puts_it() -> None:
    (spec,) = host_specs(1, ["m1"], ["rancher"])

    assert state_of(SETTINGS, spec).socket == "/Users/trader/.rd/docker.sock"


def test_state_survives_its_file(tmp_path: Path) -> None:
    hosts = [state_of(SETTINGS, spec) for spec in host_specs(2, ["m4max", "m1"], ["orbstack"])]
    file = tmp_path / "state.json"

    assert read_state(file) == {}
    write_state(file, SETTINGS.registry_address, hosts)

    assert read_state(file) == {host.name: host for host in hosts}


def test_inventory_groups_by_chip_and_logs_in_strictly() -> None:
    hosts = [state_of(SETTINGS, spec) for spec in host_specs(2, ["m4max", "m1"], ["orbstack"])]

    groups = pyinfra_groups(hosts, {"ca_bundle": "/etc/bundle.pem"})

    assert sorted(groups) == ["m1", "m4max"]
    ((name, data),) = groups["m4max"]
    assert name == "mac1"
    assert data["ssh_hostname"] == "10.77.0.11"
    assert data["ssh_strict_host_key_checking"] == "yes"
    assert data["ca_bundle"] == "/etc/bundle.pem"


def test_ssh_takes_nothing_from_the_users_own_settings() -> None:
    (spec,) = host_specs(1, ["m1"], ["orbstack"])

    command = ssh_command(state_of(SETTINGS, spec), "true")

    assert command[:3] == ["ssh", "-F", "/dev/null"]
    assert command[-2:] == ["trader@10.77.0.11", "true"]
