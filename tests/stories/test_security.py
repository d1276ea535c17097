"""What a neighbour, a reader of disks and a curious colleague find: nothing that is not theirs."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lab.hosts import ssh_command
from lab.settings import Settings
from tests.stories.client import in_its_network
from tests.stories.mac import Mac
from tests.stories.project import Project, Run
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
SECRETS = "~/.drydock/nautilus/secrets"
SCAN = """
import asyncio, json, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
limit = asyncio.Semaphore(2000)
async def answers(port):
    async with limit:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(sys.argv[1], port), 30)
        except ConnectionRefusedError:
            return None
        writer.close()
        return port
async def main():
    ports = await asyncio.gather(*map(answers, range(1, 65536)))
    print(json.dumps([port for port in ports if port]))
asyncio.run(main())
"""
# One round trip with connections of its own to each store, as the backend and as the database's
# owner, again and again, until told to stop.
CLIENT = """
import asyncio, json, pathlib
from contextlib import asynccontextmanager
from nautilus.frame.settings import Settings
from nautilus.frame.stores import Stores
stop = pathlib.Path("/tmp/stop")
said = Settings()
owner = said.model_copy(update={
    "database_url": said.owner_database_url, "postgres_password_file": said.owner_password_file,
})
@asynccontextmanager
async def opened(settings):
    stores = Stores(settings)
    await stores.open()
    try:
        yield stores
    finally:
        await stores.close()
async def round_trip(number):
    async with opened(said) as stores:
        await stores.redis.set("rotation", number)
        assert int(await stores.redis.get("rotation")) == number
        assert await stores.postgres.fetchval("SELECT current_user") == "backend"
    async with opened(owner) as stores:
        await stores.postgres.execute("INSERT INTO rotation VALUES ($1)", number)
        assert await stores.postgres.fetchval("SELECT max(number) FROM rotation") == number
async def main():
    done, failed, number = 0, [], 0
    async with opened(owner) as stores:
        await stores.postgres.execute("CREATE TABLE rotation (number int)")
    while not stop.exists():
        number += 1
        try:
            await round_trip(number)
            done += 1
        except Exception as error:
            failed.append(repr(error))
    async with opened(owner) as stores:
        rows = await stores.postgres.fetchval("SELECT count(*) FROM rotation")
        await stores.postgres.execute("DROP TABLE rotation")
    print(json.dumps({"done": done, "failed": failed, "rows": rows}))
asyncio.run(main())
"""
ROTATED = {
    "redis_password", "postgres_password", "backend_database_password", "risk_database_password",
}  # fmt: skip


def open_ports(lab: Lab, of: Mac, seen_from: str) -> list[int]:
    """Every TCP port of a host that answers, as another host's network sees it."""
    inside = ["ip", "netns", "exec", lab.settings.namespace(seen_from)]
    words = [*inside, sys.executable, "-c", SCAN, of.address]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300)
    return list(json.loads(done.stdout))


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_from_another_mac_no_port_answers_but_ssh(lab: Lab, mac1: Mac):
    assert open_ports(lab, mac1, seen_from="mac2") == [22]


def test_what_the_hosts_data_opens_answers_and_nothing_else(lab: Lab, running: Project, mac2: Mac):
    running.deploy(hosts="mac2", bind_address=mac2.address)
    assert open_ports(lab, mac2, seen_from="mac1") == [22, 18001, 18080]


