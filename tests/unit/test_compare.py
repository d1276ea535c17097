import copy
import functools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.changes.change import CurrentRelease
from stack.changes.compare import compare, record_changes
from stack.release.kept import Record
from tests.demo import GIB, UPSTREAM, demo_release, on_disk
from tests.docker_doubles import inspected_containers, inspected_image, observed

CPUS = 4
NOT_HURRIED = settings(deadline=None, max_examples=40)


@pytest.fixture
def release(demo_project):
    return functools.partial(demo_release, demo_project)


def sentences(wanted, seen, current=None, daemon_cpus=CPUS):
    changes = compare(wanted, current or on_disk(wanted), seen, daemon_cpus)
    return [change.sentence for change in changes.all]


def after(former, wanted):
    """What turns a host that runs one release into one that runs another; files left out."""
    return [
        sentence
        for sentence in sentences(wanted, observed(former), on_disk(former))
        if not sentence.startswith("release: files")
    ]


def edited(release, service, **parts):
    """A host that runs a release, with parts of one container's inspection laid over."""
    containers = copy.deepcopy(inspected_containers(release))
    for part, fields in parts.items():
        containers[service][part].update(fields)
    return observed(release, containers=containers)


def without(release, *services):
    containers = inspected_containers(release)
    return observed(release, containers={k: v for k, v in containers.items() if k not in services})


# Nothing to do


def test_a_host_that_runs_the_release_needs_no_change(release):
    assert sentences(release(), observed(release())) == []


SERVICE_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "memory": st.integers(1, 8).map(lambda gib: f"{gib} GiB"),
        "cpus": st.sampled_from([0.25, 0.5, 1, 1.3, 2, 3.999]),
        "cpuset": st.sampled_from([None, "0", "1-3", "3,1,0", "0-3"]),
        "environment": st.dictionaries(
            st.from_regex(r"[A-Z_]{1,6}", fullmatch=True),
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=9),
        ),
        "command": st.none()
        | st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0")), min_size=1),
        "user": st.sampled_from([None, "app", "1000", "1000:1000"]),
        "port": st.none() | st.integers(1, 65535),
        "host_port": st.none() | st.integers(1, 65535),
        "tmpfs": st.lists(st.sampled_from(["/tmp", "/run", "/a/b"]), unique=True),
        "shared_memory": st.sampled_from(["64 MiB", "1 GiB"]),
        "pids_limit": st.integers(16, 9999),
        "stop_grace_s": st.integers(1, 300),
        "secrets": st.lists(st.sampled_from(["one", "two", "null"]), unique=True),
        "volumes": st.dictionaries(
            st.sampled_from(["data", "true"]), st.sampled_from(["/d", "/e"]), max_size=1
        ),
        "threads": st.sampled_from(["affinity", "environment", "none"]),
        "health": st.fixed_dictionaries(
            {
                "test": st.lists(
                    st.text(st.characters(codec="ascii", exclude_characters="\0")), min_size=1
                )
            },
            optional={
                "interval_s": st.sampled_from([0.5, 1, 2.25, 30]),
                "retries": st.integers(1, 9),
                "start_period_s": st.sampled_from([0, 1, 90.5]),
            },
        ),
    },
)


@NOT_HURRIED
@given(SERVICE_FIELDS)
def test_what_is_rendered_and_created_shows_no_difference(demo_project, fields):
    wanted = demo_release(demo_project, {"risk": fields})
    assert sentences(wanted, observed(wanted)) == []


def test_a_cpuset_of_every_core_is_the_same_as_none(release):
    wanted = release({"risk": {"cpuset": None, "threads": "none"}})
    seen = edited(wanted, "risk", HostConfig={"CpusetCpus": "0-3"})
    assert sentences(wanted, seen) == []


def test_a_cpuset_written_another_way_is_the_same(release):
    seen = edited(release(), "risk", HostConfig={"CpusetCpus": "1,0"})
    assert sentences(release(), seen) == []


