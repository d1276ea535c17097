"""Releases that a host keeps: read back whole, chosen, mixed, held and forgotten."""

import json
from dataclasses import replace

import pytest

from stack.changes.compare import compare_kept
from stack.changes.differences import differences, told
from stack.changes.observed import Observed, ObservedImage
from stack.errors import DrydockError
from stack.release.kept import KeptRelease, Record, choose, read_kept
from stack.release.mixture import mix
from stack.release.render import DESCRIPTION, MANIFEST
from stack.release.retention import retention
from tests.demo import SECRETS, demo_inputs, demo_release, on_disk

CHANGED = {"risk": {"environment": {"LIGHT": "red"}, "memory": "3 GiB"}}


@pytest.fixture
def release(demo_project):
    return lambda *args, **kwargs: demo_release(demo_project, *args, **kwargs)


def record(release_id, number, state="good", **fields):
    return Record(
        release=release_id, number=number, deployed_at="then", who="anna", state=state, **fields
    )


def kept(release, number=1, state="good", **changed):
    """A release as it is read back from a host."""
    said = {
        "release_id": release.id,
        "record": record(release.id, number, state).model_dump_json(),
        "manifest": release.manifest().decode(),
        "description": release.files[DESCRIPTION].decode(),
        "found": release.manifest_files(),
    }
    return read_kept(**{**said, **changed})


def known(number, state="good", **fields):
    name = f"{number:012d}"
    return KeptRelease(name, record(name, number, state, **fields) if state else None, None, ())


def test_a_release_is_read_back_as_it_was_written(release):
    written = release(CHANGED)
    found = kept(written)
    assert found.damage == ()
    read = found.release
    assert (read.id, read.tag, read.stack) == (written.id, written.tag, written.stack)
    assert read.map.services == written.map.services
    assert read.containers == written.containers
    assert list(read.containers) == list(written.containers)
    assert read.images == {
        name: replace(written.images[name], files={}) for name in written.containers
    }
    assert read.manifest_files() == written.manifest_files()
    assert read.compose_file == written.compose_file


def test_a_file_that_is_damaged_or_missing_is_named(release):
    files = dict(release().manifest_files())
    files["images/risk/Dockerfile"] = "0" * 64
    del files["images/page/Dockerfile"]
    found = kept(release(), found=files)
    assert found.release is None
    assert found.damage == (
        "file images/page/Dockerfile is missing",
        "file images/risk/Dockerfile is damaged",
    )


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {}}'])
def test_a_manifest_that_does_not_fit_the_release_is_damage(release, text):
    how = "damaged" if text else "missing"
    assert kept(release(), manifest=text).damage == (f"file {MANIFEST} is {how}",)


@pytest.mark.parametrize("change", [{"format": 2}, {"stack": {}}, {"containers": {"a": {}}}])
def test_a_description_of_another_version_is_refused(release, change):
    text = json.dumps({**json.loads(release().files[DESCRIPTION]), **change})
    found = kept(release(), description=text)
    assert found.release is None
    assert found.damage == (f"{DESCRIPTION} was written by another version of Drydock",)


@pytest.mark.parametrize("text", ["", "{", '{"release": "x"}'])
def test_a_record_that_is_damaged_leaves_the_release_usable(release, text):
    found = kept(release(), record=text)
    assert (found.record, found.good, found.number) == (None, False, 0)
    assert found.release is not None


@pytest.mark.parametrize(
    ("states", "current", "chosen"),
    [
        (["good", "good", "good"], 3, 2),
        (["good", "failed", "good"], 3, 1),
        (["good", "good", "failed"], 2, 2),  # kept broken: containers are of the third
        (["good", "good", "unfinished"], 2, 2),
        (["good", "good", "rolled back"], 2, 1),  # all that it did is undone
        (["good", "good", "good"], 2, 1),  # gone back once: a second time leads further back
        (["good", "good", None], 3, 2),
    ],
)
def test_the_last_good_release_before_what_runs_is_chosen(states, current, chosen):
    releases = [known(number, state) for number, state in enumerate(states, 1)]
    assert choose(releases, f"{current:012d}", None).number == chosen


