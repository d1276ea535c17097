"""Links planted where Drydock writes: found, and refused before anything is written."""

import subprocess

import pytest

from facts.requirements import refuse_tools
from facts.tools import Tools
from stack.changes.change import Changes
from stack.errors import DrydockError

PLACES = (
    ".", "releases", "secrets", "docker", "docker/config.json", "docker/ca", "secrets/password",
    "secrets/password.new", "incoming-abc", "incoming-abc.tar", "releases/abc", "lock",
    "monitor", "monitor/monitor.sh", "logs", "logs/thermal-monitor.log", "deployed",
    "backed_up", "backups", "backups/demo.tar.new", "original/volumes",
)  # fmt: skip


def look(directory):
    """What the fact says of a stack's directory here."""
    command = Tools().command("/nowhere/docker", str(directory))
    done = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": str(directory)})  # fmt: skip
    return Tools().process(done.stdout.splitlines())


@pytest.mark.parametrize("place", PLACES)
def test_a_link_is_found_and_refused(tmp_path, place):
    directory = tmp_path / ".drydock/demo $(touch pwned)"
    directory.mkdir(parents=True)
    planted = directory / place
    planted.parent.mkdir(parents=True, exist_ok=True)
    if place == ".":
        directory.rmdir()
        planted = directory
    planted.symlink_to(tmp_path)
    tools = look(directory)
    assert tools.links == (str(planted),)
    with pytest.raises(DrydockError, match="a link, and Drydock would write where it leads to"):
        refuse_tools(tools, Changes(()), 0)
    assert not list(tmp_path.glob("**/pwned"))


def test_what_a_deploy_leaves_is_no_such_link(tmp_path):
    directory = tmp_path / ".drydock/demo"
    (directory / "releases/abc").mkdir(parents=True)
    (directory / "current").symlink_to("releases/abc")
    (directory / "current-abc").symlink_to("releases/abc")
    assert look(directory).links == ()
