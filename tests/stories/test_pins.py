"""Base images pinned by digest: what is built on is what was pinned, or nothing is built."""

import json
from pathlib import Path

import pytest

from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.running_lab import Lab

pytestmark = pytest.mark.lab
BASES = {"redis:8.0", "python:3.13-slim-trixie", "nginx:1.26"}


def test_images_are_pinned_by_one_command_and_kept_to(running: Project, mac2: Mac, tmp_path: Path):
    lock = tmp_path / "images.lock"
    shown = running.run("pin.py", "--dry", hosts="mac2", images_lock=str(lock))
    assert "redis:8.0: not pinned → sha256:" in shown.text
    assert not lock.exists()
    pinned = running.run("pin.py", "-y", hosts="mac2", images_lock=str(lock))
    assert pinned.status == 0, pinned.text
    assert set(json.loads(lock.read_text())) == BASES
    again = running.run("pin.py", "-y", hosts="mac2", images_lock=str(lock))
    assert "no changes: 3 images are what" in again.text

    # Pinned to what they are: nothing to do, even where they have to be pulled anew.
    same = running.deploy(hosts="mac2", images_lock=str(lock))
    assert "no changes: harbour" in same.text
    edited = {"gate": {"build": {"arguments": {"greeting": "a pinned gate"}}}}
    mac2.docker("rmi", "nginx:1.26")
    run = running.deploy(hosts="mac2", images_lock=str(lock), overrides=edited)
    assert "nginx:1.26: image, not on this host yet: pull" in run.text
    assert "not pinned" not in run.text
    assert "nginx:1.26" in mac2.docker("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_another_image_than_the_pinned_one_is_not_taken(
    running: Project, mac2: Mac, tmp_path: Path
):
    lock = tmp_path / "images.lock"
    running.run("pin.py", "-y", hosts="mac2", images_lock=str(lock))
    pins = json.loads(lock.read_text())
    lock.write_text(json.dumps({**pins, "nginx:1.26": "sha256:" + "0" * 64}))
    before = mac2.identities("harbour")
    run = running.run("deploy.py", "-y", hosts="mac2", images_lock=str(lock))
    assert run.status != 0
    assert "base image nginx:1.26 can't be pulled" in run.words
    assert mac2.identities("harbour") == before


def test_base_images_come_through_a_mirror(running: Project, lab: Lab, mac2: Mac):
    mirror = lab.settings.registry_address
    edited = {"gate": {"build": {"arguments": {"greeting": "a mirrored gate"}}}}
    mac2.docker("rmi", "--force", "nginx:1.26")
    run = running.deploy(hosts="mac2", registry_mirror=mirror, overrides=edited)
    assert "nginx:1.26: image, not on this host yet: pull" in run.text
    came_from = mac2.docker("inspect", "--format", "{{json .RepoDigests}}", "nginx:1.26")
    assert f"{mirror}/library/nginx@sha256:" in came_from
    again = running.deploy(hosts="mac2", registry_mirror=mirror, overrides=edited)
    assert "no changes: harbour" in again.text


def test_what_is_not_pinned_is_said_with_the_changes(running: Project, tmp_path: Path):
    overrides = {"pilot": {"memory": "80 MiB"}}
    run = running.run(
        "deploy.py", "--dry", hosts="mac2", images_lock=str(tmp_path / "none"), overrides=overrides
    )
    assert "redis:8.0: not pinned in" in run.words
