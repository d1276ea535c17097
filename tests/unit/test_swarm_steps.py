"""Who forms a swarm, and what a deploy would do to it."""

from dataclasses import replace

import pytest

from stack.errors import DrydockError
from stack.swarm.membership import (
    Formation,
    FoundNode,
    Member,
    address_pool,
    formation_of,
    member_of,
    node_of,
    refuse_members,
)
from stack.swarm.placement import Place
from stack.swarm.spec import service_spec
from stack.swarm.steps import (
    Found,
    FoundService,
    hosts_by_service,
    label_changes,
    refuse_lost_data,
    steps_of,
    waves,
)
from tests.demo import demo_inputs, demo_release

NONE = Formation("mac1", begins=False, joins=(), promotes=(), gone=(), replaced=())
PLACES = {name: Place("mac1", ("mac2",), "runs there") for name in ("risk", "page")}
PLACES["store"] = Place("mac1", (), "holds its volume demo-store-data")


def member(number, state="inactive", **fields):
    known = {"node_id": f"n{number}"} if state == "active" else {}
    address = f"192.0.2.{number}"
    return Member(f"mac{number}", "colima", address, state, **{**known, **fields})


def node(number, *, ready=True, role="worker", labels=()):
    said = dict.fromkeys(labels, "yes")
    return FoundNode(f"n{number}", "colima", f"192.0.2.{number}", ready, role, said)


def test_a_daemon_says_its_part_and_a_manager_knows_its_nodes():
    info = {"Swarm": {"LocalNodeState": "active", "NodeID": "n1", "ControlAvailable": True}}
    assert member_of("mac1", "colima", "192.0.2.1", info) == member(1, "active", controls=True)
    assert member_of("mac1", "colima", None, {}).state == "inactive"
    inspected = {
        "ID": "n1",
        "Description": {"Hostname": "colima"},
        "Status": {"State": "down", "Addr": "192.0.2.1"},
        "Spec": {"Role": "worker"},
    }
    assert node_of(inspected) == node(1, ready=False)


@pytest.mark.parametrize(("macs", "managers"), [(1, 0), (2, 0), (3, 2), (4, 2), (7, 4)])
def test_the_first_begins_and_an_odd_number_manages(macs, managers):
    formation = formation_of([member(number) for number in range(1, macs + 1)], [])
    assert (formation.manager, formation.begins) == ("mac1", True)
    assert len(formation.joins) == macs - 1
    assert [role for _, role in formation.joins].count("manager") == managers


def test_who_is_in_stays_and_the_rest_joins():
    members = [member(1), member(2, "active", controls=True), member(3, "active")]
    formation = formation_of(members, [node(2, role="manager"), node(3)])
    assert (formation.manager, formation.begins) == ("mac2", False)
    assert formation.joins == (("mac1", "manager"),)
    assert formation.promotes == ("mac3",)


def test_a_mac_that_left_joins_anew_and_its_former_node_is_forgotten():
    members = [member(1, "active", controls=True), member(2)]
    nodes = [node(1, role="manager"), replace(node(2, ready=False), id="former")]
    formation = formation_of(members, nodes)
    assert [it.id for it in formation.replaced] == ["former"]


def test_another_colima_that_is_down_is_not_taken_for_one_that_is_here():
    formation = formation_of(
        [member(1, "active", controls=True)], [node(1, role="manager"), node(2, ready=False)]
    )
    assert [it.id for it in formation.gone] == ["n2"]
    assert formation.replaced == ()


def test_a_member_of_another_swarm_is_refused():
    members = [member(1, "active", controls=True), member(2, "active")]
    with pytest.raises(DrydockError, match="mac2: in another swarm than that of mac1"):
        formation_of(members, [node(1, role="manager")])
    with pytest.raises(DrydockError, match="one whose managers aren't here"):
        formation_of(members[1:], [])


def test_a_node_that_the_run_does_not_reach_is_refused():
    with pytest.raises(DrydockError, match=r"colima \(192\.0\.2\.2\): .* without --limit"):
        formation_of([member(1, "active", controls=True)], [node(1, role="manager"), node(2)])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"runtime": "docker-desktop"}, "Docker Desktop's VM is not on the LAN"),
        ({"address": None}, "2377/tcp, 7946/tcp and udp, 4789/udp, and IP protocol 50"),
        ({"state": "locked"}, "docker swarm unlock"),
        ({"state": "pending", "error": "no route"}, "no route"),
    ],
)
def test_a_daemon_that_others_cannot_reach_is_refused_in_words(fields, words):
    with pytest.raises(DrydockError) as refused:
        refuse_members([member(1), replace(member(2), **fields)])
    assert str(refused.value).startswith("mac2: ")
    assert words in str(refused.value)