@pytest.mark.parametrize(
    ("states", "former", "chosen"),
    [
        (["good", "good", "good"], 1, 1),  # the second was gone back from before
        (["failed", "good", "good"], 1, 2),
        (["good", "good", "good"], None, 2),
        (["good", "good", "good", "failed"], 1, 3),  # kept broken: what ran before is the third
    ],
)
def test_what_the_current_release_took_the_place_of_comes_before_later_ones(states, former, chosen):
    releases = [known(number, state) for number, state in enumerate(states, 1)]
    releases[2] = known(3, former=f"{former:012d}" if former else None)
    assert choose(releases, known(3).id, None).number == chosen


@pytest.mark.parametrize("state", ["good", "unfinished"])
def test_a_rollback_that_was_broken_off_after_the_switch_leads_to_the_same_release(state):
    """To the second from the third, or to the fourth, which it had put together of the two."""
    number = 2 if state == "good" else 4
    releases = [known(1), known(2), known(3)]
    reached = known(number, state, former=known(3).id, gone_back_from=known(3).id)
    releases[number - 1 :] = [reached, *releases[number:]]
    assert choose(releases, reached.id, None) == reached
    assert choose(releases, reached.id, known(1).id).number == 1
    # Once it is verified, the next one leads to the one before it.
    done = known(number, former=known(3).id if number == 4 else None)
    releases[number - 1] = done
    assert choose(releases, done.id, None).number == (1 if number == 2 else 3)


def test_a_rollback_that_was_broken_off_before_the_switch_counts_as_no_deployment():
    """The mixture's record is there already, and what it was to lead away from still runs."""
    reached = known(4, "unfinished", former=known(3).id, gone_back_from=known(3).id)
    assert choose([known(1), known(2), known(3), reached], known(3).id, None).number == 2


def test_without_an_earlier_good_release_there_is_nowhere_to_go():
    with pytest.raises(DrydockError, match="no earlier release that was verified"):
        choose([known(1, "failed"), known(2)], known(2).id, None)


def test_any_release_can_be_wanted_by_the_start_of_its_id():
    releases = [KeptRelease(name, None, None, ()) for name in ("0a1b", "0a2c", "000000000777")]
    assert choose(releases, None, "0a1").id == "0a1b"
    assert choose(releases, None, "777").id == "000000000777"
    with pytest.raises(DrydockError, match=r"several releases.*kept are 0a1b, 0a2c"):
        choose(releases, None, "0a")
    with pytest.raises(DrydockError, match="no releases"):
        choose(releases, None, "ff")


def test_services_alone_come_from_the_other_release(release):
    base = kept(release()).release
    source = kept(release(CHANGED)).release
    mixed = mix(base, source, ["risk"], SECRETS).release
    assert mixed.containers["risk"] == source.containers["risk"]
    assert mixed.containers["page"] == base.containers["page"]
    assert mixed.map.services["risk"].memory_bytes == 3 * 2**30
    # Nothing else differs between the two, so the mixture is the other one.
    assert mixed.id == source.id
    assert "LIGHT" in mixed.files[mixed.compose_file].decode()


def test_a_mixture_is_a_release_that_can_be_read_back(release):
    base = kept(release({"page": {"memory": "1 GiB"}})).release
    mixed = mix(base, kept(release(CHANGED)).release, ["risk"], SECRETS).release
    found = kept(mixed)
    assert found.damage == ()
    assert found.release.containers == mixed.containers


def test_a_service_that_the_release_lacks_is_refused(release):
    whole = kept(release()).release
    with pytest.raises(DrydockError, match=r"'risc' is not in release .*did you mean 'risk'"):
        mix(whole, whole, ["risc"], SECRETS)


def test_what_differs_between_releases_is_said_field_by_field(release):
    later = {**CHANGED, "page": {"tmpfs": ["/tmp"]}}
    assert list(differences(release(), release(later))) == [
        "risk: environment LIGHT none → red",
        "risk: memory 2 GiB → 3 GiB",
        "risk: reservation 1 GiB → 1.5 GiB",
        "page: tmpfs /run/page /tmp → /tmp",
    ]


