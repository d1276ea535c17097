"""Data and templates that try to break out: refused, or data to the end.

Over 5,000 of them: each is refused in words before anything happens, or what is rendered from it
is parsed back as exactly the data, below the release's own directory.
"""

import copy
import json
import shlex
from pathlib import PurePosixPath

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from operations.images import build_secrets
from stack.errors import DrydockError
from stack.load import load_stack
from stack.model import Allocation, Map, Stack
from stack.release.render import DESCRIPTION, render_release
from tests.demo import SECRETS, STACK, UPSTREAM, write_project
from tests.hostile.pieces import HOSTILE

RISK = ("services", "risk")
WORDS = ["true"]
# The demo's data, with what else a stack's data can hold.
DATA = {
    **STACK,
    "project": "quay",
    "volume_names": {"store-data": "store_data"},
    "services": {
        **STACK["services"],
        "risk": {
            **STACK["services"]["risk"],
            "rotate": {"store_password": WORDS},
            "backup": {"save": WORDS, "check": WORDS, "load": WORDS},
            "host_directories": {"monitor": "/srv/monitor"},
            "routes": {"services": ["page"], "lead": ["lead", "{service}", "{host}"]},
        },
    },
}
# Where a text may stand: the path to it, and whether it is a key.
PLACES = (
    (("name",), False), (("bases", "python"), False), (("bases",), True), (("images",), True),
    (("services",), True), ((*RISK, "container_name"), False), ((*RISK, "phase"), False),
    ((*RISK, "environment", "ODD"), False), ((*RISK, "environment"), True),
    ((*RISK, "command"), False), ((*RISK, "health", "test"), False), ((*RISK, "secrets"), False),
    ((*RISK, "needs"), False), ((*RISK, "volumes"), True), ((*RISK, "volumes", "data"), False),
    ((*RISK, "tmpfs"), False), ((*RISK, "user"), False), ((*RISK, "endpoint"), False),
    ((*RISK, "page"), False), ((*RISK, "cpuset"), False), ((*RISK, "memory"), False),
    ((*RISK, "port"), False), ((*RISK, "build", "dockerfile"), False),
    ((*RISK, "build", "bases"), False), ((*RISK, "build", "context"), False),
    ((*RISK, "build", "rendered"), True), ((*RISK, "build", "rendered", "app.conf"), False),
    ((*RISK, "build", "arguments"), True), ((*RISK, "build", "arguments", "level"), False),
    (("services", "store", "image"), False), (("project",), False),
    (("volume_names", "store-data"), False), (("volume_names",), True),
    ((*RISK, "rotate", "store_password"), False), ((*RISK, "rotate"), True),
    ((*RISK, "backup", "save"), False), ((*RISK, "backup", "check"), False),
    ((*RISK, "backup", "load"), False), ((*RISK, "backup", "load_while"), False),
    ((*RISK, "host_directories"), True), ((*RISK, "host_directories", "monitor"), False),
    ((*RISK, "routes", "lead"), False), ((*RISK, "routes", "services"), False),
)  # fmt: skip
LISTS = {"command", "test", "secrets", "needs", "tmpfs", "bases", "context", "store_password",
         "save", "check", "load", "lead", "services"}  # fmt: skip
DIRECTORIES = {"volumes", "host_directories"}
SETTINGS = ("bind_address", "ca_bundle", "registry_mirror", "pip_index_url", "npm_registry",
            "docker_cli", "docker_socket", "chip", "image_registry", "images_lock", "why",
            "release", "services", "to", "alert_webhook")  # fmt: skip
SERVICE_KEYS = {
    "image", "container_name", "pull_policy", "command", "user", "cpuset", "cpus", "cpu_shares",
    "mem_limit", "memswap_limit", "mem_reservation", "shm_size", "pids_limit", "restart", "init",
    "stop_grace_period", "read_only", "cap_drop", "security_opt", "tmpfs", "environment", "ports",
    "volumes", "secrets", "depends_on", "healthcheck", "labels", "logging", "networks",
}  # fmt: skip
ENOUGH = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def meant(project):
    """What the Dockerfiles of the data as it should be do."""
    return instructions(rendered(DATA, project))


def laid(path, is_key, text):
    """The demo's data with a text at a place, as its key or as its value."""
    data = copy.deepcopy(DATA)
    at = data
    for part in path if is_key else path[:-1]:
        at = at.setdefault(part, {})
    if is_key:
        value = next(iter(at.values()), "a")
        at[text] = "/data" if path[-1] in DIRECTORIES else copy.deepcopy(value)
    elif path[-1] in LISTS:
        at[path[-1]] = [*at.get(path[-1], ()), text]
    else:
        at[path[-1]] = text
    return data


