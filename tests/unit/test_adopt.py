"""What of a hand-made stack is taken over, and what can't be."""

import json
from types import SimpleNamespace

import pytest

from stack.changes.adopt import (
    Adoption,
    adoption_of,
    as_adopted,
    foreign,
    original_json,
    remembered,
)
from stack.changes.change import CurrentRelease
from stack.changes.observed import Observed
from stack.errors import DrydockError
from stack.release.images import STACK_LABEL
from tests.demo import demo_inputs, demo_release

FILES = "com.docker.compose.project.config_files"
DATA = {"Type": "volume", "Name": "trading_store-data", "Destination": "/data"}


def container(name="demo-store", project="trading", mounts=(DATA,), env=(), **said):
    labels = {"com.docker.compose.project": project, FILES: "/srv/a.yml,/srv/b.yml"}
    labels |= said.pop("labels", {})
    inspected = {
        "Id": name, "Mounts": list(mounts), "Config": {"Env": list(env)},
        "HostConfig": {"AutoRemove": False, **said},
    }  # fmt: skip
    return SimpleNamespace(
        name=name, labels=labels if project else {}, inspected=inspected, id=name
    )


def observed(*containers):
    return Observed({it.name: it for it in containers}, {}, {}, ())


def stack_of(**store):
    return demo_inputs({"store": store}).stack


def adopted(*containers, there=(), **store):
    return adoption_of(stack_of(**store), observed(*containers), there)


def test_a_projects_container_is_taken_over_with_the_volume_of_the_same_path():
    found = adopted(container())
    assert list(found.originals) == ["demo-store"]
    assert found.volumes == {"store-data": "trading_store-data"}
    assert found.config_files == ("/srv/a.yml", "/srv/b.yml")
    assert [it.sentence for it in found.changes()] == [
        "demo-store: container, made by the compose project 'trading', is stopped when all"
        " images are there and kept as demo-store-original, with an interruption until ours is"
        " healthy: set aside",
        "store-data: volume none → trading_store-data, with its data: taken over",
    ]


def test_one_by_hand_has_no_project_and_no_file():
    found = adopted(container(project=None))
    assert found.config_files == ()
    assert "made by hand" in next(found.changes()).sentence


def test_our_own_containers_are_not_others():
    ours = container(project="demo", labels={STACK_LABEL: "demo"})
    assert foreign(stack_of(), observed(ours)) == {}
    assert not adopted(ours)


def test_a_project_of_the_stacks_name_makes_ours_another_one():
    found = adopted(container(project="demo"))
    assert found.project == "demo-drydock"
    stack = found.of(stack_of())
    ours = container(project="demo-drydock", labels={STACK_LABEL: "demo"})
    assert foreign(stack, observed(ours)) == {}


def test_what_is_remembered_on_the_host_is_the_same_stack_in_the_next_run():
    found = adopted(container(project="demo"))
    lines = remembered(found.taken).decode().splitlines()
    read = dict(line.partition("\t")[::2] for line in lines)
    assert as_adopted(stack_of(), read) == found.of(stack_of())


def test_the_release_mounts_what_was_taken_over_and_compose_does_not_own_it(demo_project):
    names = {"store-data": "trading_store-data"}
    stack = demo_inputs().stack
    assert stack.volume_name("store-data") == "demo-store-data"
    assert as_adopted(stack, names).volume_name("store-data") == "trading_store-data"
    plain = demo_release(demo_project)
    assert plain.containers["store"].mounts[0] == "/Users/o'brien/.drydock/demo/secrets/" + (
        "store_password:/run/secrets/store_password:ro"
    )
    assert "external" not in plain.files["docker-compose.m4max.yml"].decode()


def test_grafanas_variables_end_in_two_underscores():
    reads = {"GF_PASSWORD__FILE": "/run/secrets/store_password"}
    assert adopted(container(env=["GF_PASSWORD=hush"]), environment=reads).secrets


def test_what_grafana_reads_of_a_file_itself_is_taken_over_too():
    reads = {"GF_PASSWORD": "$__file{/run/secrets/store_password}"}
    found = adopted(container(env=["GF_PASSWORD=hush"]), environment=reads)
    assert found.secrets == {"store_password": "hush"}
    same = adopted(container(env=["GF_PASSWORD=$__file{/etc/password}"]), environment=reads)
    assert same.secrets == {}


def test_a_secret_of_its_environment_is_ours_from_then_on_and_is_never_shown():
    reads = {"STORE_PASSWORD_FILE": "/run/secrets/store_password"}
    found = adopted(container(env=["STORE_PASSWORD=hush", "PATH=/bin"]), environment=reads)
    assert found.secrets == {"store_password": "hush"}
    assert found.known(CurrentRelease()).secrets == ("store_password",)
    assert "hush" not in repr(found)
    assert not any("hush" in change.sentence for change in found.changes())
    there = adopted(
        container(env=["STORE_PASSWORD=hush"]), environment=reads, there=["store_password"]
    )
    assert there.secrets == {}, "what the host has already is in use"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"AutoRemove": True}, "was started with --rm"),
        (
            {"mounts": [{"Type": "bind", "Source": "/srv/data", "Destination": "/data"}]},
            "keeps /data in the host's folder /srv/data",
        ),
    ],
)
def test_what_would_lose_something_is_refused(said, why):
    with pytest.raises(DrydockError, match=why):
        adopted(container(**said))


def test_what_was_kept_first_stays_as_it_was():
    adoption = Adoption(originals={"demo-store": container(), "demo-page": container("demo-page")})
    former = json.dumps({"demo-store": {"Id": "as it ran"}})
    kept = json.loads(original_json(adoption, former))
    assert kept["demo-store"] == {"Id": "as it ran"}
    assert kept["demo-page"]["Id"] == "demo-page"
