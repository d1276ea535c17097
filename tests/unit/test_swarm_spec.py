"""What a service of a swarm should be, and how it differs from one that is there."""

from copy import deepcopy

import pytest

from stack.release.containers import RELEASE_LABEL
from stack.release.images import STACK_LABEL
from stack.swarm.compare import differences, makes_new_tasks, with_names
from stack.swarm.spec import network_spec, secret_name, service_spec
from tests.demo import demo_inputs, demo_release

SECOND_NS = 10**9


@pytest.fixture
def spec(demo_project):
    def render(name, overrides=None, **settings):
        release = demo_release(demo_project, overrides)
        return service_spec(
            release.stack, name, release.containers[name], release.map.services[name],
            release.images[name].pinned_reference,
            {"store_password": "demo_store_password_1"}, demo_inputs(**settings).settings,
        )  # fmt: skip

    return render


def test_a_service_is_what_its_container_would_be_without_a_privilege(spec):
    container = spec("risk")["TaskTemplate"]["ContainerSpec"]
    assert container["Image"].startswith("demo-risk:")
    assert container["CapabilityDrop"] == ["ALL"]
    assert container["Privileges"] == {"NoNewPrivileges": True}
    assert (container["ReadOnly"], container["Init"]) == (True, True)
    assert container["Healthcheck"]["Test"] == ["CMD", "probe", "--text", "$A 'b'"]
    assert container["Healthcheck"]["Interval"] == 2.5 * SECOND_NS
    release = spec("risk")["Labels"][RELEASE_LABEL]
    assert f"DEMO_RELEASE={release}" in container["Env"]


def test_a_deploy_to_one_mac_does_not_take_its_container_for_its_own(spec):
    assert spec("risk")["TaskTemplate"]["ContainerSpec"]["Labels"][STACK_LABEL] == ""


def test_it_is_limited_and_has_its_memory_reserved(spec):
    resources = spec("risk")["TaskTemplate"]["Resources"]
    limits = {"NanoCPUs": 2 * SECOND_NS, "MemoryBytes": 2 * 2**30, "Pids": 512}
    assert resources == {"Limits": limits, "Reservations": {"MemoryBytes": 2**30}}


def test_what_has_no_data_is_updated_start_first_and_what_has_stop_first(spec):
    for name, order in {"risk": "start-first", "store": "stop-first"}.items():
        update = spec(name)["UpdateConfig"]
        assert (update["Order"], update["FailureAction"]) == (order, "rollback")


def test_secrets_come_as_files_by_names_that_follow_their_values(spec):
    (secret,) = spec("risk")["TaskTemplate"]["ContainerSpec"]["Secrets"]
    assert secret["SecretName"] == "demo_store_password_1"
    assert secret["File"]["Name"] == "store_password"


def test_another_value_makes_another_secret_and_no_name_shows_it(demo_project):
    stack = demo_release(demo_project).stack
    first, second = (secret_name(stack, "token", value) for value in ("tide", "ebb"))
    assert first != second
    assert first.startswith("demo_token_")
    assert "tide" not in first


def test_it_runs_only_where_a_node_is_labelled_for_it(spec):
    placement = spec("risk")["TaskTemplate"]["Placement"]
    assert placement == {"Constraints": ["node.labels.dev.drydock.demo.risk == yes"]}


def test_the_network_is_encrypted_unless_the_data_says_otherwise(demo_project):
    stack = demo_release(demo_project).stack
    network = network_spec(stack, encrypted=True)
    assert (network["driver"], network["options"]) == ("overlay", {"encrypted": ""})
    plain = network_spec(stack, encrypted=False)
    assert plain["options"] == {}
    assert plain["name"] != network["name"], "what exists can't be changed"


def test_a_port_is_published_only_where_the_data_says_so(spec):
    assert spec("page")["EndpointSpec"] == {"Mode": "dnsrr", "Ports": []}
    published = spec("page", bind_address="0.0.0.0")["EndpointSpec"]
    (port,) = published["Ports"]
    assert published["Mode"] == "vip"
    assert (port["PublishedPort"], port["TargetPort"], port["PublishMode"]) == (80, 8080, "ingress")


def test_data_and_temporary_files_are_mounted(spec):
    mounts = {it["Target"]: it for it in spec("store")["TaskTemplate"]["ContainerSpec"]["Mounts"]}
    assert mounts["/data"]["Source"] == "demo-store-data"
    assert mounts["/dev/shm"]["TmpfsOptions"] == {"SizeBytes": 64 * 2**20}
    assert mounts["/tmp"]["Type"] == "tmpfs"


def as_daemon(spec):
    """The spec as a daemon gives it back: with defaults of its own, without what is empty."""
    said = deepcopy(spec)
    said["TaskTemplate"] |= {"Runtime": "container", "ForceUpdate": 0}
    said["TaskTemplate"]["ContainerSpec"]["Isolation"] = "default"
    said["TaskTemplate"]["Networks"][0]["Target"] = "nw1"
    del said["EndpointSpec"]["Ports"]
    del said["TaskTemplate"]["ContainerSpec"]["Args"]
    return with_names(said, {"nw1": "demo_encrypted"})


def test_what_the_daemon_adds_or_leaves_out_is_no_difference(spec):
    assert list(differences(spec("risk"), as_daemon(spec("risk")))) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"memory": "3 GiB", "reservation": "1 GiB"}, "memory 2 GiB → 3 GiB"),
        ({"cpus": 1.5}, "CPUs 2 → 1.5"),
        ({"environment": {"ODD": "hunter2"}}, "environment changed"),
        ({"pids_limit": 100}, "pids limit 512 → 100"),
        ({"command": ["serve"]}, "command changed"),
        ({"secrets": []}, "secrets changed"),
        ({"tmpfs": ["/tmp", "/run/risk"]}, "Mounts 2 → 3"),
    ],
)
def test_each_difference_is_said_in_words(spec, overrides, words):
    found = list(differences(spec("risk", {"risk": overrides}), as_daemon(spec("risk"))))
    assert words in found
    assert "hunter2" not in str(found)


def test_what_was_changed_by_hand_is_a_difference(spec):
    scaled = as_daemon(spec("risk"))
    scaled["Mode"]["Replicated"]["Replicas"] = 3
    scaled["EndpointSpec"]["Ports"] = [{"PublishedPort": 80}]
    said = list(differences(spec("risk"), scaled))
    assert said == ["replicas 3 → 1", "ports changed"]


def test_only_what_tasks_are_made_from_makes_new_ones(spec):
    there = as_daemon(spec("risk"))
    assert not makes_new_tasks(spec("risk"), there)
    assert not makes_new_tasks(spec("risk"), {**there, "Labels": {}})
    assert makes_new_tasks(spec("risk", {"risk": {"cpus": 1}}), there)
    assert makes_new_tasks(spec("risk", swarm_encryption=False), there)
    assert makes_new_tasks(spec("risk"), {**there, "EndpointSpec": {"Mode": "vip"}})