def test_releases_are_told_newest_first_with_what_changed(release):
    old, new = kept(release(), 1), kept(release(CHANGED), 2, "failed")
    lines = list(told([old, new], old.id))
    assert lines[0] == f"{new.id}, failed, deployed then by anna"
    assert "  risk: memory 2 GiB → 3 GiB" in lines
    assert lines[-1] == f"{old.id}, current, good, deployed then by anna"
    assert list(told([], None)) == ["no release is kept on this host"]


def test_going_back_switches_and_writes_nothing(release):
    found = kept(release()).release
    observed = Observed({}, {}, {}, ())
    changes = compare_kept(found, on_disk(release(CHANGED)), observed, 4)
    assert changes.all[0].sentence.endswith(f"→ {found.id}: switched back")
    assert not changes.of("write")
    assert not compare_kept(found, on_disk(release()), observed, 4).of("switch")


def image(name, digest):
    return ObservedImage(name, (), digest, {}, {}, "", (), ())


def test_the_last_releases_stay_with_their_images_and_others_go(release):
    releases = [release({"risk": {"environment": {"LIGHT": str(n)}}}) for n in range(4)]
    current = releases[3]
    old = replace(current.images["risk"], digest="old")
    releases[0] = replace(releases[0], images={**releases[0].images, "risk": old})
    former = replace(current.images["risk"], digest="former")
    releases[2] = replace(releases[2], images={**releases[2].images, "risk": former})
    found = [
        KeptRelease(it.id, record(it.id, number), it, ()) for number, it in enumerate(releases)
    ]
    images = {
        "i-old": image("i-old", "old"),
        "i-former": image("i-former", "former"),
        "i-now": image("i-now", current.images["risk"].digest),
        "i-base": image("i-base", current.images["py-base"].digest),
        "i-foreign": image("i-foreign", None),
        "i-used": image("i-used", "nobody knows it"),
    }
    kept_two = retention(found, current, images, ["i-used"], 2)
    assert kept_two.old_releases == tuple(sorted((releases[0].id, releases[1].id)))
    assert kept_two.old_images == ("i-old",)
    assert kept_two.held_images == ("i-former",)
    assert retention(found, current, images, ["i-used", "i-old"], 2).old_images == ()
    assert retention(found, current, images, [], 4).held_images == ("i-old", "i-former")


def test_five_releases_are_kept_unless_the_data_says_otherwise(release):
    current = release()
    found = [*map(known, range(1, 6)), KeptRelease(current.id, record(current.id, 6), current, ())]
    keep = demo_inputs().settings.keep_releases
    assert retention(found, current, {}, [], keep).old_releases == (known(1).id,)


def test_what_ran_before_stays_however_old_it_is(release):
    """After a rollback to it and a new deploy, many that came between are younger."""
    current = release()
    found = [known(n) for n in range(1, 5)]
    found.append(KeptRelease(current.id, record(current.id, 5), current, ()))
    kept_two = retention(found, current, {}, [], 2, former=known(1).id)
    assert kept_two.old_releases == tuple(known(n).id for n in (2, 3, 4))


@pytest.mark.parametrize("on_host", ["the same", None])
def test_a_deploy_that_was_broken_off_once_current_remembers_what_ran_before(release, on_host):
    """The run that ends it finds its own release current; who ran before is in its record."""
    current = release()
    found = [known(n) for n in range(1, 5)]
    began = record(current.id, 5).model_copy(update={"former": known(1).id})
    found.append(KeptRelease(current.id, began, current, ()))
    kept_two = retention(found, current, {}, [], 2, former=on_host and current.id)
    assert kept_two.old_releases == tuple(known(n).id for n in (2, 3, 4))


def test_failed_releases_go_and_crowd_no_good_one_out(release):
    current = release()
    found = [known(1), known(2, "failed"), known(3, "failed"), known(4, None)]
    found.append(KeptRelease(current.id, record(current.id, 5), current, ()))
    kept_two = retention(found, current, {}, [], 2)
    assert kept_two.old_releases == tuple(known(n).id for n in (2, 3, 4))


def test_going_back_removes_no_image(release):
    current = kept(release()).release
    found = [KeptRelease(current.id, record(current.id, 5), current, ())]
    images = {"i-base": image("i-base", "a shared image")}
    assert retention(found, current, images, [], 2).old_images == ()