class Search:
    """Looks for values wherever a host, its daemon or a run of pyinfra could have left them."""

    def __init__(self, settings: Settings, mac: Mac, values: list[str]) -> None:
        self._mac, self._values = mac, values
        self._disk = settings.host_directory(mac.name)

    def on_disk(self) -> list[str]:
        """Files of the host and of its daemon: releases, layers, containers, logs, volumes."""
        words = [part for value in self._values for part in ("-e", value)]
        places = [self._disk / "docker", self._disk / "upper"]
        # 1 is for nothing found; 2 for what vanished meanwhile.
        done = subprocess.run(
            ["grep", "--recursive", "--text", "-l", "-F", "-s", *words, *places],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        found = [line.removeprefix(f"{self._disk}/") for line in done.stdout.splitlines()]
        return [path for path in found if "/.drydock/nautilus/secrets/" not in path]

    def in_processes(self) -> list[str]:
        """Environments and arguments of every process there is."""
        return [
            str(path)
            for kind in ("environ", "cmdline")
            for path in Path("/proc").glob(f"[0-9]*/{kind}")
            if self.is_in(_read(path))
        ]

    def in_the_daemons_words(self) -> list[str]:
        """What inspecting, the history of images and logs tell."""
        docker = self._mac.docker
        told = {}
        for container in docker("ps", "--all", "--quiet").split():
            told[f"inspect {container}"] = docker("inspect", container)
            told[f"logs {container}"] = docker("logs", container)
        for image in set(docker("images", "--quiet", "--no-trunc").split()):
            told[f"image {image}"] = docker("image", "inspect", image)
            told[f"history {image}"] = docker("history", "--no-trunc", image)
        return [place for place, text in told.items() if self.is_in(text)]

    def is_in(self, text: str) -> bool:
        return any(value in text for value in self._values)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""  # A process that has just ended.
    except PermissionError:
        if path.parent.name == "1":
            return ""  # This machine's own first process, where it is a container itself.
        raise


def secrets_of(mac: Mac) -> dict[str, str]:
    names = mac.sh(f"ls {SECRETS}").split()
    return {name: mac.sh(f"cat {SECRETS}/{name}") for name in names}


@pytest.mark.usefixtures("nautilus_on_mac1")
def test_no_secret_is_anywhere_but_in_its_file(nautilus: Project, lab: Lab, mac1: Mac):
    search = Search(lab.settings, mac1, list(secrets_of(mac1).values()))
    runs = [
        nautilus.run(program, "-y", "-vvv", "--debug", hosts="mac1")
        for program in ("deploy.py", "verify.py")
    ]
    assert not any(search.is_in(run.text) for run in runs)
    assert search.in_the_daemons_words() == []
    assert search.on_disk() == []
    # Health checks come and go: looked at while they do.
    health = f"DOCKER_HOST=unix://{mac1.state.socket} {mac1.state.cli} exec nautilus-redis healthy"
    looping = ssh_command(mac1.state, f"for n in 1 2 3 4 5 6 7 8; do {health}; done")
    with subprocess.Popen(looping, stdout=subprocess.DEVNULL) as checks:
        while checks.poll() is None:
            assert search.in_processes() == []
    assert checks.returncode == 0
    # What it was given as a file, Grafana has read; PostgreSQL's users log in all along.
    login = f"printf 'user = admin:%s' $(cat {SECRETS}/grafana_admin_password) | curl -s -K -"
    code = mac1.sh(f"{login} -o /dev/null -w '%{{http_code}}' http://127.0.0.1:3002/api/org")
    assert code == "200"


def test_a_value_that_was_left_somewhere_would_be_found(lab: Lab, mac2: Mac):
    planted = "planted" + "x" * 33
    search = Search(lab.settings, mac2, [planted])
    image = mac2.docker("images", "--quiet", "redis:8.0")
    mac2.docker("run", "--detach", "--name", "planted", "--env", f"P={planted}", "--entrypoint",
                "sh", image, "-c", f"echo {planted}; echo {planted} >/file; sleep 60")  # fmt: skip
    try:
        mac2.docker("commit", "planted", "planted:1")
        mac2.sh(f"mkdir -p ~/.drydock/x && echo {planted} >~/.drydock/x/file")
        told = {place.split()[0] for place in search.in_the_daemons_words()}
        assert told == {"inspect", "logs", "image", "history"}
        kinds = {path.split("/")[1] for path in search.on_disk()}
        assert {"containers", "overlay2", "Users"} <= kinds
        found = {path.rpartition("/")[2] for path in search.in_processes()}
        assert found == {"environ", "cmdline"}
    finally:
        mac2.docker("rm", "--force", "--volumes", "planted")
        mac2.docker("rmi", "planted:1")
        mac2.sh("rm -r ~/.drydock/x")


def test_secrets_get_new_values_and_no_request_is_lost(
    nautilus: Project, nautilus_on_mac1: Run, lab: Lab, mac1: Mac, tmp_path: Path
):
    before = secrets_of(mac1)
    identities = mac1.identities("nautilus")
    docker = f"DOCKER_HOST=unix://{mac1.state.socket} {mac1.state.cli}"
    mac1.sh(f"{docker} exec nautilus-backend rm -f /tmp/stop")
    line = shlex.join(["exec", "nautilus-backend", "python", "-c", CLIENT])
    client = subprocess.Popen(
        ssh_command(mac1.state, f"{docker} {line}"), stdout=subprocess.PIPE, text=True
    )
    words = ("rotate.py", "-y", "-vvv", "--debug")
    with in_its_network("visitor.py", nautilus, mac1, lab, tmp_path) as visitor:
        runs = [nautilus.run(*words, hosts="mac1", secrets=",".join(ROTATED)) for _ in range(2)]
    mac1.sh(f"{docker} exec nautilus-backend touch /tmp/stop")
    said = json.loads(client.communicate(timeout=60)[0])

    assert [run.status for run in runs] == [0, 0], runs[-1].text
    assert said["failed"] == []
    assert said["done"] > 20
    assert said["rows"] == said["done"]
    # Nor does who comes through nginx lose a page or a message.
    assert (visitor.found["missing"], visitor.found["failed"]) == (0, [])
    after = secrets_of(mac1)
    assert {name for name in after if after[name] != before[name]} == ROTATED
    assert mac1.identities("nautilus") == identities
    old = f"AUTH {before['redis_password']}"
    refused = f"echo {old} | {docker} exec -i nautilus-redis redis-cli"
    assert "WRONGPASS" in mac1.sh(refused)
    began, *_, ended = mac1.last_run("nautilus")
    assert began["what"].startswith("new values for ")
    assert all(name in began["what"] for name in ROTATED)
    assert (ended["event"], ended["outcome"]) == ("ended", "good")
    search = Search(lab.settings, mac1, list(after.values()))
    assert not any(search.is_in(run.text) for run in runs)
    assert search.on_disk() == []
    # Both stores start with the new values, too.
    mac1.docker("restart", "nautilus-redis", "nautilus-postgres")
    nautilus.deploy(hosts="mac1")


def test_a_release_has_a_bill_of_what_runs(running: Project, mac2: Mac):
    mac2.remove_stack("harbour")
    running.deploy(hosts="mac2")
    release = mac2.sh("readlink ~/.drydock/harbour/current").removeprefix("releases/")
    bill = json.loads(mac2.sh(f"cat ~/.drydock/harbour/releases/{release}.cdx.json"))
    assert bill["metadata"]["component"]["version"] == release
    packages = {
        image["name"]: {it["name"]: it["version"] for it in image["components"]}
        for image in bill["components"]
    }
    assert set(packages) == {f"harbour-{name}" for name in ("store", "tide", "pilot", "gate")}
    dpkg = ["exec", "harbour-gate", "dpkg-query", "--show", "--showformat", "${Version}", "nginx"]
    assert packages["harbour-gate"]["nginx"] == mac2.docker(*dpkg)
    assert "redis-server" in packages["harbour-store"]
    # One that a broken-off deploy left out is written by the next one.
    mac2.sh(f"rm ~/.drydock/harbour/releases/{release}.cdx.json")
    run = running.deploy(hosts="mac2")
    assert "release: bill of materials, missing: verified and recorded" in run.text
    again = json.loads(mac2.sh(f"cat ~/.drydock/harbour/releases/{release}.cdx.json"))
    assert again["components"] == bill["components"]


def test_what_cannot_be_rotated_is_said_before_anything_is(
    nautilus: Project, nautilus_on_mac1: Run, mac1: Mac
):
    before = secrets_of(mac1)
    run = nautilus.run(
        "rotate.py", "-y", hosts="mac1", secrets="redis_password,grafana_admin_password"
    )
    assert run.status != 0
    assert "no service says in its 'rotate' how 'grafana_admin_password' is changed" in run.words
    assert secrets_of(mac1) == before