# Resources


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"memory": "3 GiB", "reservation": "1 GiB"}, "risk: memory 2 GiB → 3 GiB, applied live"),
        ({"memory": "1 GiB", "reservation": "1 GiB"}, "risk: memory 2 GiB → 1 GiB, applied live"),
        ({"reservation": "512 MiB"}, "risk: reservation 1 GiB → 512 MiB, applied live"),
        ({"cpus": 1.5}, "risk: CPUs 2 → 1.5, applied live"),
        ({"cpuset": "2,3"}, "risk: cpuset 0-1 → 2-3, applied live"),
        ({"latency_class": "latency"}, "risk: CPU shares 1024 → 4096, applied live"),
    ],
)
def test_a_resource_is_applied_live(release, fields, sentence):
    assert after(release(), release({"risk": fields})) == [sentence]


def test_a_cpuset_that_is_taken_away_becomes_every_core(release):
    former = release({"risk": {"threads": "none"}})
    wanted = release({"risk": {"threads": "none", "cpuset": None}})
    assert after(former, wanted) == ["risk: cpuset 0-1 → any of 0-3, applied live"]


def test_resources_changed_by_hand_are_put_back(release):
    seen = edited(release(), "page", HostConfig={"Memory": 0, "NanoCpus": 0})
    assert sentences(release(), seen) == [
        "page: CPUs 0 → 0.5, applied live",
        "page: memory 0 B → 512 MiB, applied live",
    ]


def test_more_memory_for_what_sizes_itself_is_live_and_says_when_it_counts(release):
    wanted = release({"store": {"memory": "2 GiB", "reservation": "512 MiB"}})
    assert after(release(), wanted) == [
        "store: memory 1 GiB → 2 GiB, its caches follow at its next start, applied live"
    ]


def test_less_memory_for_what_sized_itself_needs_a_new_container(release):
    wanted = release({"store": {"memory": "768 MiB", "reservation": "512 MiB"}})
    assert after(release(), wanted) == [
        "store: memory 1 GiB → 768 MiB, its caches were sized for more: recreate"
    ]


def test_resources_show_beside_a_field_that_needs_a_new_container(release):
    wanted = release({"risk": {"memory": "3 GiB", "reservation": "1 GiB", "pids_limit": 99}})
    assert after(release(), wanted) == [
        "risk: pids limit 512 → 99: recreate",
        "risk: memory 2 GiB → 3 GiB: recreate",
    ]


def test_threads_in_the_environment_make_a_larger_cpuset_a_new_container(release):
    assert after(release(), release({"risk": {"cpuset": "0-2"}})) == [
        "risk: environment OMP_NUM_THREADS 2 → 3: recreate",
        "risk: environment OPENBLAS_NUM_THREADS 2 → 3: recreate",
        "risk: cpuset 0-1 → 0-2: recreate",
    ]


# Fields of a container: each by itself, changed in the data and by hand


@pytest.mark.parametrize(
    ("service", "fields", "sentence"),
    [
        ("risk", {"environment": {"A": "1"}}, "risk: environment A none → 1: recreate"),
        ("risk", {"environment": {"Q_S": "1"}}, "risk: environment Q_S none → 1: recreate"),
        ("risk", {"workers": 3}, "risk: environment WORKERS 2 → 3: recreate"),
        ("risk", {"secrets": []}, "risk: mounts {secret}:/run/secrets/store_password:ro → none"),
        ("risk", {"pids_limit": 99}, "risk: pids limit 512 → 99: recreate"),
        ("risk", {"stop_grace_s": 9}, "risk: stop grace 10 s → 9 s: recreate"),
        ("risk", {"user": "1001"}, "risk: user app → 1001: recreate"),
        ("risk", {"command": ["a", "b"]}, "risk: command run → a b: recreate"),
        ("risk", {"tmpfs": []}, "risk: tmpfs /tmp → none: recreate"),
        ("risk", {"shared_memory": "1 MiB"}, "risk: shared memory 64 MiB → 1 MiB"),
        ("risk", {"health": {"test": ["t"]}}, "risk: health test CMD probe --text $A 'b' → CMD t"),
        ("risk", {"health": {"interval_s": 3}}, "risk: health interval 2.5 s → 3 s: recreate"),
        ("risk", {"health": {"retries": 4}}, "risk: health retries 3 → 4: recreate"),
        ("page", {"host_port": 81}, "page: ports 127.0.0.1:80->8080 → 127.0.0.1:81->8080"),
        ("page", {"command": None}, "page: command serve --name $x y → none: recreate"),
        ("page", {"user": None}, "page: user 1000:1000 → none: recreate"),
    ],
)
def test_a_changed_field_is_named_alone(release, service, fields, sentence):
    [said] = after(release(), release({service: fields}))
    assert said.startswith(
        sentence.format(secret="/Users/o'brien/.drydock/demo/secrets/store_password")
    )
    assert said.endswith(": recreate")


