import base64
import hashlib

from facts.files import TextFiles
from facts.kept import KeptReleases
from facts.release import Release
from facts.shell import script


def test_release_reads_what_a_deploy_left(ask, home):
    stack = home / ".drydock/nautilus"
    current = stack / "releases/0123456789ab"
    (current / "postgres").mkdir(parents=True)
    (stack / "releases/ba9876543210").mkdir()
    (stack / "secrets").mkdir()
    (stack / "secrets/redis_password").write_text("never read")
    (stack / "secrets/alert_webhook").write_text("https://a/b")
    (stack / "secrets/cut_off").touch()
    (stack / "monitor").mkdir()
    contents = {
        "compose.yml": b"services: {}\n",
        "postgres/my file.conf": b"\x00\xff",
        "back\\slash": b"",
        "manifest.json": b'{"release": "0123456789ab",\n "words": "\xc3\xa9t\xc3\xa9"}',
    }
    for name, content in contents.items():
        (current / name).write_bytes(content)
    (stack / "releases/0123456789ab.json").write_text('{"who": "anna"}')
    (stack / "releases/0123456789ab.cdx.json").touch()
    (stack / "current").symlink_to("releases/0123456789ab")
    release = ask(Release(), "~/.drydock/nautilus")
    assert release.record == '{"who": "anna"}'
    assert not release.bill, "cut off before anything of it was written"
    (stack / "releases/0123456789ab.cdx.json").write_text("{}")
    assert ask(Release(), "~/.drydock/nautilus").bill
    assert release.current == "releases/0123456789ab"
    assert release.manifest.encode() == contents["manifest.json"]
    assert release.files == {
        name: hashlib.sha256(content).hexdigest() for name, content in contents.items()
    }
    assert release.release_ids == ("0123456789ab", "ba9876543210")
    assert release.secret_names == ("alert_webhook", "redis_password")
    # Only of what the data gives: nobody guesses a value from such a digest.
    assert release.given_digests == {"alert_webhook": hashlib.sha256(b"https://a/b").hexdigest()}
    assert release.directory_names == ("monitor", "releases", "secrets")


def test_release_tells_which_volumes_were_taken_over(ask, home):
    original = home / "stack/original"
    original.mkdir(parents=True)
    (original / "volumes").write_text("redis-data\ttrading_redis-data\n\tstack-drydock\n")
    release = ask(Release(), str(home / "stack"))
    assert release.adopted == {"redis-data": "trading_redis-data", "": "stack-drydock"}


def test_a_monitor_is_found_where_no_release_is(ask, home):
    monitor = home / ".drydock/nautilus/monitor"
    placed = home / "Library/LaunchAgents/dev.drydock.nautilus.monitor.plist"
    for folder in (monitor, placed.parent):
        folder.mkdir(parents=True)
    for path in (monitor / "cores.sh", monitor / "cores.tsv", placed):
        path.write_text(path.name)
    (monitor / "troubles").touch()
    release = ask(Release(), "~/.drydock/nautilus")
    assert (release.current, release.files, release.manifest) == ("", {}, "")
    assert release.monitor_files == {
        str(path): hashlib.sha256(path.name.encode()).hexdigest()
        for path in (monitor / "cores.sh", monitor / "cores.tsv", placed)
    }


def test_release_of_a_host_never_deployed_is_empty(ask):
    assert ask(Release(), "~/.drydock/nautilus") == Release.default()


def test_release_whose_link_leads_nowhere_has_no_files(ask, home):
    stack = home / "stack"
    stack.mkdir()
    (stack / "current").symlink_to("releases/0123456789ab")
    release = ask(Release(), str(stack))
    assert (release.current, release.files) == ("releases/0123456789ab", {})


def test_every_kept_release_is_read_with_its_record(ask, home):
    stack = home / ".drydock/nautilus"
    texts = {
        "0123456789ab.json": '{"who": "anna \u00e9"}',
        "0123456789ab/manifest.json": '{"files": {}}',
        "0123456789ab/release.json": "{}",
        "0123456789ab/my file": "x",
        "ba9876543210/my file": "y",
    }
    for name, text in texts.items():
        path = stack / "releases" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    first, second = ask(KeptReleases(), "~/.drydock/nautilus")
    assert (first.release_id, second.release_id) == ("0123456789ab", "ba9876543210")
    assert first.record == texts["0123456789ab.json"]
    assert first.found == {
        "my file": hashlib.sha256(b"x").hexdigest(),
        "release.json": hashlib.sha256(b"{}").hexdigest(),
    }
    assert (second.record, second.description) == ("", "")
    assert set(second.found) == {"my file"}


def test_a_host_never_deployed_keeps_no_release(ask):
    assert ask(KeptReleases(), "~/.drydock/nautilus") == []


def test_text_files_carries_any_content(ask, home):
    contents = {
        "plain.conf": "one\ntwo\n",
        "no newline": "x",
        "empty": "",
        "trailing blanks": "a  \n\t\n\n\n",
        "carriage returns": "a\r\nb\r",
        "file\tin disguise": "file\tx\n!\n",
        "long": "ü" * 20_000,
    }
    for name, content in contents.items():
        (home / name).write_bytes(content.encode())
    paths = [f"~/{name}" for name in contents]
    assert ask(TextFiles(), [*paths, "/nowhere"]) == dict(
        zip(paths, contents.values(), strict=True)
    )


def test_no_script_carries_its_comments_to_the_host():
    for name in ("machine", "runtime", "tools", "ports", "release", "files", "kept"):
        assert not [line for line in script(name).splitlines() if line.startswith("#")]


def test_base64_of_both_systems_is_understood():
    encoded = base64.b64encode(b"x" * 300).decode()
    wrapped = [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    assert TextFiles().process(["file\ta", *wrapped, "file\tb", encoded]) == {
        "a": "x" * 300,
        "b": "x" * 300,
    }
