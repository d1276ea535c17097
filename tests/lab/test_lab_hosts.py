"""A host is removed whole, or what is left of it is no host's."""

import shutil
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab import hosts, network
from lab.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(hosts, "stop", lambda *_: None)
    monkeypatch.setattr(network, "leave", lambda *_: None)
    return Settings("unit", tmp_path / "cache", tmp_path / "run", IPv4Network("10.99.9.0/24"))


def test_a_removal_that_is_killed_leaves_nothing_that_passes_for_data(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = settings.host_directory("mac1")
    removed = shutil.rmtree

    def killed(path: Path) -> None:
        (path / "docker/image").unlink()
        raise KeyboardInterrupt

    for remove in (killed, removed):
        (directory / "docker").mkdir(parents=True)
        (directory / "docker/image").touch()
        monkeypatch.setattr(shutil, "rmtree", remove)
        try:
            hosts.remove(settings, "mac1")
        except KeyboardInterrupt:
            assert (settings.run / "removed/mac1/docker").is_dir()
        assert not directory.exists()
    assert list((settings.run / "removed").iterdir()) == []
