"""Mistakes in the data: one sentence each, for the host that has it, and nothing changes."""

from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project, Run, login, write_inventory
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
# All hosts are mac2 under other names: each has one mistake.
MISTAKES = {
    "cpuset-beyond": ({"cpuset": "4-99"}, "cpuset = '4-99'"),
    "cpuset-word": ({"cpuset": "a"}, "cpuset = 'a'"),
    "cpuset-backwards": ({"cpuset": "7-4"}, "cpuset = '7-4'"),
    "cpuset-empty": ({"cpuset": ""}, "cpuset = ''"),
    "cpus-zero": ({"cpus": 0}, "cpus = 0"),
    "cpus-negative": ({"cpus": -1}, "cpus = -1"),
    "cpus-beyond": ({"cpus": 99}, "cpus = 99: this daemon has 2 CPUs"),
    "memory-zero": ({"memory": 0}, "memory = 0"),
    "memory-negative": ({"memory": "-1 GiB"}, "memory = '-1 GiB'"),
    "memory-unit": ({"memory": "1 GB and a bit"}, "memory = '1 GB and a bit'"),
    "memory-beyond": ({"memory": "999 TiB"}, "memory = 999 TiB: this daemon has"),
    "reservation": ({"reservation": "97 MiB"}, "'reservation' is above 'memory'"),
    "field": ({"memry": "1 GiB"}, "memry: unknown field; did you mean 'memory'?"),
    "need-unknown": ({"needs": ["shop"]}, "'shop' is no service of this stack"),
    "need-later": ({"needs": ["gate"]}, "'gate' starts in phase frontend, after 'pilot'"),
    "need-itself": ({"needs": ["pilot"]}, "a cycle, pilot → pilot"),
    "port": ({"port": 18001}, "18001"),
}


@pytest.fixture(scope="module")
def mistaken(lab: Lab, mac2: Mac, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("mistaken")
    hosts = [
        (name, login(lab.hosts["mac2"], overrides={"pilot": fields})[1])
        for name, (fields, _) in MISTAKES.items()
    ]
    unknown = {"overrides": {"pilto": {"cpus": 1}}}
    hosts.append(("service", login(lab.hosts["mac2"], **unknown)[1]))
    inventory = write_inventory(folder / "inventory.py", {"m1": hosts})
    small = Project(Path(__file__).parent / "small", inventory, lab.environment)
    before = mac2.evidence()
    # sshd turns more than ten away that log in to one host at the same time.
    run = small.run("deploy.py", "-y", "--parallel", "5", hosts="m1")
    assert mac2.evidence() == before
    assert run.status != 0
    assert "Traceback" not in run.text
    return run


def said_of(run: Run, name: str) -> list[str]:
    """What was said of one host, without pyinfra's own two words of it."""
    said = [line.partition(f"[{name}]")[2].strip() for line in run.text.splitlines()]
    return [line for line in said if line and not line.startswith(("Connected", "Ready: "))]


@pytest.mark.parametrize("name", MISTAKES)
def test_one_sentence_names_file_key_and_value(mistaken: Run, name):
    _, words = MISTAKES[name]
    (sentence,) = said_of(mistaken, name)
    assert sentence.startswith(("inventory or --data: ", "group_data/all.py"))
    assert "pilot" in sentence
    assert words in sentence


def test_a_service_that_is_unknown(mistaken: Run):
    assert said_of(mistaken, "service") == [
        "inventory or --data: overrides.pilto: unknown service; did you mean 'pilot'?"
    ]