def test_a_health_checks_deadline_concerns_the_deploy_alone(release):
    assert after(release(), release({"risk": {"health": {"deadline_s": 9}}})) == []


@pytest.mark.parametrize(
    ("part", "fields", "sentence"),
    [
        ("HostConfig", {"ReadonlyRootfs": False}, "risk: read only False → True"),
        ("HostConfig", {"Privileged": True}, "risk: privileged True → False"),
        ("HostConfig", {"CapAdd": ["CAP_NET_ADMIN"]}, "risk: cap add CAP_NET_ADMIN → none"),
        ("HostConfig", {"CapDrop": None}, "risk: cap drop none → ALL"),
        ("HostConfig", {"SecurityOpt": None}, "risk: security none → no-new-privileges:true"),
        ("HostConfig", {"RestartPolicy": {"Name": "no"}}, "risk: restart no → unless-stopped"),
        ("HostConfig", {"Init": None}, "risk: init False → True"),
        ("HostConfig", {"PidsLimit": None}, "risk: pids limit 0 → 512"),
        ("HostConfig", {"PortBindings": {}}, "risk: ports none → 127.0.0.1:8200->8200"),
        ("HostConfig", {"ShmSize": 1}, "risk: shared memory 1 B → 64 MiB"),
        ("HostConfig", {"Tmpfs": {"/tmp": "", "/x": ""}}, "risk: tmpfs /tmp /x → /tmp"),
        (
            "HostConfig",
            {"LogConfig": {"Type": "local", "Config": {}}},
            "risk: log local → json-file max-file=3 max-size=10m",
        ),
        ("Config", {"Healthcheck": {"Test": ["NONE"]}}, "risk: health interval 0 s → 2.5 s"),
        ("Config", {"User": "root"}, "risk: user root → none"),
        ("Config", {"Cmd": ["sh"]}, "risk: command sh → none"),
        ("NetworkSettings", {"Networks": {"bridge": {}}}, "risk: networks bridge → demo"),
    ],
)
def test_what_somebody_changed_by_hand_is_found(release, part, fields, sentence):
    said = sentences(release(), edited(release(), "risk", **{part: fields}))
    assert f"{sentence}: recreate" in said
    assert len(said) == (6 if "Healthcheck" in fields else 1)
    assert {words.partition(":")[0] for words in said} == {"risk"}


def test_a_container_of_an_older_drydock_is_replaced_and_its_release_named(release):
    containers = copy.deepcopy(inspected_containers(release()))
    containers["page"]["Config"]["Labels"]["dev.drydock.release"] = "000000000000"
    new = release().containers["page"].labels["dev.drydock.release"]
    assert sentences(release(), observed(release(), containers=containers)) == [
        f"page: release 000000000000 → {new}: recreate"
    ]


# Images


def test_on_a_fresh_host_everything_is_pulled_built_and_created(release):
    fresh = observed(release(), containers={}, images=[], missing_upstream=UPSTREAM)
    assert sentences(release(), fresh, CurrentRelease()) == [
        f"release: files none → {release().id}, 12 files: written",
        "python:3.13-slim-trixie: image, not on this host yet: pull",
        "redis:8.0: image, not on this host yet: pull",
        "py-base: image, not on this host yet: build",
        "store: image, not on this host yet: build, create",
        "risk: image, not on this host yet: build, create",
        "page: image, not on this host yet: build, create",
    ]


def test_only_what_is_built_needs_its_upstream_image(release):
    seen = observed(release(), missing_upstream=UPSTREAM)
    assert sentences(release(), seen) == []


def test_a_missing_container_of_an_image_that_is_there_is_created(release):
    assert sentences(release(), without(release(), "page")) == [
        "page: container, not on this host yet: create"
    ]


