"""The first deploy onto containers that somebody made by hand, and the way back to them."""

import json
from collections.abc import Iterator

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project

pytestmark = pytest.mark.lab
FOLDER = "~/pier"
COMPOSE = """
name: pier
services:
  store:
    image: redis:8.0
    container_name: harbour-store
    command: [redis-server, --dir, /data, --appendonly, "yes"]
    restart: always
    environment: {TOKEN: hush-hush}
    volumes: [store-data:/data]
volumes:
  store-data: {}
"""
HAND_MADE = (
    "run", "--detach", "--name", "harbour-tide", "--publish", "127.0.0.1:18001:80",
    "--restart", "unless-stopped", "nginx:1.26",
)  # fmt: skip
KEEPS = {
    "store": {"command": ["redis-server", "--dir", "/data", "--appendonly", "yes"]},
}
AS_IT_WAS = "{{.Id}} {{.Name}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"


@pytest.fixture(scope="module")
def pier(_harbour_goes: None, mac2: Mac) -> Iterator[Mac]:
    """A compose project and a container by hand, under the small stack's names, with data."""
    mac2.remove_stack("harbour")
    mac2.sh(f"mkdir -p {FOLDER} && cat >{FOLDER}/docker-compose.yml <<'END'{COMPOSE}END")
    file = mac2.sh(f"echo {FOLDER}/docker-compose.yml")
    for image in ("redis:8.0", "nginx:1.26"):
        mac2.docker("pull", "--quiet", image)
    mac2.compose("--file", file, "up", "--detach")
    mac2.docker(*HAND_MADE)
    mac2.docker("network", "create", "somebody-elses")
    mac2.docker("exec", "harbour-store", "redis-cli", "SET", "boat", "sails")
    yield mac2
    mac2.remove_stack("harbour")
    for name in ("harbour-store", "harbour-tide"):
        mac2.docker("rm", "--force", "--volumes", name)
    mac2.docker("volume", "rm", "--force", "pier_store-data")
    mac2.docker("network", "rm", "somebody-elses", "pier_default")
    mac2.sh(f"rm -rf {FOLDER}")


def originals(mac: Mac, *names: str) -> list[str]:
    return mac.docker("inspect", "--format", AS_IT_WAS, *names).splitlines()


def test_a_hand_made_stack_is_taken_over_with_its_data_and_one_command_leads_back(
    harbour: Project, pier: Mac
):
    harbour.keep_services("store", "tide")
    before = originals(pier, "harbour-store", "harbour-tide")
    evidence = pier.evidence()
    dry = harbour.run("deploy.py", "--dry", hosts="mac2", overrides=KEEPS, adopt=True)
    assert dry.status == 0, dry.text
    for sentence in (
        "harbour-store: container, made by the compose project 'pier', is stopped when all"
        " images are there and kept as harbour-store-original, with an interruption until",
        "harbour-tide: container, made by hand, is stopped when all images are there",
        "store-data: volume none → pier_store-data, with its data: taken over",
    ):
        assert sentence in dry.words, dry.text
    assert pier.evidence() == evidence

    run = harbour.deploy(hosts="mac2", overrides=KEEPS, adopt=True)
    assert "2/2 containers healthy" in run.text
    assert "hush-hush" not in run.text
    assert pier.docker("exec", "harbour-store", "redis-cli", "GET", "boat") == "sails"
    kept = "~/.drydock/harbour/original"
    assert pier.sh(f"cat {kept}/docker-compose.yml.backup") == COMPOSE.strip()
    assert set(json.loads(pier.sh(f"cat {kept}/containers.json"))) == {
        "harbour-store", "harbour-tide",
    }  # fmt: skip
    assert pier.sh(f"ls -ld {kept}").startswith("drwx------")
    assert pier.sh(f"ls -l {kept}/containers.json").startswith("-rw-------")
    assert "somebody-elses" in pier.docker("network", "ls")
    assert "no changes" in harbour.deploy(hosts="mac2", overrides=KEEPS).text

    pier.docker("exec", "harbour-store", "redis-cli", "SET", "crew", "two")
    back = harbour.run("rollback.py", "-y", hosts="mac2", release="original")
    assert back.status == 0, back.text
    assert "2 original containers are back" in back.text
    assert originals(pier, "harbour-store", "harbour-tide") == before
    assert pier.docker("exec", "harbour-store", "redis-cli", "GET", "crew") == "two"
    assert "Welcome to nginx" in pier.sh("curl -fsS http://127.0.0.1:18001/")
    assert not pier.containers("harbour")
    assert pier.tries("test -e ~/.drydock/harbour/monitor/monitor.sh").returncode != 0
    networks = pier.docker("network", "ls", "--format", "{{.Name}}").split()
    assert "harbour" not in networks
    assert {"somebody-elses", "pier_default"} <= set(networks)


def test_a_takeover_that_fails_lets_the_originals_run_again(harbour: Project, pier: Mac):
    harbour.keep_services("store", "tide")
    before = originals(pier, "harbour-store", "harbour-tide")
    broken = {**KEEPS, "tide": {"command": ["false"]}}
    run = harbour.run("deploy.py", "-y", hosts="mac2", overrides=broken, adopt=True)
    assert run.status != 0
    assert "rolled back: the original containers run as before" in run.words
    assert originals(pier, "harbour-store", "harbour-tide") == before
    assert pier.docker("exec", "harbour-store", "redis-cli", "GET", "boat") == "sails"
