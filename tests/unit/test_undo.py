"""What a failed deploy undoes, and what it goes back to."""

import pytest

from stack.changes.change import Change, Changes
from stack.changes.undo import undoing
from stack.errors import DrydockError
from stack.release.kept import choose_former
from tests.demo import demo_inputs
from tests.unit.test_kept import known

STACK = demo_inputs().stack
WITHOUT_PAGE = STACK.model_copy(
    update={"services": {name: it for name, it in STACK.services.items() if name != "page"}}
)


def changes(*said):
    return Changes(tuple(Change(action, subject, "field") for action, subject in said))


def test_only_what_the_deploy_was_to_change_is_undone():
    made = changes(("write", "release"), ("recreate", "risk"))
    back = changes(("switch", "release"), ("recreate", "risk"), ("start", "page"))
    assert undoing(back, made, STACK, STACK) == changes(("switch", "release"), ("recreate", "risk"))


def test_a_service_that_came_goes_and_one_that_went_comes_back():
    came = changes(("create", "page")), changes(("remove", "demo-page"))
    assert undoing(came[1], came[0], failed=STACK, former=WITHOUT_PAGE) == came[1]
    went = changes(("remove", "demo-page")), changes(("create", "page"))
    assert undoing(went[1], went[0], failed=WITHOUT_PAGE, former=STACK) == went[1]


def test_what_was_current_is_gone_back_to_even_if_a_later_one_was_good():
    releases = [known(1), known(2), known(3, "unfinished")]
    assert choose_former(releases, known(1).id).number == 1


def test_a_current_release_that_was_no_good_one_is_not_gone_back_to():
    releases = [known(1), known(2, "failed"), known(3, "unfinished")]
    assert choose_former(releases, known(2).id).number == 1


def test_the_first_release_has_nothing_to_go_back_to():
    with pytest.raises(DrydockError, match="nothing to go back to"):
        choose_former([known(1, "unfinished")], None)
