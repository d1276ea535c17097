"""One of several hosts builds an image, and the others take it: who, from whom, and what if not."""

from types import SimpleNamespace

import pytest
from pyinfra.context import ctx_state

from operations import images, lacking, registry, share, transfer
from operations.transfer import Moved
from stack.changes.change import Change, Changes
from stack.errors import DrydockError
from tests.demo import demo_host, demo_inputs, demo_release

NAMES = ("py-base", "risk", "page")


class HostDouble:
    """A host that keeps what is logged; nothing is really done on it."""

    def __init__(self, name, groups=("m1",)):
        self.name, self.groups, self.logged = name, groups, []
        self.connector = object()

    def log(self, line):
        self.logged.append(line)

    def log_styled(self, line, **_):
        self.logged.append(line)


@pytest.fixture
def run(demo_project, monkeypatch):
    """Three hosts of a run that lack the same images, with what is built on each."""
    release = demo_release(demo_project)
    hosts = [HostDouble(name) for name in ("mac1", "mac2", "mac3")]
    done = SimpleNamespace(hosts=hosts, release=release, built=[])

    def build(host, _release, names, *_, lacking):
        names = lacking.mine()
        done.built.extend((host.name, name) for name in names)
        lacking.made(names)
        lacking.built += names
        return True

    monkeypatch.setattr(images, "build_all", build)
    state = SimpleNamespace(inventory=hosts, active_hosts=set(hosts))

    def joined(host, names=NAMES, **settings):
        changes = Changes(tuple(Change("build", name, "image") for name in names))
        plan = SimpleNamespace(
            settings=demo_inputs(**settings).settings,
            release=release,
            changes=changes,
            detected=demo_host(),
        )
        return lacking.join(host, plan)

    done.joined, done.state = joined, state
    with ctx_state.use(state):
        yield done


def moving(monkeypatch, move):
    """Let `move(host, source, images)` stand for a transfer; None: the source has nothing."""
    monkeypatch.setattr(share, "move", lambda host, _, source, wanted: move(host, source, wanted))


def everything(_host, _source, wanted):
    return Moved(tuple(wanted), 1_000_000, 4, 1)


def test_without_the_setting_each_host_builds_its_own(run):
    alone = [run.joined(host) for host in run.hosts]
    assert [it.mine() for it in alone] == [NAMES] * 3
    assert not any(it.shares for it in alone)


def test_one_host_builds_and_the_others_take_it(run, monkeypatch):
    first, *others = [run.joined(host, build_once=True) for host in run.hosts]
    assert first.mine() == NAMES
    assert [it.mine() for it in others] == [(), ()]
    first.made(NAMES)
    moving(monkeypatch, everything)
    for host, it in zip(run.hosts[1:], others, strict=True):
        assert it.mine() == ()  # though the first lacks nothing any more
        assert share._finish(host, it, None)
        assert it.names == []
        [said] = host.logged
        assert "images from mac1 3 of 3 taken, 1.0 MB moved, 1 of 4 layers were there," in said
    assert run.built == []


def test_who_builds_a_part_builds_all_that_it_is_built_on(run):
    base = run.joined(run.hosts[0], names=("py-base",), build_once=True)
    risk = run.joined(run.hosts[1], names=("py-base", "risk"), build_once=True)
    assert base.mine() == ("py-base",)
    assert risk.mine() == ("py-base", "risk")


def test_a_host_that_failed_builds_for_nobody(run):
    first, second, _ = [run.joined(host, build_once=True) for host in run.hosts]
    run.state.active_hosts.remove(run.hosts[0])
    assert second.mine() == NAMES
    assert first.mine() == ()


@pytest.mark.parametrize(
    "error", [OSError("the SSH connection is gone"), DrydockError("no Docker on this host")]
)
def test_what_cannot_be_taken_is_built_here_and_it_is_said(run, monkeypatch, error):
    def fails(*_):
        raise error

    first, second, _ = [run.joined(host, build_once=True) for host in run.hosts]
    first.made(NAMES)
    moving(monkeypatch, fails)
    assert share._finish(run.hosts[1], second, None)
    assert run.built == [("mac2", name) for name in NAMES]
    assert f"images can't be taken from mac1: {type(error).__name__} {error}" in run.hosts[1].logged


def test_an_image_that_did_not_come_is_built_here(run, monkeypatch):
    first, second, _ = [run.joined(host, build_once=True) for host in run.hosts]
    first.made(NAMES)
    moving(monkeypatch, lambda *_: Moved(("py-base", "page"), 1, 2, 0))
    assert share._finish(run.hosts[1], second, None)
    assert run.built == [("mac2", "risk")]


def test_hosts_that_the_data_names_are_reached_and_asked(run, monkeypatch):
    run.state.active_hosts.remove(run.hosts[2])
    own = run.joined(run.hosts[0], build_once=True, image_sources="mac3")
    monkeypatch.setattr(share, "_reached", lambda host: host)
    moving(monkeypatch, lambda *_: None)
    assert share._take(run.hosts[0], own)
    assert own.names == list(NAMES)
    assert run.hosts[0].logged == ["mac3 has none of the images that are missing here"]
    moving(monkeypatch, everything)
    assert share._take(run.hosts[0], own)
    assert own.mine() == ()


def test_an_unknown_source_is_refused(run):
    with pytest.raises(DrydockError, match="image_sources: 'mac9' is no host of the inventory"):
        run.joined(run.hosts[0], build_once=True, image_sources="mac9")


