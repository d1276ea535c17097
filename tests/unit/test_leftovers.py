"""Networks that a stack has left behind."""

from dataclasses import replace

import pytest

from stack.changes.change import Change, Changes
from stack.changes.leftovers import leftovers
from tests.demo import demo_release
from tests.docker_doubles import observed


@pytest.mark.parametrize(
    ("containers", "changes", "cleaned"),
    [
        ((), (), True),
        (("demo-former",), (("remove", "demo-former"),), True),
        (("demo-page",), (("recreate", "page"),), True),
        (("demo-page",), (), False),
        (("somebodys",), (("remove", "demo-former"),), False),
    ],
)
def test_a_network_of_ours_goes_when_nothing_is_on_it(demo_project, containers, changes, cleaned):
    release = demo_release(demo_project)
    found = replace(observed(release), networks={"demo": ("demo-risk-engine",), "old": containers})
    made = Changes(tuple(Change(action, subject, "field") for action, subject in changes))
    assert [it.sentence for it in leftovers(release, found, made)] == (
        ["old: network, nothing of the stack uses it any more: cleaned"] if cleaned else []
    )


def test_the_stacks_own_network_stays_while_nothing_is_on_it_yet(demo_project):
    release = demo_release(demo_project)
    found = replace(observed(release), networks={"demo": ()})
    assert not list(leftovers(release, found, Changes(())))