def rendered(data, project):
    """The release of a stack's data, each service with what the data says."""
    inputs = load_stack({"stack": data}, {})
    stack = inputs.stack
    allocations = {
        name: Allocation(
            cpuset=it.cpuset, cpus=it.cpus, memory_bytes=it.memory, reservation_bytes=it.memory
        )
        for name, it in stack.services.items()
    }
    return render_release(
        stack=stack,
        core_map=Map(services=allocations),
        tag="m4max",
        architecture="aarch64",
        settings=inputs.settings,
        upstream_digests={**dict.fromkeys(references(stack), "sha256:0"), **UPSTREAM},
        secrets_directory=SECRETS,
        project=project,
    )


def references(stack):
    return [*stack.bases.values(), *(it.image for it in stack.services.values() if it.image)]


@given(place=st.sampled_from(PLACES), text=HOSTILE)
@settings(max_examples=4000, **ENOUGH)
@example(place=((*RISK, "build", "arguments", "level"), False), text="3\nUSER root")
@example(place=((*RISK, "environment", "ODD"), False), text="\0")
@example(place=((*RISK, "volumes", "data"), False), text="/a/../../etc")
def test_what_is_rendered_is_the_data_or_nothing(project, meant, place, text):
    path, is_key = place
    data = laid(path, is_key, text)
    try:
        release = rendered(data, project)
    except DrydockError as refusal:
        assert str(refusal)
        return
    for path in release.files:
        pure = PurePosixPath(path)
        assert not pure.is_absolute()
        assert ".." not in pure.parts
        assert str(pure) == path
        assert path.isprintable()
    described = json.loads(release.files[DESCRIPTION])
    assert Stack.model_validate(described["stack"]) == release.stack
    compose = yaml.load(release.files[release.compose_file], yaml.CSafeLoader)
    assert set(compose) <= {"name", "services", "networks", "volumes", "secrets"}
    assert list(compose["services"]) == list(release.stack.services)
    for name, it in compose["services"].items():
        service, container = release.stack.services[name], release.containers[name]
        assert set(it) <= SERVICE_KEYS
        assert plain(it.get("environment", {})) == dict(container.environment)
        assert plain(it.get("command")) == (list(service.command) if service.command else None)
        assert plain(it["healthcheck"]["test"]) == ["CMD", *service.health.test]
        assert it["cap_drop"] == ["ALL"]
        assert it["read_only"] is True
    if not place[1]:
        assert instructions(release) == meant


def plain(value):
    """A value as Compose reads it, which takes two dollar signs for one."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


def instructions(release):
    """The first words of all lines of every Dockerfile: what each line does."""
    return [
        [line.split()[:1] for line in image.files["Dockerfile"].decode().splitlines()]
        for image in release.images.values()
    ]


@given(key=st.sampled_from(SETTINGS), text=HOSTILE)
@settings(max_examples=1000, **ENOUGH)
@example(key="pip_index_url", text="https://a/\nextra-index-url = https://evil/")
def test_settings_stay_on_their_line(key, text):
    try:
        said = load_stack({"stack": STACK, key: text}, {}).settings
        files = build_secrets(said.model_copy(update={"ca_bundle": None}))
    except DrydockError as refusal:
        assert str(refusal)
        return
    assert len(files["pip"].splitlines()) in (0, 2)
    assert len(files["npm"].splitlines()) in (0, 1)
    words = ("docker_cli", "docker_socket", "bind_address", "registry_mirror", "image_registry")
    for word in (*(getattr(said, key) for key in words), *said.services):
        assert word is None or shlex.split(word) == [word]


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('touch pwned').read() }}",
        "{{ stack.__init__.__globals__ }}",
        "{{ stack.model_copy.__func__.__globals__ }}",
        "{{ arguments.__class__ }}",
        "{% for x in range(10**9) %}{% endfor %}",
        "{{ stack.parse_file('/etc/passwd') }}",
        "{{ stack.model_construct() }}",
        "{% include '../../../etc/passwd' %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ arguments.update({'level': 1}) }}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(tmp_path, text):
    project = write_project(tmp_path)
    (project / "templates/app.conf.j2").write_text(text)
    with pytest.raises(DrydockError, match=r"templates/app\.conf\.j2"):
        rendered(STACK, project)
    assert not list(tmp_path.rglob("pwned"))


def test_a_link_out_of_the_project_is_not_followed(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_text("mine")
    project = write_project(tmp_path / "project")
    (project / "code" / "key").symlink_to(tmp_path / "private" / "key")
    with pytest.raises(DrydockError, match=r"code/key.*link.*out of"):
        rendered(STACK, project)