def test_a_registry_is_asked_first_and_gets_what_was_built(run, monkeypatch):
    calls = []
    monkeypatch.setattr(
        share, "push", lambda host, _, place, names: calls.append((host.name, place, names))
    )
    monkeypatch.setattr(share, "fetch", lambda *_: Moved(NAMES, 5, 2, 0))
    first, second, _ = [run.joined(host, image_registry="reg:5000/x") for host in run.hosts]
    images.build_all(
        run.hosts[0], run.release, (), demo_host(), demo_inputs().settings, lacking=first
    )
    assert share._publish(run.hosts[0], first)
    assert share._publish(run.hosts[1], second)
    assert calls == [("mac1", "reg:5000/x", NAMES)]
    assert share._finish(run.hosts[1], second, None)
    assert second.names == []


class RegistryDouble:
    """A daemon with a registry behind it that serves an image of some content."""

    def __init__(self, digest):
        self.digest, self.tags, self.removed = digest, [], []

    def pull(self, place, tag, **_):
        self.pulled = f"{place}:{tag}"
        yield {"status": "Already exists", "id": "base"}
        yield {"status": "Pulling fs layer", "id": "top"}
        yield {"status": "Download complete", "id": "top"}

    def inspect_image(self, _reference):
        return {"Id": "sha256:1", "Config": {"Labels": {"dev.drydock.image": self.digest}}}

    def tag(self, identity, repository, tag):
        self.tags.append((identity, f"{repository}:{tag}"))

    def remove_image(self, reference, **_):
        self.removed.append(reference)


@pytest.mark.parametrize("right", [True, False])
def test_only_the_content_that_was_asked_for_is_taken_from_a_registry(run, monkeypatch, right):
    image = run.release.images["risk"]
    api = RegistryDouble(image.digest if right else "another")
    monkeypatch.setattr(registry, "daemon", lambda *_: api)
    own = run.joined(run.hosts[0], names=("risk",), image_registry="reg:5000")
    moved = registry.fetch(run.hosts[0], own, "reg:5000")
    assert api.pulled == f"reg:5000/demo-risk:{image.pinned_reference.rpartition(':')[2]}"
    assert api.removed == [api.pulled]
    if right:
        assert moved == Moved(("risk",), None, 2, 1)
        assert moved.words == "1 of 2 layers were there"
        assert [tag for _, tag in api.tags] == [image.reference, image.pinned_reference]
    else:
        assert (moved, api.tags) == (None, [])


class DaemonDouble:
    """A daemon with images: what `docker load` brings is `coming`."""

    def __init__(self, *images, coming=(), store="overlay2"):
        self.listed, self.coming, self.store = list(images), coming, store
        self.tags, self.removed, self.received = [], [], b""

    def images(self, filters=None):
        return self.listed

    def info(self):
        return {"DriverStatus": [["driver-type", self.store]]}

    def inspect_image(self, identity):
        return next(it for it in self.listed if it["Id"] == identity)

    def load_image(self, data):
        self.received = b"".join(data)
        self.listed += self.coming
        yield {"stream": "Loaded image"}

    def tag(self, identity, repository, tag):
        self.tags.append(f"{repository}:{tag}")

    def remove_image(self, identity, **_):
        self.removed.append(identity)


def listed(image, layers, identity="sha256:1", **config):
    labels = {"dev.drydock.image": image.digest, "dev.drydock.stack": "demo"}
    content = {"Config": {"Labels": labels, **config}, "RootFS": {"Layers": layers}}
    return {"Id": identity, "Labels": labels, **content}


@pytest.fixture
def transferred(run, monkeypatch):
    """Move the image of risk, of two layers, to a daemon; what came, and the words of the save."""
    image = run.release.images["risk"]
    source = DaemonDouble(listed(image, ["sha256:aa", "sha256:bb"]))

    def transferring(target):
        daemons = {run.hosts[0]: source, run.hosts[1]: target}
        said = []
        monkeypatch.setattr(transfer, "daemon", lambda host, _: daemons[host])
        monkeypatch.setattr(
            transfer, "output_of", lambda _, words: said.append(words) or iter([b"ab", b"c"])
        )
        place = transfer.Source(run.hosts[0], demo_host())
        moved = transfer.move(run.hosts[1], demo_host(), place, {"risk": image})
        return moved, said[0]

    return image, transferring


def test_layers_that_are_there_are_not_sent(transferred):
    image, transferring = transferred
    base = listed(image, ["sha256:aa"], "sha256:base")
    base["Labels"] = {}
    target = DaemonDouble(base, coming=[listed(image, ["sha256:aa", "sha256:bb"])])
    moved, words = transferring(target)
    assert moved == Moved(("risk",), 3, 2, 1)
    assert target.received == b"abc"
    assert words[-2:] == ["blobs/sha256/aa", image.pinned_reference]
    assert target.tags == [image.reference, image.pinned_reference]


def test_a_store_of_containerd_gets_all_layers(transferred):
    image, transferring = transferred
    base = listed(image, ["sha256:aa"], "sha256:base")
    base["Labels"] = {}
    target = DaemonDouble(base, store=transfer.CONTAINERD)
    moved, words = transferring(target)
    assert words[-2] == transfer.NOTHING
    assert (moved.names, moved.there) == ((), 0)  # nothing came, so nothing is taken


def test_an_image_that_came_otherwise_is_removed_again(transferred):
    image, transferring = transferred
    target = DaemonDouble(coming=[listed(image, ["sha256:aa", "sha256:cc"], "sha256:2")])
    moved, _ = transferring(target)
    assert moved.names == ()
    assert (target.removed, target.tags) == (["sha256:2"], [])