def test_a_single_docker_desktop_is_a_swarm_by_itself():
    refuse_members([replace(member(1), runtime="docker-desktop")])


@pytest.mark.parametrize(
    ("address", "pool"), [("192.168.1.4", "10.0.0.0/8"), ("10.0.1.4", "198.18.0.0/16")]
)
def test_the_networks_of_a_swarm_are_not_on_the_lan(address, pool):
    assert address_pool(["192.168.1.3", address]) == pool


@pytest.fixture
def release(demo_project):
    return demo_release(demo_project)


@pytest.fixture
def specs(release):
    return {
        name: service_spec(
            release.stack, name, release.containers[name], release.map.services[name],
            release.images[name].pinned_reference, {"store_password": "s1"}, demo_inputs().settings,
        )
        for name in release.stack.services
    }  # fmt: skip


@pytest.fixture
def there(specs):
    """A swarm that has all that it should have."""
    return Found(
        services={name: FoundService(spec, "mac1") for name, spec in specs.items()},
        secrets={"store_password": "s1"},
        all_secrets=["s1"],
        has_network=True,
        labelled={n: frozenset((it.node, *it.spares)) for n, it in PLACES.items()},
    )


@pytest.fixture
def steps(release, specs):
    def between(found, formation=NONE, places=PLACES, secret="s1"):  # noqa: S107
        made = steps_of(release.stack, specs, places, {"store_password": secret}, formation, found)
        return [(it.kind, it.subject) for it in made]

    return between


def test_a_second_run_changes_nothing(steps, there):
    assert steps(there) == []


def test_from_nothing_all_is_made_in_order(steps):
    first = Formation("mac1", True, (("mac2", "worker"),), (), (), ())
    assert steps(Found(), first, secret=None) == [
        ("begin", "mac1"),
        ("join", "mac2"),
        ("network", "demo"),
        ("secret", "store_password"),
        ("create", "store"),
        ("create", "risk"),
        ("create", "page"),
    ]


def test_another_value_of_a_secret_replaces_the_former(steps, there):
    assert steps(there, secret="s2") == [("secret", "store_password"), ("clear", "s1")]


def test_what_differs_is_updated_and_what_is_gone_from_the_stack_removed(steps, there, specs):
    changed = {**specs["risk"], "Mode": {"Replicated": {"Replicas": 3}}}
    services = {**there.services, "risk": FoundService(changed, "mac1")}
    services["former"] = FoundService(specs["page"], "mac1")
    found = replace(there, services=services)
    assert steps(found) == [("update", "risk"), ("remove", "former")]


def test_what_runs_elsewhere_is_moved_and_what_does_not_run_waited_for(steps, there, specs):
    services = {**there.services, "risk": FoundService(specs["risk"], "mac2")}
    services["page"] = FoundService(specs["page"], None)
    found = replace(there, services=services)
    assert steps(found) == [("place", "risk"), ("wait", "page")]


def test_a_new_mac_becomes_a_spare(steps, there):
    places = {**PLACES, "page": Place("mac1", ("mac2", "mac3"), "runs there")}
    assert steps(there, places=places) == [("place", "page")]


def test_data_on_a_node_that_is_down_is_waited_for_not_begun_anew(release):
    label = "dev.drydock.demo.store"
    down = replace(NONE, gone=(node(2, ready=False, labels=[label]),))
    with pytest.raises(DrydockError, match=r"store: data is on colima \(192\.0\.2\.2\)"):
        refuse_lost_data(release.stack, down)
    refuse_lost_data(release.stack, replace(down, replaced=down.gone))
    refuse_lost_data(release.stack, replace(NONE, gone=(node(2, ready=False),)))


def test_labels_of_others_stay(release):
    labels = {"dev.drydock.demo.risk": "yes", "rack": "7", "dev.drydock.demo.page": "yes"}
    changed = label_changes(release.stack, {"risk": frozenset(["mac2"])}, "mac1", labels)
    assert changed == {"rack": "7", "dev.drydock.demo.page": "yes"}
    again = label_changes(release.stack, {"risk": frozenset(["mac2"])}, "mac2", changed)
    assert again == labels
    nodes = {"mac1": node(1, labels=["dev.drydock.demo.page"]), "mac2": node(2)}
    assert hosts_by_service(release.stack, nodes)["page"] == {"mac1"}


def test_services_come_in_waves_by_phase_and_need(release):
    assert waves(release.stack) == (("store",), ("risk",), ("page",))
    services = release.stack.services
    same = services["page"].model_copy(update={"phase": "engines"})
    stack = release.stack.model_copy(update={"services": {**services, "page": same}})
    assert waves(stack) == (("store",), ("risk",), ("page",))