def test_a_changed_argument_rebuilds_its_service_alone(release):
    other = release({"risk": {"build": {"arguments": {"level": 4}}}})
    changes = compare(other, on_disk(other), observed(release()), CPUS)
    assert [c.reason for c in changes.all] == ["its app.conf changed"]
    assert changes.subjects("build") == changes.subjects("recreate") == ("risk",)


def images_of(release, **labels):
    made = [inspected_image(image) for image in release.images.values()]
    for image in made:
        image["Config"]["Labels"] = image["Config"]["Labels"] | labels
    return made


def test_an_image_replaced_by_hand_is_built_again(release):
    images = images_of(release())
    for image in images:
        if "demo-page:m4max" in image["RepoTags"]:
            image["Config"]["Labels"] = None
    assert sentences(release(), observed(release(), images=images))[0] == (
        "page: image, replaced by one that Drydock didn't build: rebuild, recreate"
    )


def test_a_lost_tag_is_put_back(release):
    images = images_of(release())
    pinned = release().images["page"].pinned_reference
    for image in images:
        if pinned in image["RepoTags"]:
            image["RepoTags"] = [pinned]
    assert sentences(release(), observed(release(), images=images)) == [
        "page: tag demo-page:m4max, the tag is missing: tag"
    ]


def test_a_tag_that_stands_for_another_image_is_moved(release):
    images = images_of(release())
    pinned = release().images["page"].pinned_reference
    for image in images:
        if pinned in image["RepoTags"]:
            image["RepoTags"] = [pinned]
    images.append({"Id": "sha256:other", "RepoTags": ["demo-page:m4max"], "Config": {}})
    assert sentences(release(), observed(release(), images=images)) == [
        "page: tag demo-page:m4max, the tag stands for another image: tag"
    ]


def test_a_container_of_another_image_is_replaced(release):
    seen = edited(release(), "page")
    store = release().images["store"].digest
    page = replace(seen.containers["demo-page"], image_id=f"sha256:{store}")
    seen = replace(seen, containers={**seen.containers, "demo-page": page})
    page_digest = release().images["page"].digest
    assert sentences(release(), seen) == [
        f"page: image {store[:12]} → {page_digest[:12]}: recreate"
    ]


# State


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"Status": "exited", "ExitCode": 137}, "state exited, exit status 137 → running: start"),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            "state exited, exit status 137, out of memory → running: start",
        ),
        ({"Status": "dead", "ExitCode": 1}, "state dead, exit status 1 → running: start"),
        ({"Status": "created"}, "state created → running: start"),
        ({"Status": "paused"}, "state paused → running: start"),
        ({"Health": {"Status": "unhealthy"}}, "health unhealthy → healthy: restart"),
        ({"Health": {"Status": "starting"}}, "health starting → healthy, waited for: start"),
        ({"Health": None}, "health none → healthy, waited for: start"),
    ],
)
def test_what_is_not_well_is_started(release, state, sentence):
    seen = edited(release(), "store", State=state)
    assert sentences(release(), seen) == [f"store: {sentence}"]


def test_what_is_unhealthy_for_want_of_another_is_waited_for(release):
    containers = copy.deepcopy(inspected_containers(release()))
    containers["store"]["State"] |= {"Status": "exited", "Health": {"Status": "unhealthy"}}
    containers["risk"]["State"]["Health"]["Status"] = "unhealthy"
    assert sentences(release(), observed(release(), containers=containers)) == [
        "store: state exited, exit status 0 → running: start",
        "risk: health unhealthy → healthy, waited for: start",
    ]


# Files and what is left over


def test_another_release_is_written(release):
    wanted = release({"risk": {"memory": "3 GiB"}})
    assert sentences(wanted, observed(wanted), on_disk(release())) == [
        f"release: files {release().id} → {wanted.id}, 2 files differ: written"
    ]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ({"images/risk/app.conf": "0"}, "images/risk/app.conf, edited by hand"),
        ({"images/risk/app.conf": None}, "images/risk/app.conf, missing"),
        ({"notes.txt": "0"}, "notes.txt, put there by hand"),
    ],
)
def test_a_file_changed_by_hand_is_written_again(release, edit, sentence):
    current = on_disk(release())
    found = {path: value for path, value in {**current.found, **edit}.items() if value}
    assert sentences(release(), observed(release()), replace(current, found=found)) == [
        f"release: {sentence}: written"
    ]


