"""Releases that go into a backup, and those that another host could do nothing with."""

from dataclasses import replace

import pytest

from stack.errors import DrydockError
from stack.release.images import Image
from stack.release.kept import KeptRelease, Record, read_description
from stack.release.portable import earlier, refuse_unbuildable
from stack.release.render import DESCRIPTION
from tests.demo import demo_release

SECRETS = ("store_password",)


def read_back(project, memory):
    release = demo_release(project, {"store": {"memory": memory}})
    return read_description(release.files[DESCRIPTION].decode(), release.manifest_files())


def kept(release, number, state="good", *, damage=()):
    record = Record(release=release.id, number=number, deployed_at="then", who="anna", state=state)
    return KeptRelease(release.id, record, None if damage else release, damage)


@pytest.fixture
def releases(demo_project):
    return [read_back(demo_project, f"{size} MiB") for size in (900, 1000, 1100, 1200)]


def test_good_releases_beside_the_current_one_go_along_the_newest_first(releases):
    first, second, current, failed = releases
    found = [kept(first, 1), kept(second, 2), kept(current, 3), kept(failed, 4, "failed")]
    assert earlier(found, current.id, SECRETS) == ((second, first), ())


def test_what_is_not_whole_or_lacks_something_stays_and_is_named(releases):
    damaged, baseless, current, _ = releases
    baseless = replace(baseless, shared={})
    found = [
        kept(damaged, 1, damage=("file release.json is damaged",)),
        kept(baseless, 2),
        kept(current, 3),
    ]
    assert earlier(found, current.id, SECRETS) == (
        (),
        (
            f"release {baseless.id}: risk is built on another py-base than it has",
            f"release {damaged.id}: file release.json is damaged",
        ),
    )


def test_a_release_whose_secret_is_gone_stays(releases):
    former, current, *_ = releases
    fit, unfit = earlier([kept(former, 1), kept(current, 2)], current.id, ())
    assert fit == ()
    assert unfit == (f"release {former.id}: its secret store_password is missing on this host",)


def test_a_release_that_is_not_built_from_its_own_files_is_not_backed_up(demo_project):
    text = demo_release(demo_project).files[DESCRIPTION].decode()
    release = read_description(text, {})
    refuse_unbuildable(release)
    base: Image = release.shared["py-base"]
    for shared in ({}, {"py-base": replace(base, digest="0" * 64)}):
        with pytest.raises(DrydockError, match="risk is built on another py-base"):
            refuse_unbuildable(replace(release, shared=shared))
