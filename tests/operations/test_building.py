"""Images are built by BuildKit's command line: what it is told, and what is said when it fails."""

import csv
import shlex
from dataclasses import replace
from types import SimpleNamespace

import gevent
import pytest
from pyinfra.connectors.local import LocalConnector

from operations import images
from stack.errors import DrydockError
from tests.demo import STACK, demo_host, demo_inputs, demo_release


class HostDouble:
    """A host whose builds end as told; it keeps their command lines and what was logged."""

    connector = object.__new__(LocalConnector)

    def __init__(self, broken=()):
        self.broken, self.lines, self.logged = broken, [], []
        self.building = self.most_at_once = 0

    def run_shell_command(self, command, **_):
        words = shlex.split(command.get_raw_value())
        self.lines.append(words)
        self.building += 1
        self.most_at_once = max(self.most_at_once, self.building)
        # As a build does that waits for the host: whoever else may begin does so now.
        gevent.sleep(0)
        self.building -= 1
        output = [f"line {number}" for number in range(99)]
        failed = any(words[-1].endswith(f"/images/{name}") for name in self.broken)
        return not failed, SimpleNamespace(output_lines=output)

    def log(self, line):
        self.logged.append(line)

    def log_styled(self, line, **_):
        self.logged.append(line)

    @property
    def built(self):
        return [words[-1].rpartition("/")[2] for words in self.lines]


@pytest.fixture
def release(demo_project):
    return demo_release(demo_project)


def build(host, release, names, home="/Users/me", gate=None, **settings):
    found = demo_host(home)
    return images.build_all(host, release, names, found, demo_inputs(**settings).settings, gate)


def values(words, flag):
    return [words[i + 1] for i, word in enumerate(words) if word == flag]


def test_a_build_gets_its_labels_tags_secrets_and_context(release):
    host = HostDouble()
    assert build(host, release, ("risk",))
    [words] = host.lines
    image = release.images["risk"]
    assert words[3:9] == [
        "BUILDX_NO_DEFAULT_ATTESTATIONS=1", "/usr/local/bin/docker",
        "buildx", "build", "--builder", "default",
    ]  # fmt: skip
    assert values(words, "--tag") == [image.reference, image.pinned_reference]
    assert dict(label.split("=", 1) for label in values(words, "--label")) == image.labels
    assert values(words, "--secret") == [
        f"id={name},src=/Users/me/.drydock/demo/docker/{name}" for name in ("ca", "pip", "npm")
    ]
    assert words[-1] == f"/Users/me/.drydock/demo/releases/{release.id}/images/risk"


@pytest.mark.parametrize("home", ["/Users/a,b", '/Users/a"b', "/Users/o'brien & co", '/a,"b",c'])
def test_a_secrets_path_may_hold_what_buildkit_separates_by(release, home):
    host = HostDouble()
    assert build(host, release, ("risk",), home)
    [words] = host.lines
    for said, name in zip(values(words, "--secret"), ("ca", "pip", "npm"), strict=True):
        [fields] = csv.reader([said])
        assert fields == [f"id={name}", f"src={home}/.drydock/demo/docker/{name}"]


def test_shared_images_are_built_first(release):
    host = HostDouble()
    assert build(host, release, ("page", "py-base", "risk"))
    assert host.built[0] == "py-base"
    assert sorted(host.built) == ["page", "py-base", "risk"]


def test_an_image_waits_for_the_shared_ones_below_it_alone(demo_project):
    high = {"dockerfile": "high", "bases": ["py-base"]}
    (demo_project / "templates/images/high.Dockerfile.j2").write_text("FROM {{ bases.py_base }}\n")
    release = demo_release(
        demo_project,
        {"page": {"build": {"bases": ["high", "py-base"]}}},
        stack={**STACK, "images": {"high": high, **STACK["images"]}},
    )
    host = HostDouble()
    assert build(host, release, ("page", "risk", "high", "store", "py-base"))
    # The store is built on nothing of ours.
    assert sorted(host.built[:2]) == ["py-base", "store"]
    assert sorted(host.built[2:4]) == ["high", "risk"]
    assert host.built[4:] == ["page"]


def test_an_image_that_does_not_build_is_named_with_its_last_lines(release):
    host = HostDouble(broken=("risk",))
    assert not build(host, release, ("risk", "page"))
    at = host.logged.index("risk: its image doesn't build; the last lines were:")
    assert host.logged[at + 1 : at + 31] == [f"line {number}" for number in range(69, 99)]


def test_nothing_is_built_on_a_shared_image_that_failed(release):
    host = HostDouble(broken=("py-base",))
    assert not build(host, release, ("py-base", "risk"))
    assert host.built == ["py-base"]


def test_secrets_of_a_build_are_files(tmp_path):
    bundle = tmp_path / "ca.pem"
    bundle.write_text("-----BEGIN CERTIFICATE-----\n")
    settings = demo_inputs(
        ca_bundle=str(bundle),
        pip_index_url="http://127.0.0.1:1/",
        npm_registry="http://127.0.0.1:2/",
    ).settings
    assert images.build_secrets(settings) == {
        "ca": b"-----BEGIN CERTIFICATE-----\n",
        "pip": b"[global]\nindex-url = http://127.0.0.1:1/\n",
        "npm": b"registry=http://127.0.0.1:2/\n",
    }


def test_a_ca_bundle_that_is_not_there_is_refused(tmp_path):
    settings = demo_inputs(ca_bundle=str(tmp_path / "none.pem")).settings
    with pytest.raises(DrydockError, match=r"ca_bundle .*none\.pem"):
        images.build_secrets(settings)


def test_images_of_the_same_content_are_built_once_under_every_name(release):
    host = HostDouble()
    twin = replace(release.images["risk"], name="twin", repository="demo-twin")
    twins = replace(
        release,
        images={**release.images, "twin": twin},
        containers={**release.containers, "twin": release.containers["risk"]},
    )
    assert build(host, twins, ("risk", "twin"))
    [words] = host.lines
    assert values(words, "--tag") == [
        release.images["risk"].reference,
        release.images["risk"].pinned_reference,
        twin.reference,
        twin.pinned_reference,
    ]


def with_services(release, count):
    """The release with so many more services, each with an image of its own."""
    risk = release.images["risk"]
    names = [f"more-{number}" for number in range(count)]
    images = {it: replace(risk, name=it, repository=f"demo-{it}", digest=it) for it in names}
    containers = dict.fromkeys(names, release.containers["risk"])
    return names, replace(
        release,
        images={**release.images, **images},
        containers={**release.containers, **containers},
    )


@pytest.mark.parametrize(
    ("said", "parallel"), [({}, 4), ({"build_parallel": 3}, 3), ({"build_parallel": 6}, 6)]
)
def test_as_many_images_are_built_at_once_as_the_daemon_has_cpus(release, said, parallel):
    host = HostDouble()
    names, larger = with_services(release, 7)
    assert build(host, larger, ("py-base", *names), **said)
    assert host.built[0] == "py-base"
    assert sorted(host.built[1:]) == names
    assert host.most_at_once == parallel


@pytest.mark.parametrize(("cool", "parallel"), [(True, 4), (False, 1)])
def test_on_a_hot_mac_images_are_built_one_at_a_time(release, cool, parallel):
    host = HostDouble()
    gate = SimpleNamespace(cool_enough=lambda _host, what: cool and what == "building")
    names, larger = with_services(release, 7)
    assert build(host, larger, tuple(names), gate=gate)
    assert f"building 7 images, {parallel} at a time" in host.logged
    assert host.most_at_once == parallel
