import json
from types import SimpleNamespace

import pytest

from facts.release import ReleaseInfo
from facts.releases import current_release
from stack.release.upstream import cannot_pull, familiar, local_digests, mirrored
from tests.demo import demo_host, demo_inputs


def settings(**said):
    return demo_inputs(**said).settings


@pytest.mark.parametrize(
    ("reference", "listed"),
    [
        ("redis:8.0", "redis:8.0"),
        ("docker.io/library/redis:8.0", "redis:8.0"),
        ("docker.io/prom/prometheus:v2", "prom/prometheus:v2"),
        ("registry.example:5000/a/b:1", "registry.example:5000/a/b:1"),
        ("redis", "redis:latest"),
        ("registry.example:5000/redis", "registry.example:5000/redis:latest"),
        ("redis@sha256:0123", "redis@sha256:0123"),
    ],
)
def test_a_reference_is_known_as_the_daemon_lists_it(reference, listed):
    assert familiar(reference) == listed


@pytest.mark.parametrize(
    ("reference", "pulled"),
    [
        ("redis:8.0", "mirror:5000/library/redis:8.0"),
        ("redis", "mirror:5000/library/redis:latest"),
        ("prom/prometheus:v2", "mirror:5000/prom/prometheus:v2"),
    ],
)
def test_a_reference_is_pulled_through_the_mirror(reference, pulled):
    assert mirrored(reference, settings(registry_mirror="mirror:5000")) == pulled


def test_without_a_mirror_a_reference_is_pulled_as_it_is():
    assert mirrored("redis:8.0", settings()) == "redis:8.0"


def test_an_upstream_images_digest_is_its_registrys():
    images = [
        {"Id": "sha256:1", "RepoTags": ["redis:8.0"], "RepoDigests": ["redis@sha256:2"]},
        {"Id": "sha256:3", "RepoTags": ["local:1"], "RepoDigests": None},
        {"Id": "sha256:4", "RepoTags": None, "RepoDigests": None},
    ]
    assert local_digests(images, ["redis:8.0", "local:1", "none:1"], {}) == {
        "redis:8.0": "sha256:2",
        "local:1": "sha256:3",
    }


def test_an_image_that_cannot_be_pulled_is_named_with_what_to_set():
    message = cannot_pull("redis:8.0", settings(registry_mirror="mirror:5000"), " no route \n")
    assert message.startswith(
        "base image redis:8.0 can't be pulled through registry_mirror mirror:5000: no route; "
    )


def read(**fields):
    host = SimpleNamespace(get_fact=lambda *_, **__: ReleaseInfo(**fields))
    return current_release(host, demo_host().directory)


def test_a_host_before_its_first_deploy_has_no_release():
    current = read()
    assert (current.id, current.files, current.found, current.secrets) == (None, {}, {}, ())


def test_the_manifest_is_no_file_of_the_release():
    manifest = json.dumps({"release": "0123456789ab", "files": {"a": "1"}})
    current = read(manifest=manifest, files={"a": "1", "manifest.json": "2"})
    assert (current.id, current.files, current.found) == ("0123456789ab", {"a": "1"}, {"a": "1"})


@pytest.mark.parametrize("damaged", ["{", "[]", "null", "1", '""', '{"release": "0", "files": []}'])
def test_a_damaged_manifest_counts_as_none(damaged):
    assert read(manifest=damaged, files={"a": "1"}).id is None


@pytest.mark.parametrize(
    "reference",
    ["ghcr.io/a/b:1", "localhost:5000/a:1", "redis@sha256:" + "0" * 64],
)
def test_a_mirror_stands_for_docker_hubs_tags_alone(reference):
    assert mirrored(reference, settings(registry_mirror="mirror:5000")) == reference
