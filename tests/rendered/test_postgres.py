"""PostgreSQL's password reaches the data directory, and the environment of no process."""

import os
import subprocess

import pytest

ENTRYPOINT = """#!/bin/sh
env
"""
ROTATE_LOGIN = """#!/bin/sh
echo "$@"
cat
"""


def run(folder, release, script, *words, **environment):
    """Run a script of the release's image, beside doubles of what it calls."""
    content = release.images["postgres"].files[script]
    for name, text in {
        script: content.decode(), "docker-entrypoint.sh": ENTRYPOINT, "rotate-login": ROTATE_LOGIN
    }.items():  # fmt: skip
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [folder / script, *words], check=True, capture_output=True, text=True,
        env={"PATH": f"{folder}:{os.environ['PATH']}", **environment},
    ).stdout  # fmt: skip


@pytest.mark.parametrize("has_data", [False, True])
def test_no_process_of_the_server_has_the_owners_password_in_its_environment(
    tmp_path, release, has_data
):
    secret, data = tmp_path / "secret", tmp_path / "data"
    secret.write_text("hush")
    data.mkdir()
    if has_data:
        (data / "PG_VERSION").write_text("17\n")
    told = [
        run(tmp_path, release, "start-sized", "postgres",
            POSTGRES_PASSWORD_FILE=str(secret), PGDATA=str(data))
        for _ in range(2)
    ]  # fmt: skip
    assert "hush" not in "".join(told)
    passwords = [
        line for text in told for line in text.splitlines() if line.startswith("POSTGRES_PASSWORD")
    ]
    if has_data:
        assert passwords == []
    else:
        # Of the image's entrypoint a new data directory gets one that nobody can guess.
        assert len(set(passwords)) == 2
        assert all(len(line) > 50 for line in passwords)


def test_a_new_data_directory_gets_the_owners_password_from_its_file(tmp_path, release):
    secret = tmp_path / "secret"
    secret.write_text("hush")
    said = run(tmp_path, release, "owner-login.sh",
               POSTGRES_USER="nautilus", OWNER_PASSWORD_FILE=str(secret))  # fmt: skip
    assert said == "nautilus accept\nhush"
    dockerfile = release.images["postgres"].files["Dockerfile"].decode()
    assert "owner-login.sh /docker-entrypoint-initdb.d/" in dockerfile
