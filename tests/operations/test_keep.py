"""Containers that hold images run, also those that a broken-off run has only made."""

from types import SimpleNamespace

import pytest

from operations import keep
from stack.release.retention import Retention


class Api:
    """A daemon with holders in the states that are told."""

    def __init__(self, **states):
        self.states, self.started, self.made = states, [], []

    def containers(self, **_):
        return [{"Id": f"holds-{i}", "ImageID": i, "State": it} for i, it in self.states.items()]

    def create_host_config(self, **_):
        return {}

    def create_container(self, image, **_):
        self.made.append(image)
        return {"Id": f"holds-{image}"}

    def start(self, container):
        self.started.append(container)


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
    plan = SimpleNamespace(
        detected=SimpleNamespace(runtime=None),
        settings=SimpleNamespace(keep_releases=5),
        release=SimpleNamespace(stack=SimpleNamespace(name="demo")),
    )
    assert keep._protect(None, plan)
    assert (api.made, api.started) == (made, started)
