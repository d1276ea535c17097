import pytest
import yaml

from stack.release.containers import RELEASE_LABEL
from tests.demo import SECRETS, demo_release


@pytest.fixture
def release(demo_project):
    return lambda overrides=None, **settings: demo_release(demo_project, overrides, **settings)


def test_a_container_is_what_its_service_says(release):
    store = release().containers["store"]
    assert store.ports == ("127.0.0.1:6379->6379",)
    assert store.mounts == (
        f"{SECRETS}/store_password:/run/secrets/store_password:ro",
        "demo-store-data:/data",
    )
    assert (store.command, store.user, store.stop_grace_s) == (None, None, 30)
    assert store.health["test"] == ["CMD", "redis-cli", "ping"]


def test_a_directory_of_the_host_is_shown_read_only(release):
    shown = release({"page": {"host_directories": {"monitor": "/srv/monitor"}}})
    directory = SECRETS.replace("secrets", "monitor")
    assert shown.containers["page"].mounts == (f"{directory}:/srv/monitor:ro",)
    compose = yaml.safe_load(shown.files[shown.compose_file])
    volume = {"type": "bind", "source": directory, "target": "/srv/monitor", "read_only": True}
    assert compose["services"]["page"]["volumes"] == [volume]


def test_a_container_has_no_privilege(release):
    for container in release().containers.values():
        assert container.read_only
        assert not container.privileged
        assert container.cap_add == ()
        assert container.cap_drop == ("ALL",)
        assert container.security == ("no-new-privileges:true",)
        assert container.init


def test_ports_are_where_the_hosts_data_says(release):
    page = release(bind_address="192.0.2.7").containers["page"]
    assert page.ports == ("192.0.2.7:80->8080",)


def test_a_service_without_a_port_publishes_none(release):
    assert release({"store": {"port": None}}).containers["store"].ports == ()


def test_placeholders_stand_for_the_services_own(release):
    risk = release().containers["risk"]
    assert risk.environment["WORKERS"] == "2"
    assert risk.environment["SERVICE"] == "risk"
    assert risk.environment["DEMO_RELEASE"] == risk.labels[RELEASE_LABEL]


def test_other_braces_stay(release):
    assert release().containers["risk"].environment["ODD"] == 'it\'s $HOME: "x" # {y} é'


def test_threads_follow_the_cpuset_only_where_the_environment_says_them(release):
    assert release().containers["risk"].environment["OMP_NUM_THREADS"] == "2"
    for other in ("affinity", "none"):
        environment = release({"risk": {"threads": other}}).containers["risk"].environment
        assert not {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} & environment.keys()


def test_without_a_cpuset_no_thread_count_is_said(release):
    environment = release({"risk": {"cpuset": None}}).containers["risk"].environment
    assert "OMP_NUM_THREADS" not in environment


def label(release, **fields):
    return release({"risk": fields}).containers["risk"].labels[RELEASE_LABEL]


@pytest.mark.parametrize(
    "fields",
    [
        {"memory": "3 GiB"},
        {"reservation": "1 GiB"},
        {"cpus": 1.5},
        {"latency_class": "latency"},
        {"health": {"deadline_s": 5}},
        {"threads": "affinity", "cpuset": "2"},
    ],
)
def test_what_can_change_live_or_only_matters_to_the_deploy_keeps_the_release(release, fields):
    before = {"threads": fields["threads"]} if "threads" in fields else {}
    assert label(release, **before) == label(release, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"environment": {"A": "1"}},
        {"cpuset": "0-2"},
        {"command": ["other"]},
        {"port": 8201},
        {"pids_limit": 64},
        {"tmpfs": []},
        {"shared_memory": "128 MiB"},
        {"secrets": []},
        {"workers": 3},
        {"health": {"retries": 9}},
        {"build": {"arguments": {"level": 4}}},
    ],
)
def test_what_needs_a_new_container_gives_a_new_release(release, fields):
    assert label(release) != label(release, **fields)
