"""Operations' commands run for real by POSIX shells, in places that unquoted values break on."""

import re
import shlex
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinfra.api.command import FileUploadCommand

from facts.tools import ToolsInfo
from operations import releases
from operations.docker_cli import compose, docker
from stack.changes.change import Change, Changes
from tests.demo import demo_host, demo_inputs, demo_release

TOOLS = ToolsInfo("2.26.1", "0.13.1", ("/a/plugins",), None)
WRITE = Changes((Change("write", "release", "files"),))
ODD = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30)
SHELLS = [[name, *options] for name, *options in (["dash"], ["bash", "--posix"], ["busybox", "sh"])]


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def run(request, tmp_path):
    """Run commands as pyinfra would on a host: shell commands by a shell, uploads as files."""
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"no {request.param[0]} here")

    def run_all(commands):
        for command in commands:
            if isinstance(command, FileUploadCommand):
                content = command.src.getvalue()
                content = content.encode() if isinstance(content, str) else content
                Path(command.dest).write_bytes(content)
                continue
            words = [*request.param, "-c", command.get_raw_value()]
            done = subprocess.run(words, check=False, cwd=tmp_path, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
        assert not list(tmp_path.rglob("pwned"))

    return run_all


@pytest.fixture
def host(tmp_path):
    return demo_host(str(tmp_path / "o'brien \"& $(touch pwned) `touch pwned` ; touch pwned\n*"))


@pytest.fixture
def write(run, host):
    def written(release, **settings):
        said = demo_inputs(**settings).settings
        run(releases.write._inner(release, WRITE, host, said, TOOLS))
        return Path(host.directory)

    return written


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_release_is_written_as_it_was_rendered(write, demo_project):
    release = demo_release(demo_project)
    directory = write(release)
    target = directory / "releases" / release.id
    found = {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }
    assert found == {**release.files, "manifest.json": release.manifest()}
    assert {mode(target / path) for path in found} == {0o644}
    assert not [path for path in directory.iterdir() if path.name.startswith("incoming")]


def test_nobody_else_may_enter(write, demo_project):
    directory = write(demo_release(demo_project))
    assert {mode(directory / name) for name in ("releases", "secrets", "docker")} == {0o700}


def test_what_was_edited_by_hand_is_written_over(write, demo_project):
    release = demo_release(demo_project)
    target = write(release) / "releases" / release.id
    (target / "notes.txt").write_text("by hand")
    (target / release.compose_file).unlink()
    write(release)
    assert not (target / "notes.txt").exists()
    assert (target / release.compose_file).read_bytes() == release.files[release.compose_file]


def test_a_transfer_that_broke_earlier_leaves_nothing_in_the_way(write, host, demo_project):
    release = demo_release(demo_project)
    half = Path(host.directory) / f"incoming-{release.id}"
    half.mkdir(parents=True)
    (half / "half").touch()
    assert not (write(release) / "releases" / release.id / "half").exists()


def test_a_secret_is_generated_once(write, demo_project):
    release = demo_release(demo_project)
    secret = write(release) / "secrets" / "store_password"
    first = secret.read_text()
    assert re.fullmatch(r"[A-Za-z0-9]{40}", first)
    assert mode(secret) == 0o444
    write(release)
    assert secret.read_text() == first
    assert [path.name for path in secret.parent.iterdir()] == ["store_password"]


def test_a_value_that_the_data_gives_is_written_into_the_same_file(write, demo_project):
    bell = {"store": {"secrets": ["alert_webhook"]}, "risk": {"secrets": []}}
    addresses = [
        "https://hooks.example/long-token/$(touch<pwned)`id`",
        "http://a/'b'",
        "http://a/long",
    ]
    release = demo_release(demo_project, bell)
    file = write(release, alert_webhook=addresses[0]) / "secrets" / "alert_webhook"
    inode = file.stat().st_ino
    for address in addresses:
        write(release, alert_webhook=address)
        assert (file.read_text(), mode(file)) == (address, 0o444)
        # A container's mount is tied to the file, not to its name.
        assert file.stat().st_ino == inode
        assert [path.name for path in file.parent.iterdir()] == ["alert_webhook"]


def test_two_hosts_have_different_secrets(run, tmp_path, demo_project):
    passwords = set()
    for name in ("mac1", "mac2"):
        host = demo_host(str(tmp_path / name))
        settings = demo_inputs().settings
        run(releases.write._inner(demo_release(demo_project), WRITE, host, settings, TOOLS))
        passwords.add((Path(host.secrets_directory) / "store_password").read_text())
    assert len(passwords) == 2


def test_a_release_becomes_the_current_one(run, write, host, demo_project):
    former, release = (demo_release(demo_project, tag=tag) for tag in ("m1", "m4max"))
    directory = write(former)
    write(release)
    for each in (former, release, release):
        run(releases.activate._inner(each, None, host))
        assert (directory / "current").readlink() == Path("releases") / each.id
        assert (directory / "current" / each.compose_file).is_file()
    assert {path.name for path in directory.iterdir()} == {
        "current", "docker", "releases", "secrets",
    }  # fmt: skip


def test_who_reads_the_current_release_meanwhile_always_finds_one(run, write, host, demo_project):
    both = [demo_release(demo_project, tag=tag) for tag in ("m1", "m4max")]
    for release in both:
        directory = write(release)
    run(releases.activate._inner(both[0], None, host))
    over, looks = Event(), []

    def look():
        while not over.is_set():
            looks.append((directory / "current/manifest.json").exists())

    with ThreadPoolExecutor() as beside:
        looking = beside.submit(look)
        try:
            for release in both[::-1] * 20:
                run(releases.activate._inner(release, None, host))
        finally:
            over.set()
        looking.result()
    assert len(looks) > 100
    assert all(looks)


@given(arguments=st.lists(ODD), home=ODD, cli=ODD)
def test_every_word_of_a_docker_command_arrives_as_it_is(arguments, home, cli):
    host = demo_host(f"/{home}", cli=f"/{cli}")
    assert shlex.split(docker(host, *arguments).get_raw_value()) == [
        "env",
        f"DOCKER_HOST=unix:///{home}/.docker/run/docker.sock",
        f"DOCKER_CONFIG=/{home}/.drydock/demo/docker",
        f"/{cli}",
        *arguments,
    ]


@given(directory=ODD, file=ODD, arguments=st.lists(ODD))
def test_every_word_of_a_compose_command_arrives_as_it_is(directory, file, arguments):
    words = shlex.split(compose(demo_host(), directory, file, *arguments).get_raw_value())
    assert words[4:] == [
        "compose", "--progress", "plain", "--file", f"{directory}/{file}", *arguments,
    ]  # fmt: skip


def test_a_command_may_have_variables_of_its_own():
    words = shlex.split(docker(demo_host(), "info", A="1 2").get_raw_value())
    assert words[3] == "A=1 2"
