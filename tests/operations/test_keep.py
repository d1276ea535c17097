"""Containers that hold images run, also those that a broken-off run has only made."""

from types import SimpleNamespace

import pytest

from operations import keep
from stack.release.retention import Retention

PLAN = SimpleNamespace(
    detected=SimpleNamespace(runtime=None, directory="/d"),
    settings=SimpleNamespace(keep_releases=5),
    release=SimpleNamespace(stack=SimpleNamespace(name="demo")),
)


class Api:
    """A daemon with holders in the states that are told."""

    def __init__(self, **states):
        self.states, self.started, self.made, self.removed = states, [], [], []

    def containers(self, **_):
        return [{"Id": f"holds-{i}", "ImageID": i, "State": it} for i, it in self.states.items()]

    def create_host_config(self, **_):
        return {}

    def create_container(self, image, **_):
        self.made.append(image)
        return {"Id": f"holds-{image}"}

    def start(self, container):
        self.started.append(container)

    def remove_container(self, container, *, force, v):
        self.removed.append((container, force, v))


@pytest.mark.parametrize(
    ("states", "made", "started"),
    [
        ({"old": "running"}, [], []),
        ({"old": "created"}, [], ["holds-old"]),
        ({"old": "exited"}, [], ["holds-old"]),
        ({}, ["old"], ["holds-old"]),
    ],
)
def test_a_held_image_has_a_container_that_runs(monkeypatch, states, made, started):
    api = Api(**states)
    monkeypatch.setattr(keep, "daemon", lambda *_: api)
    monkeypatch.setattr(keep, "_retention", lambda *_: Retention((), (), ("old",)))
    assert keep._protect(None, PLAN)
    assert (api.made, api.started) == (made, started)


def test_a_holder_goes_with_the_volumes_that_its_image_asked_for(monkeypatch):
    api = Api(old="running", older="running")
    monkeypatch.setattr(keep, "daemon", lambda *_: api)
    monkeypatch.setattr(keep, "_retention", lambda *_: Retention((), (), ("old",)))
    assert keep._tidy(None, PLAN)
    assert api.removed == [("holds-older", True, True)]
