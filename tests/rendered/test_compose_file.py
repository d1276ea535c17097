import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.settings import Settings
from lab.spec import read_state
from tests.demo import demo_release

LINT = [Path(sys.executable).with_name("compose-lint"), "check", "--no-env"]
CONFIGURED = ["--strict-config", "--config", Path(__file__).with_name("compose-lint.yml")]


@pytest.fixture
def compose(release):
    return yaml.safe_load(release.files[release.compose_file])


def lint(*arguments):
    return subprocess.run(
        [*LINT, "--fail-on", "low", *arguments], check=False, capture_output=True, text=True
    )


def test_compose_lint_finds_nothing(release, written):
    done = lint(*CONFIGURED, written / release.compose_file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 issues" in done.stdout


def test_compose_lint_finds_nothing_in_what_else_is_rendered(other):
    release, folder = other
    # What is said of Grafana, which not all of them have, is no mistake of theirs.
    said = [word for word in CONFIGURED if word != "--strict-config"]
    done = lint(*said, folder / release.compose_file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 issues" in done.stdout


def test_compose_lint_would_find_something(release, written, tmp_path):
    worse = tmp_path / "compose.yml"
    text = (written / release.compose_file).read_text()
    worse.write_text(text.replace("cap_drop", "cap_add"))
    assert lint(*CONFIGURED, worse).returncode == 1


def test_all_services_of_the_report_are_there(release, compose):
    assert len(compose["services"]) == 16
    assert all(
        it["image"] == f"nautilus-{name}:{release.tag}" for name, it in compose["services"].items()
    )


def test_ports_are_bound_to_the_host_itself(compose):
    ports = [port for it in compose["services"].values() for port in it["ports"]]
    assert len(ports) == 16
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_service_is_privileged_or_gets_the_docker_socket(compose):
    for it in compose["services"].values():
        assert it["cap_drop"] == ["ALL"]
        assert it["security_opt"] == ["no-new-privileges:true"]
        assert it["read_only"] is True
        assert not {"privileged", "cap_add", "devices", "pid", "network_mode"} & it.keys()
    assert "docker.sock" not in json.dumps(compose)


def test_no_password_is_in_an_environment(compose):
    for it in compose["services"].values():
        for key, value in it.get("environment", {}).items():
            if "PASSWORD" in key:
                # Grafana's words for a file; Compose takes the first dollar away.
                path = value.removeprefix("$$__file{").removesuffix("}")
                assert key.endswith("_FILE") or path != value
                assert path.removeprefix("/run/secrets/") in it["secrets"]
            assert "@" not in value.partition("//")[2] or ":" not in value.split("@")[0][13:]


def test_configurations_in_yaml_are_yaml(release):
    configurations = [
        yaml.safe_load(content)
        for path, content in release.files.items()
        if path.endswith((".yml", ".yaml"))
    ]
    assert len(configurations) == 5


@pytest.fixture(scope="module")
def docker_compose():
    """Ask the Docker Compose of a lab host what it makes of a compose file."""
    hosts = read_state(Settings.from_environment().state_file)
    if not hosts:
        pytest.skip("no lab is running: python -m lab up")
    host = next(iter(hosts.values()))

    def config(text):
        remote = "docker compose --file - config --format json"
        done = subprocess.run(
            [
                *("ssh", "-F", "/dev/null", "-i", host.key),
                *("-o", f"UserKnownHostsFile={host.known_hosts}", "-o", "BatchMode=yes"),
                f"{host.user}@{host.address}",
                f"PATH=$PATH:/usr/local/bin:/usr/bin; {remote}",
            ],
            check=False,
            input=text,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert done.stderr == b""
        return json.loads(done.stdout)

    return config


@pytest.mark.lab
def test_compose_reads_the_file_without_a_word(release, docker_compose):
    read = docker_compose(release.files[release.compose_file])
    assert set(read["services"]) == set(release.containers)
    for name, it in read["services"].items():
        allocation = release.map.services[name]
        assert it.get("cpuset") == allocation.cpuset
        assert it["cpus"] == allocation.cpus
        assert int(it["mem_limit"]) == allocation.memory_bytes


@pytest.mark.lab
@pytest.mark.parametrize(
    "odd",
    [
        "$HOME ${A:-b} $$",
        "a\nb\t'\"\\",
        "# : - [x] {y} é 𝄞",
        "\x85\u2028\ufeff\x7f",
        "~",
        "null",
        "1e3",
        " x ",
    ],
)
def test_compose_takes_values_as_they_are(demo_project, docker_compose, odd):
    overrides = {"risk": {"environment": {"NULL": odd, "ON": odd}, "command": ["run", odd]}}
    release = demo_release(demo_project, overrides, secrets_directory=f"/a/{odd.strip()}")
    read = docker_compose(release.files[release.compose_file])
    risk = read["services"]["risk"]
    wanted = release.containers["risk"].environment
    # What Compose prints can be read again by Compose: its own dollar signs are doubled, too.
    assert {key: value.replace("$$", "$") for key, value in risk["environment"].items()} == wanted
    assert [word.replace("$$", "$") for word in risk["command"]] == ["run", odd]
