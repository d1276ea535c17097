import json
import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.release.digest import of_bytes
from tests.demo import GIB, SECRETS, demo_release

RENDERED = settings(deadline=None, max_examples=25)
# What a container's environment can hold: anything but NUL and lone surrogates.
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


def compose_of(release):
    return yaml.safe_load(release.files[release.compose_file])


def test_a_release_has_a_compose_file_and_every_build_context(demo_project):
    release = demo_release(demo_project)
    assert set(release.files) == {
        "docker-compose.m4max.yml",
        "images/py-base/Dockerfile",
        "images/store/Dockerfile",
        "images/risk/Dockerfile",
        "images/risk/app.conf",
        "images/risk/code/main.py",
        "images/risk/code/deep/part.py",
        "images/page/Dockerfile",
        "images/page/code/main.py",
        "images/page/code/deep/part.py",
        "release.json",
        "services.tsv",
    }


def test_the_same_data_gives_the_same_release(demo_project):
    one, other = demo_release(demo_project), demo_release(demo_project)
    assert one.files == other.files
    assert one.manifest() == other.manifest()
    assert re.fullmatch(r"[0-9a-f]{12}", one.id)


def test_any_changed_file_gives_another_release(demo_project):
    ids = {
        demo_release(demo_project, overrides, tag=tag).id
        for overrides in ({}, {"risk": {"memory": "3 GiB"}}, {"page": {"host_port": 81}})
        for tag in ("m4max", "m1")
    }
    assert len(ids) == 6


def test_the_manifest_has_every_files_digest(demo_project):
    release = demo_release(demo_project)
    manifest = json.loads(release.manifest())
    assert manifest["release"] == release.id
    assert manifest["files"] == {p: of_bytes(content) for p, content in release.files.items()}


def test_the_description_says_what_was_released(demo_project):
    release = demo_release(demo_project)
    said = json.loads(release.files["release.json"])
    assert (said["stack"]["name"], said["tag"]) == ("demo", "m4max")
    assert said["map"]["risk"]["memory_bytes"] == 2 * GIB
    assert {name: it["digest"] for name, it in said["images"].items()} == {
        name: release.images[name].digest for name in release.containers
    }
    labels = release.containers["risk"].labels
    assert said["containers"]["risk"]["labels"] == labels


def test_compose_gets_the_map(demo_project):
    risk = compose_of(demo_release(demo_project))["services"]["risk"]
    assert (risk["cpuset"], risk["cpus"]) == ("0,1", 2)
    assert risk["mem_limit"] == risk["memswap_limit"] == 2 * GIB
    assert risk["mem_reservation"] == GIB


def test_latency_services_weigh_more_on_a_core_that_several_want(demo_project):
    overrides = {"risk": {"latency_class": "latency"}}
    services = compose_of(demo_release(demo_project, overrides))["services"]
    assert (services["risk"]["cpu_shares"], services["page"]["cpu_shares"]) == (4096, 1024)


def test_compose_neither_builds_nor_pulls(demo_project):
    services = compose_of(demo_release(demo_project))["services"]
    assert all("build" not in it and it["pull_policy"] == "never" for it in services.values())


def test_compose_starts_by_health(demo_project):
    page = compose_of(demo_release(demo_project))["services"]["page"]
    assert page["depends_on"] == {"risk": {"condition": "service_healthy"}}


def test_secrets_are_files_and_their_values_nowhere(demo_project):
    release = demo_release(demo_project)
    compose = compose_of(release)
    assert release.secrets() == {"store_password"}
    assert compose["secrets"] == {"store_password": {"file": f"{SECRETS}/store_password"}}
    assert compose["services"]["risk"]["secrets"] == ["store_password"]


def test_names_that_yaml_takes_for_something_else_stay_names(demo_project):
    overrides = {
        "risk": {"environment": {"NULL": "1", "TRUE": "2", "ON": "3", "N": "4"}, "secrets": ["off"]}
    }
    compose = compose_of(demo_release(demo_project, overrides))
    environment = compose["services"]["risk"]["environment"]
    assert {"NULL": "1", "TRUE": "2", "ON": "3", "N": "4"}.items() <= environment.items()
    assert set(compose["secrets"]) == {"off", "store_password"}


@RENDERED
@given(value=TEXT, argument=TEXT, directory=TEXT)
def test_values_from_outside_stay_values(demo_project, value, argument, directory):
    overrides = {"risk": {"environment": {"A": value}, "command": [argument]}}
    release = demo_release(demo_project, overrides, secrets_directory=f"/{directory}")
    compose = compose_of(release)
    risk = compose["services"]["risk"]
    desired = release.containers["risk"]
    assert risk["environment"]["A"] == desired.environment["A"].replace("$", "$$")
    assert risk["command"] == [argument.replace("$", "$$")]
    file = f"/{directory}/store_password".replace("$", "$$")
    assert compose["secrets"]["store_password"]["file"] == file
    assert set(compose) == {"name", "services", "networks", "volumes", "secrets"}