def test_a_missing_directory_that_a_service_is_shown_is_made(release):
    shown = release({"page": {"host_directories": {"monitor": "/srv/monitor"}}})
    said = ["release: directory monitor, missing: written"]
    assert sentences(shown, observed(shown), on_disk(shown)) == said
    there = replace(on_disk(shown), directories=("monitor", "secrets"))
    assert sentences(shown, observed(shown), there) == []


def test_another_value_of_a_secret_that_the_data_gives_is_written(release):
    bell = {"store": {"secrets": ["alert_webhook"]}}
    wanted = release(bell, alert_webhook="https://hooks.example/token")
    current = replace(on_disk(wanted), given=wanted.given)
    assert sentences(wanted, observed(wanted), current) == []
    other = replace(current, given={"alert_webhook": "0" * 64})
    assert sentences(wanted, observed(wanted), other) == [
        "release: secret alert_webhook, another value: written"
    ]


def test_a_missing_secret_is_generated(release):
    current = replace(on_disk(release()), secrets=())
    assert sentences(release(), observed(release()), current) == [
        "release: secret store_password, missing: written"
    ]


@pytest.mark.parametrize(
    ("state", "cut_at", "reason"),
    [
        ("good", 40, "can't be read"),
        ("good", 0, "missing"),
        ("unfinished", None, "its last run left it unfinished"),
        ("failed", None, "its last run left it failed"),
    ],
)
def test_a_release_that_no_record_calls_good_is_verified_and_recorded(
    release, state, cut_at, reason
):
    record = Record(release=release().id, number=1, deployed_at="", who="anna", state=state)
    current = replace(on_disk(release()), record=record.model_dump_json()[:cut_at])
    assert [change.sentence for change in record_changes(release(), current)] == [
        f"release: record, {reason}: verified and recorded"
    ]


def test_a_release_that_was_gone_back_to_and_never_verified_is_verified_and_recorded(release):
    record = Record(
        release=release().id, number=1, deployed_at="", who="anna", state="good",
        gone_back_from="0123456789ab",
    )  # fmt: skip
    current = replace(on_disk(release()), record=record.model_dump_json())
    assert [change.sentence for change in record_changes(release(), current)] == [
        "release: record, gone back to from 0123456789ab by a run cut off: verified and recorded"
    ]


def test_a_good_record_is_left_and_so_is_that_of_another_release(release):
    record = Record(release=release().id, number=1, deployed_at="", who="anna", state="good")
    good = replace(on_disk(release()), record=record.model_dump_json())
    assert not list(record_changes(release(), good))
    other = replace(good, record="", bill=False)
    assert not list(record_changes(release({"risk": {"memory": "3 GiB"}}), other))


def test_a_release_without_a_bill_of_materials_gets_one(release):
    """Its deploy was broken off once it was current: nobody comes back to it otherwise."""
    record = Record(release=release().id, number=1, deployed_at="", who="anna", state="good")
    current = replace(on_disk(release()), record=record.model_dump_json(), bill=False)
    assert [change.sentence for change in record_changes(release(), current)] == [
        "release: bill of materials, missing: verified and recorded"
    ]


def test_a_service_that_is_no_longer_said_is_removed_and_others_are_left(release):
    containers = copy.deepcopy(inspected_containers(release()))
    for name, owner in (("demo-former", "demo"), ("somebodys", "other"), ("nobodys", None)):
        containers[name] = copy.deepcopy(containers["page"]) | {"Name": f"/{name}"}
        labels = {"dev.drydock.stack": owner} if owner else {}
        containers[name]["Config"]["Labels"] = labels
    assert sentences(release(), observed(release(), containers=containers)) == [
        "demo-former: container, no longer in the stack: remove"
    ]


def test_memory_is_shown_for_people(release):
    seen = edited(release(), "risk", HostConfig={"Memory": GIB * 5 // 2})
    assert sentences(release(), seen) == ["risk: memory 2.5 GiB → 2 GiB, applied live"]
