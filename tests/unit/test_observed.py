import copy
from dataclasses import replace

import pytest

from stack.changes.observed import as_container, read_container, read_image
from tests.demo import GIB, demo_release
from tests.docker_doubles import inspected_containers, inspected_image, observed


@pytest.fixture(scope="module")
def release(demo_project):
    return demo_release(demo_project)


@pytest.fixture
def risk(release):
    """What the daemon says of one container, to be edited."""
    return copy.deepcopy(inspected_containers(release)["risk"])


def test_a_container_is_read(risk):
    container = read_container(risk)
    assert container.name == "demo-risk-engine"
    assert (container.status, container.health, container.running) == ("running", "healthy", True)
    assert (container.resources.cpuset, container.resources.cpus) == ("0-1", 2)
    assert container.resources.memory_bytes == 2 * GIB


def test_a_container_without_a_health_check_has_no_health(risk):
    del risk["State"]["Health"]
    assert read_container(risk).health is None


@pytest.mark.parametrize(
    ("given", "cpus"),
    [
        ({"NanoCpus": 1_500_000_000}, 1.5),
        ({"NanoCpus": 0, "CpuQuota": 50_000, "CpuPeriod": 100_000}, 0.5),
        ({"NanoCpus": 0, "CpuQuota": 50_000, "CpuPeriod": 0}, 0.5),
        ({"NanoCpus": 0, "CpuQuota": 0}, 0),
        ({"NanoCpus": 0, "CpuQuota": -1}, 0),
        ({}, 0),
    ],
)
def test_cpus_are_read_however_they_were_given(risk, given, cpus):
    del risk["HostConfig"]["NanoCpus"]
    risk["HostConfig"] |= given
    assert read_container(risk).resources.cpus == cpus


@pytest.mark.parametrize(
    ("given", "shares"), [({"CpuShares": 4096}, 4096), ({"CpuShares": 0}, 1024), ({}, 1024)]
)
def test_shares_of_which_nothing_is_said_are_the_daemons_own(risk, given, shares):
    del risk["HostConfig"]["CpuShares"]
    risk["HostConfig"] |= given
    assert read_container(risk).resources.cpu_shares == shares


@pytest.mark.parametrize("unlimited", ["", None])
def test_without_a_cpuset_there_is_none(risk, unlimited):
    risk["HostConfig"]["CpusetCpus"] = unlimited
    assert read_container(risk).resources.cpuset is None


def test_an_image_of_somebody_else_has_no_digest():
    image = read_image({"Id": "sha256:1", "RepoTags": None, "Config": {"Labels": None}})
    assert (image.digest, image.tags, image.parts, image.user) == (None, (), {}, "")


def test_an_image_without_a_configuration_is_read():
    assert read_image({"Id": "sha256:1", "Config": None}).command == ()


def test_images_are_found_by_content_and_by_tag(release):
    seen, risk = observed(release), release.images["risk"]
    assert seen.image_by_digest(risk.digest).id == f"sha256:{risk.digest}"
    assert seen.image_by_tag(risk.reference) is seen.image_by_digest(risk.digest)
    assert seen.image_by_digest("nothing") is seen.image_by_tag("nothing") is None


def actual(release, inspected, service="risk"):
    image = read_image(inspected_image(release.images[service]))
    return as_container(read_container(inspected), image, release.containers[service])


def test_what_compose_made_is_what_was_wanted(release):
    for service, inspected in inspected_containers(release).items():
        assert actual(release, inspected, service) == release.containers[service]


def test_what_the_image_sets_is_no_difference(release, risk):
    assert "PATH=/usr/bin:/bin" in risk["Config"]["Env"]
    assert "PATH" not in actual(release, risk).environment


def test_an_images_variable_that_somebody_changed_is_a_difference(release, risk):
    risk["Config"]["Env"].append("LANG=tlh")
    assert actual(release, risk).environment["LANG"] == "tlh"


def test_a_wanted_variable_shows_though_the_image_sets_the_same(demo_project):
    release = demo_release(demo_project, {"risk": {"environment": {"LANG": "C.UTF-8"}}})
    inspected = inspected_containers(release)["risk"]
    assert actual(release, inspected) == release.containers["risk"]


def test_another_command_or_user_than_the_images_is_a_difference(release, risk):
    risk["Config"] |= {"Cmd": ["sleep", "9"], "User": "root"}
    container = actual(release, risk)
    assert (container.command, container.user) == (("sleep", "9"), "root")


def test_a_container_of_an_image_that_is_gone_is_read(release, risk):
    container = as_container(read_container(risk), None, release.containers["risk"])
    assert container.image == risk["Image"]


def test_docker_desktops_paths_are_the_macs_own(release, risk):
    for mount in risk["Mounts"]:
        mount["Source"] = f"/host_mnt{mount['Source']}"
    assert actual(release, risk).mounts == release.containers["risk"].mounts


def test_an_anonymous_volume_that_the_image_asks_for_is_no_difference(release):
    store = copy.deepcopy(inspected_containers(release)["store"])
    anonymous = {"Type": "volume", "Name": "f" * 64, "Destination": "/cache", "RW": True}
    store["Mounts"].append(anonymous)
    image = read_image(inspected_image(release.images["store"], Volumes={"/cache": {}}))
    desired = release.containers["store"]
    assert as_container(read_container(store), image, desired) == desired
    without = replace(image, volumes=())
    mounts = as_container(read_container(store), without, desired).mounts
    assert f"{'f' * 64}:/cache" in mounts


def test_a_named_volume_where_the_image_wants_one_is_a_difference(release):
    store = copy.deepcopy(inspected_containers(release)["store"])
    store["Mounts"].append(
        {"Type": "volume", "Name": "someones", "Destination": "/cache", "RW": True}
    )
    image = read_image(inspected_image(release.images["store"], Volumes={"/cache": {}}))
    desired = release.containers["store"]
    assert "someones:/cache" in as_container(read_container(store), image, desired).mounts


def test_a_port_on_every_address_is_said_so(release, risk):
    risk["HostConfig"]["PortBindings"] = {"8200/tcp": [{"HostIp": "", "HostPort": "8200"}]}
    assert actual(release, risk).ports == ("0.0.0.0:8200->8200",)


def test_a_port_of_another_protocol_is_told_apart(release, risk):
    risk["HostConfig"]["PortBindings"] = {"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "53"}]}
    assert actual(release, risk).ports == ("127.0.0.1:53->53/udp",)


def test_labels_of_compose_and_of_others_are_left_alone(release, risk):
    risk["Config"]["Labels"]["somebody.else"] = "1"
    assert actual(release, risk).labels == release.containers["risk"].labels


def test_fields_that_the_daemon_leaves_empty_are_read(release, risk):
    for key in ("CapAdd", "CapDrop", "SecurityOpt", "Tmpfs", "PortBindings", "PidsLimit", "Init"):
        risk["HostConfig"][key] = None
    risk["HostConfig"]["LogConfig"]["Config"] = None
    container = actual(release, risk)
    assert (container.cap_drop, container.security, container.tmpfs) == ((), (), ())
    assert (container.pids_limit, container.init, container.log) == (0, False, "json-file")
