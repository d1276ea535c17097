"""A subnet that is taken is refused by name."""

from ipaddress import IPv4Network

from lab.network import taken_by

SUBNET = IPv4Network("10.77.0.0/24")
DEFAULT = {"dst": "default", "dev": "eth0"}


def test_a_free_subnet_is_free() -> None:
    assert taken_by(SUBNET, [DEFAULT, {"dst": "10.78.0.0/24", "dev": "eth0"}], "drydock0") is None


def test_the_labs_own_bridge_does_not_take_it() -> None:
    assert taken_by(SUBNET, [{"dst": "10.77.0.0/24", "dev": "drydock0"}], "drydock0") is None


def test_an_overlapping_route_takes_it() -> None:
    assert taken_by(SUBNET, [{"dst": "10.0.0.0/8", "dev": "vpn0"}], "drydock0") == (
        "vpn0 (10.0.0.0/8)"
    )


def test_a_host_route_counts_too() -> None:
    assert taken_by(SUBNET, [{"dst": "10.77.0.9", "dev": "eth1"}], "drydock0") is not None
