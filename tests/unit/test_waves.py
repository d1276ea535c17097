"""Waves of a rollout: which hosts are in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.errors import DrydockError
from stack.rollout.waves import Listed, Wave, chosen, waves_of

HOSTS = ("a", "b", "c", "d", "e")
MACS = (Listed("a", ("m1", "all")), Listed("b", ("m4max", "all")), Listed("c", ("m1", "all")))


def parts(waves):
    return [(wave.name, "".join(wave.hosts)) for wave in waves]


def test_one_canary_then_waves_of_a_size():
    waves = waves_of(HOSTS, "1", "2")
    assert waves[0] == Wave("canary", ("a",))
    assert parts(waves)[1:] == [("wave 1", "bc"), ("wave 2", "de")]


def test_canaries_by_name_keep_the_order_of_the_inventory():
    assert parts(waves_of(HOSTS, "d, b", "100%")) == [("canary", "bd"), ("wave 1", "ace")]


def test_no_canary_and_sizes_that_grow():
    waves = waves_of(HOSTS, "0", "1,40%")
    assert parts(waves) == [("wave 1", "a"), ("wave 2", "bc"), ("wave 3", "de")]


def test_a_small_part_is_one_host():
    assert [len(wave.hosts) for wave in waves_of(HOSTS, "1", "1%")] == [1] * 5


@given(
    hosts=st.lists(st.integers().map("mac{}".format), min_size=1, unique=True),
    canary=st.integers(0, 5),
    sizes=st.lists(
        st.one_of(st.integers(1, 9).map(str), st.integers(1, 100).map("{}%".format)),
        min_size=1,
        max_size=3,
    ),
)
def test_every_host_is_in_one_wave_and_no_wave_is_too_large(hosts, canary, sizes):
    if canary > len(hosts):
        with pytest.raises(DrydockError, match="write a smaller number"):
            waves_of(hosts, str(canary), ",".join(sizes))
        return
    waves = waves_of(hosts, str(canary), ",".join(sizes))
    assert [host for wave in waves for host in wave.hosts] == hosts
    assert all(wave.hosts for wave in waves)
    assert len(waves[0].hosts) == canary or not canary
    for number, wave in enumerate(waves[bool(canary) :]):
        said = sizes[min(number, len(sizes) - 1)]
        part = said.removesuffix("%")
        most = max(1, int(part) * len(hosts) // 100) if said != part else int(part)
        assert len(wave.hosts) == most or wave is waves[-1]
        assert len(wave.hosts) <= most


@pytest.mark.parametrize(
    ("canary", "sizes", "said"),
    [
        ("6", "1", "--canary 6: there are 5 hosts"),
        ("x", "1", "--canary x: 'x' is none of the hosts a, b, c, d, e"),
        ("a,x", "1", "'x' is none of the hosts"),
        ("-1", "1", "'-1' is none of the hosts"),
        ("1", "0", "'0' is no size of a wave"),
        ("1", "0%", "'0%' is no size of a wave"),
        ("1", "101%", "'101%' is no size of a wave"),
        ("1", "2,", "'' is no size of a wave"),
        ("1", "half", "'half' is no size of a wave"),
    ],
)
def test_what_makes_no_waves_is_refused(canary, sizes, said):
    with pytest.raises(DrydockError, match=said):
        waves_of(HOSTS, canary, sizes)


def test_hosts_are_chosen_by_name_pattern_and_group():
    assert chosen("macs.py", MACS) == ("a", "b", "c")
    assert chosen("macs.py", MACS, ["m1"]) == ("a", "c")
    assert chosen("macs.py", MACS, ["[bc]", "a"]) == ("a", "b", "c")


def test_nobody_to_deploy_to_is_refused():
    with pytest.raises(DrydockError, match=r"macs\.py: names no host"):
        chosen("macs.py", [])
    with pytest.raises(DrydockError, match="--limit m2: no host or group is called so; hosts: a,"):
        chosen("macs.py", MACS, ["m1", "m2"])
