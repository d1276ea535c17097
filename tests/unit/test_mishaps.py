"""Which mishaps the benchmark of faults lets happen."""

import pytest

from bench.command import BenchError
from bench.mishaps import MISHAPS, chosen


def test_all_come_as_often_as_each_should():
    assert chosen(None) == {kind: it.times for kind, it in MISHAPS.items()}
    assert sum(chosen(None).values()) == 25


def test_some_can_be_chosen():
    assert chosen("daemon killed,rebooted") == {"daemon killed": 1, "rebooted": 2}


def test_an_unknown_one_is_named_with_those_that_there_are():
    with pytest.raises(BenchError, match="'flood' is none of killed, Ctrl-C"):
        chosen("killed,flood")
