"""Where services belong on a swarm: what must hold of any placement, and what a loss leaves."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.errors import DrydockError
from stack.load import load_stack
from stack.swarm.capacity import allocate_over
from stack.swarm.cores import cores_by_service, same_cores
from stack.swarm.placement import Node, Place, place, weight
from tests.demo import demo_host, demo_inputs

GIB = 2**30
HEALTH = {"test": ["true"]}


def node(name, cpus=4, gib=8, **kwargs):
    return Node(name, cpus, int(gib * GIB), **{k: frozenset(v) for k, v in kwargs.items()})


def stack_of(services, **stack):
    data = {
        name: {"phase": "core", "image": "redis:8.0", "cpus": 1, "health": HEALTH, **fields}
        for name, fields in services.items()
    }
    whole = {"name": "demo", "sized_for": {"cpus": 64, "memory": "999 GiB"}, **stack}
    return load_stack({"stack": {**whole, "services": data}}, {})


def placed(inputs, *nodes):
    return place(inputs.stack, allocate_over(inputs, nodes), nodes)


def test_services_are_spread_by_load_over_the_nodes():
    inputs = stack_of({name: {"memory": "1 GiB"} for name in "abcd"})
    places = placed(inputs, node("mac1"), node("mac2"))
    assert sorted(it.node for it in places.values()) == ["mac1", "mac1", "mac2", "mac2"]
    assert {it.spares for it in places.values()} == {("mac1",), ("mac2",)}


def test_a_service_with_data_belongs_where_its_volume_is_and_has_no_spare():
    places = placed(demo_inputs(), node("mac1"), node("mac2", volumes=["demo-store-data"]))
    assert (places["store"].node, places["store"].spares) == ("mac2", ())
    assert places["store"].why == "holds its volume demo-store-data"


def test_a_service_stays_where_it_runs_even_on_the_fuller_node():
    inputs = stack_of({name: {"memory": "1 GiB"} for name in "abc"})
    places = placed(inputs, node("mac1", runs="abc"), node("mac2"))
    assert {it.node for it in places.values()} == {"mac1"}


def test_what_runs_makes_way_where_nothing_else_would_fit():
    inputs = stack_of({"small": {"memory": "2 GiB"}, "large": {"memory": "6 GiB"}})
    places = placed(inputs, node("mac1", gib=7, runs=["small"]), node("mac2", gib=4))
    assert (places["large"].node, places["small"].node) == ("mac1", "mac2")


def test_throughput_goes_elsewhere_before_it_contends_with_latency():
    services = {"fast": {"cpus": 3, "memory": "1 GiB", "latency_class": "latency"}}
    services["slow"] = {"cpus": 2, "memory": "1 GiB"}
    places = placed(stack_of(services), node("mac1", cpus=4), node("mac2", cpus=2))
    assert (places["fast"].node, places["slow"].node) == ("mac1", "mac2")


def test_where_limits_may_add_to_more_than_memory_reservations_count():
    services = {name: {"memory": "6 GiB", "reservation": "1 GiB"} for name in "abc"}
    with pytest.raises(DrydockError, match=r"stack\.overcommit"):
        placed(stack_of(services), node("mac1"), node("mac2"))
    places = placed(stack_of(services, overcommit=True), node("mac1"), node("mac2"))
    assert {it.node for it in places.values()} == {"mac1", "mac2"}


def test_nodes_that_are_too_small_together_are_refused_with_what_would_fit():
    services = {name: {"memory": "6 GiB", "working_set": "6 GiB"} for name in "abc"}
    with pytest.raises(DrydockError, match=r"needs at least 20 GiB .* 2 nodes .* leave out b, c"):
        placed(stack_of(services), node("mac1", gib=4), node("mac2"))


def test_a_service_that_no_node_has_room_for_is_named_with_the_nodes():
    services = {name: {"memory": "6 GiB"} for name in "abc"}
    with pytest.raises(DrydockError, match=r"c: no node has 1 CPUs and 6 GiB .* mac2 4 CPUs"):
        placed(stack_of(services), node("mac1"), node("mac2"))


def test_a_volume_on_two_nodes_is_refused_unless_its_service_runs_on_one():
    both = [node("mac1", volumes=["demo-store-data"])]
    with pytest.raises(DrydockError, match="on mac1 and mac2: remove it"):
        placed(demo_inputs(), *both, node("mac2", volumes=["demo-store-data"]))
    second = node("mac2", volumes=["demo-store-data"], runs=["store"])
    assert placed(demo_inputs(), *both, second)["store"].node == "mac2"


def test_a_volume_on_a_node_without_room_is_refused():
    with pytest.raises(DrydockError, match="store: its volume demo-store-data is on mac1"):
        placed(demo_inputs(), node("mac1", gib=1, volumes=["demo-store-data"]), node("mac2"))


@settings(max_examples=100, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 4), st.floats(0.1, 4)), min_size=1, max_size=12),
    nodes=st.lists(st.tuples(st.integers(4, 16), st.integers(8, 64)), min_size=1, max_size=4),
)
def test_no_node_is_given_more_than_it_has_and_the_same_again_stays(sizes, nodes):
    services = {f"s{i}": {"memory": f"{g} GiB", "cpus": c} for i, (g, c) in enumerate(sizes)}
    macs = [node(f"mac{i}", cpus, gib) for i, (cpus, gib) in enumerate(nodes)]
    inputs = stack_of(services)
    try:
        allocations = allocate_over(inputs, macs)
        places = place(inputs.stack, allocations, macs)
    except DrydockError:
        return
    for mac in macs:
        own = [allocations[name] for name, it in places.items() if it.node == mac.name]
        assert sum(weight(inputs.stack, it) for it in own) <= 0.9 * mac.memory_bytes
        assert all(it.cpus <= mac.cpus for it in own)
    runs = {mac.name: {n for n, it in places.items() if it.node == mac.name} for mac in macs}
    running = [replace(mac, runs=frozenset(runs[mac.name])) for mac in macs]
    again = place(inputs.stack, allocate_over(inputs, running), running)
    assert {n: it.node for n, it in again.items()} == {n: it.node for n, it in places.items()}


def test_each_node_gets_cores_for_what_belongs_there():
    inputs = demo_inputs()
    home = {"store": "mac1", "risk": "mac2", "page": "mac1"}
    places = {name: Place(host, (), "") for name, host in home.items()}
    host = demo_host()
    nodes = dict.fromkeys(("mac1", "mac2", "mac3"), (host.chip, host.daemon))
    cores = cores_by_service(inputs, places, nodes)
    assert cores["risk"] == "0,1"
    assert cores["store"] == "0-3", "not pinned: all cores of its daemon"


def test_all_cores_are_the_same_however_they_are_said():
    daemon = demo_host().daemon
    assert same_cores("", "0-3", daemon)
    assert same_cores("0,1", "0-1", daemon)
    assert not same_cores("", "0-1", daemon)
