"""Hosts of a run that get the same share one release."""

from dataclasses import replace

import pytest

from stack.model import Allocation, Map
from stack.release.shared import KEPT, Order, release_for
from tests.demo import SECRETS, UPSTREAM, demo_inputs, write_project


@pytest.fixture
def order(tmp_path) -> Order:
    inputs = demo_inputs(None)
    allocations = {
        name: Allocation(cpuset=None, cpus=1, memory_bytes=2**28, reservation_bytes=2**27)
        for name in inputs.stack.services
    }
    return Order(
        stack=inputs.stack,
        core_map=Map(services=allocations),
        tag="m4max",
        architecture="aarch64",
        settings=inputs.settings,
        upstream_digests=UPSTREAM,
        secrets_directory=SECRETS,
        project=write_project(tmp_path),
    )


def test_hosts_that_get_the_same_share_one_release(order):
    other = demo_inputs(None)
    same = replace(order, stack=other.stack, settings=other.settings)
    assert release_for(order) is release_for(same)


def test_whatever_differs_is_rendered_apart(order):
    inputs = demo_inputs({"risk": {"memory": "3 GiB"}}, bind_address="10.0.0.1")
    orders = [
        order,
        replace(order, tag="m1"),
        replace(order, architecture="x86_64"),
        replace(order, stack=inputs.stack),
        replace(order, settings=inputs.settings),
        replace(order, secrets_directory="/elsewhere"),
        replace(order, monitored=False),
        replace(order, upstream_digests={name: f"{it}0" for name, it in UPSTREAM.items()}),
    ]
    first = [release_for(it) for it in orders]
    assert len(set(map(id, first))) == len(orders) <= KEPT
    assert [release_for(it) for it in orders] == first


def test_a_release_that_is_no_longer_held_is_rendered_again(order):
    first = release_for(order)
    for number in range(KEPT):
        release_for(replace(order, tag=f"m{number}"))
    again = release_for(order)
    assert again is not first
    assert again.id == first.id
