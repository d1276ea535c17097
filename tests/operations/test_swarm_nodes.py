"""Hosts that join a swarm, and one that can't: the daemons are doubles."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError
from pyinfra.context import ctx_state

from operations.swarm import nodes
from stack.swarm.membership import PORTS, Formation, Member

LATE = "Timeout was reached before node joined. The attempt to join the swarm will continue in the"


class Daemon:
    """One host's daemon, as far as forming a swarm asks it."""

    def __init__(self, name, refuses=""):
        self.name, self.refuses, self.did = name, refuses, []

    def init_swarm(self, **_):
        self.did.append("began")

    def inspect_swarm(self):
        return {"JoinTokens": {"Manager": "SWMTKN-manager", "Worker": "SWMTKN-worker"}}

    def join_swarm(self, remote_addrs, join_token, **_):
        self.did.append(f"joins {remote_addrs[0]} by {join_token}")
        if self.refuses:
            raise APIError("error", explanation=self.refuses)

    def leave_swarm(self, force):
        assert force
        self.did.append("left")

    def info(self):
        return {"Swarm": {"NodeID": self.name}}

    def nodes(self):
        return [
            {
                "ID": name,
                "Description": {"Hostname": "colima"},
                "Status": {"State": "ready"},
                "Spec": {"Role": "worker"},
            }
            for name in ("mac1", "mac2", "mac3")
        ]


class Mac:
    """A host that is told things."""

    name = "mac1"

    def __init__(self):
        self.said = []

    def log(self, line):
        self.said.append(line)

    def log_styled(self, line, **_):
        self.said.append(line)


@pytest.fixture
def form(monkeypatch):
    """Form a swarm of three, where mac3 refuses to join; what each did, and what was said."""

    def formed(refuses="", *, begins=True):
        daemons = {name: Daemon(name) for name in ("mac1", "mac2", "mac3")}
        daemons["mac3"].refuses = refuses
        monkeypatch.setattr(nodes, "daemon", lambda host, runtime: daemons[host])
        joins = (("mac2", "worker"), ("mac3", "worker"))
        looks = {
            name: SimpleNamespace(
                name=name, host=name, detected=SimpleNamespace(runtime=None),
                member=Member(name, "colima", f"192.0.2.{number}", "inactive"),
            )
            for number, name in enumerate(daemons, 1)
        }  # fmt: skip
        swarm = SimpleNamespace(
            api=daemons["mac1"], manager=looks["mac1"], looks=looks,
            formation=Formation("mac1", begins, joins, (), (), ()),
        )  # fmt: skip
        mac = Mac()
        with ctx_state.use(SimpleNamespace(failed_hosts=set())):
            well = nodes._form(mac, swarm)
        return well, {name: it.did for name, it in daemons.items()}, mac.said

    return formed


def test_the_first_begins_and_the_others_join_it(form):
    well, did, said = form()
    assert well
    joins = "joins 192.0.2.1:2377 by SWMTKN-worker"
    assert did == {"mac1": ["began"], "mac2": [joins], "mac3": [joins]}
    assert not any("SWMTKN" in line for line in said)


@pytest.mark.parametrize("explanation", ["no route to host", f"{LATE} background."])
def test_one_that_cannot_reach_the_first_is_told_with_the_ports_and_leaves_nothing_half(
    form, explanation
):
    well, did, said = form(explanation)
    assert not well
    assert f"mac3: can't join the swarm at 192.0.2.1:2377: {explanation}" in said
    assert f"the daemons must reach each other at their swarm_address: {PORTS}" in said
    assert said[-1] == "the swarm that had begun is ended again, on every host"
    assert did["mac1"] == ["began", "left"]
    assert did["mac2"][-1] == "left"
    # One that goes on trying would be found half joined by the next run.
    assert ("left" in did["mac3"]) == ("background" in explanation)


def test_a_swarm_that_was_there_before_stays(form):
    well, did, said = form("no route to host", begins=False)
    assert not well
    assert did["mac1"] == []
    assert "left" not in did["mac2"]
    assert said[-1] == "joined before it, and in the swarm now: mac2"
