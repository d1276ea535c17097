import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.changes.order import needs_of, open_phase, startable, turns
from stack.model import PHASES
from tests.demo import demo_inputs

STACK = demo_inputs().stack
NAMES = set(STACK.services)


@pytest.mark.parametrize(
    ("waiting", "healthy", "may_start"),
    [
        (NAMES, set(), ("store",)),
        (NAMES - {"store"}, set(), ()),
        (NAMES - {"store"}, {"store"}, ("risk",)),
        (NAMES - {"risk"}, {"store", "risk"}, ("store", "page")),
        ({"page"}, {"risk"}, ()),
        ({"page"}, {"store"}, ()),
        (set(), NAMES, ()),
    ],
)
def test_a_service_starts_when_its_needs_and_earlier_phases_are_healthy(
    waiting, healthy, may_start
):
    assert startable(STACK, waiting, healthy) == may_start


def test_services_of_one_phase_without_needs_start_at_once():
    stack = STACK.model_copy(
        update={
            "services": {
                name: STACK.services["store"].model_copy(update={"needs": ()}) for name in "abc"
            }
        }
    )
    assert startable(stack, {"a", "b", "c"}, set()) == ("a", "b", "c")


def test_the_open_phase_is_the_first_that_is_not_healthy():
    assert open_phase(STACK, set()) == PHASES.index("infrastructure")
    assert open_phase(STACK, {"store"}) == PHASES.index("engines")
    assert open_phase(STACK, NAMES) == len(PHASES) - 1


@given(st.sets(st.sampled_from(sorted(NAMES))))
def test_starting_what_may_start_ends_with_everything_healthy(healthy):
    waiting, healthy = NAMES - healthy, set(healthy)
    while waiting:
        started = startable(STACK, waiting, healthy)
        assert started, f"nothing may start of {waiting} while {healthy} are healthy"
        waiting -= set(started)
        healthy |= set(started)


def one_phase(**needs):
    """A stack whose services are all of one phase."""
    store = STACK.services["store"]
    services = {name: store.model_copy(update={"needs": it}) for name, it in needs.items()}
    return STACK.model_copy(update={"services": services})


def test_needs_are_followed_to_their_end():
    assert needs_of(STACK, "page") == {"risk", "store"}
    assert needs_of(STACK, "store") == frozenset()


@pytest.mark.parametrize(
    ("group", "routers", "expected"),
    [
        ("", {}, []),
        ("abcd", {}, ["abcd"]),
        ("abcd", {"a": "d"}, ["ab", "cd"]),
        ("ab", {"a": "d"}, ["ab"]),
        ("bd", {"a": "d"}, ["bd"]),
        ("abcd", {"a": "b", "b": "d"}, ["a", "b", "cd"]),
        ("ab", {"a": "b", "b": "a"}, ["ab"]),
    ],
)
def test_who_leads_requests_to_a_stand_in_waits_until_that_has_gone(group, routers, expected):
    """`d` leads requests; `c` needs `d`."""
    stack = one_phase(a=(), b=(), c=("d",), d=("a",))
    assert list(turns(stack, group, routers)) == list(map(set, expected))


@given(
    st.sets(st.sampled_from("abcdef")),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("abcdef")),
)
def test_everybody_has_one_turn(group, routers):
    stack = one_phase(a=(), b=("a",), c=("a",), d=("b", "c"), e=("d",), f=())
    taken = list(turns(stack, group, routers))
    assert sum(map(len, taken)) == len(group)
    assert set().union(*taken) == group


def test_needs_that_meet_again_and_again_are_followed_once():
    """A chain of diamonds has as many ways through it as 2 to the power of its length."""
    layers = {f"{side}{n}": (f"a{n - 1}", f"b{n - 1}") for n in range(1, 60) for side in "ab"}
    stack = one_phase(a0=(), b0=(), **layers)
    assert len(needs_of(stack, "a59")) == 118
