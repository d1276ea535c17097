"""Each operation yields the commands that its fixture says: a file a sentence.

{args, kwargs, facts, commands}, as pyinfra's own. In kwargs `release` is what is laid over the
demo's services, `changes` a list of [action, subject] or of a change's fields. In commands
RELEASE stands for the release's id, DIGEST-risk for an image's digest and SHORT-risk for its start.
"""

import importlib
import io
import json
import shlex
import tarfile
from dataclasses import replace
from inspect import getclosurevars, getmembers
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyinfra.api.command import FileUploadCommand, FunctionCommand, StringCommand
from pyinfra.context import ctx_host, ctx_state

from facts.tools import ToolsInfo
from operations import monitor, verification
from operations.start import Startup
from stack.changes.change import Change, Changes, CurrentRelease
from stack.changes.monitor import MonitorPlan
from stack.changes.rotation import Rotation
from stack.release import digest
from stack.release.launchd import CORES, MONITOR, FoundMonitor
from stack.release.mixture import Mixture
from stack.release.render import DESCRIPTION
from stack.release.templates import HOME
from tests.demo import demo_host, demo_inputs, demo_job, demo_release

HERE = Path(__file__).parent
FIXTURES = sorted(HERE.glob("*/*.json"))


def operation_of(name):
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"operations.{module}"), function)


def changes_of(said):
    named = (
        dict(zip(("action", "subject"), it, strict=True)) if isinstance(it, list) else it
        for it in said
    )
    return Changes(tuple(Change(**{"field": "field", **it}) for it in named))


def arguments(kwargs, facts, project):
    """The values that a fixture's words stand for."""
    readers = {
        "changes": changes_of,
        "current": lambda said: SimpleNamespace(**said) if isinstance(said, dict) else said,
        "detected": lambda _: demo_host(facts.get("home", "/Users/me")),
        "jobs": lambda said: tuple(job_of(it, facts.get("home", "/Users/me")) for it in said),
        "lacking": lambda said: lacking_of(**said),
        "mixture": lambda services: services and demo_mixture(project, services),
        "plan": lambda said: said and plan_of(said, facts, project),
        "way": vm_way_of,
        "what": lambda said: backup_of(said, facts, project),
        "release": lambda overrides: demo_release(project, overrides),
        "settings": lambda settings: demo_inputs(**settings).settings,
        "startup": lambda _: Startup(),
        "swarm": lambda kinds: SimpleNamespace(of=lambda *some: tuple(set(kinds) & set(some))),
        "turn": lambda changes: SimpleNamespace(changes=changes),
        "rotations": lambda said: [Rotation(**it) for it in said],
        "tools": lambda tools: ToolsInfo(**tools) if tools is not None else None,
    }
    return {name: readers.get(name, lambda it: it)(value) for name, value in kwargs.items()}


def lacking_of(names, built=(), **settings):
    """What a host lacks and what it has built by now, with its settings."""
    said = demo_inputs(**settings).settings
    shares = bool(said.build_once or said.image_registry)
    digests = dict.fromkeys((*names, *built), "digest")
    plan = SimpleNamespace(settings=said)
    return SimpleNamespace(names=names, digests=digests, shares=shares, plan=plan)


def plan_of(said, facts, project):
    """A plan of the parts that an operation looks at; `current` is a release's id."""
    plan = SimpleNamespace(**arguments(said, facts, project))
    if "current" in said:
        own = said["current"] if isinstance(said["current"], dict) else {"id": said["current"]}
        current = plan.release.id if own["id"] == "RELEASE" else own["id"]
        plan.current = CurrentRelease(
            id=current, bill=own.get("bill", False), monitor=found_monitor(facts, plan)
        )
    return monitor_of(plan) if "jobs" in said else plan


def job_of(said, home):
    """The monitor of a Mac as that kind, or as {kind: cores} that of a swarm's node."""
    if isinstance(said, str):
        return demo_job(said, home)
    ((kind, cores),) = said.items()
    return demo_job(kind, home, cores)


def monitor_of(plan):
    """The part of a plan that is about the monitor."""
    host, found = plan.detected, plan.current.monitor
    stack = plan.release.stack.name
    return MonitorPlan(stack, host.account, host.directory, plan.jobs, found, plan.changes)


def vm_way_of(said):
    """A plan for a VM, of the parts that an operation looks at."""
    return SimpleNamespace(
        plan=SimpleNamespace(changes=changes_of(said["changes"])),
        settings=demo_inputs(**said.get("settings", {})).settings,
    )


def backup_of(said, facts, project):
    """A backup's plan, with `secrets` and `services` of the archive."""
    plan = {key: it for key, it in said.items() if key not in ("secrets", "services")}
    archive = SimpleNamespace(
        secrets=said.get("secrets", {}),
        manifest=SimpleNamespace(services=said.get("services", ())),
    )
    return SimpleNamespace(plan=plan_of(plan, facts, project), archive=archive)


def found_monitor(facts, plan):
    """Where a host has the monitor already, it is the wanted one's property list that it has."""
    kinds = facts.get("loaded", [])
    placed = {it.kind: digest.of_bytes(it.files[it.plist]) for it in getattr(plan, "jobs", ())}
    return FoundMonitor({}, {kind: placed.get(kind, "") for kind in kinds}, frozenset(kinds))


def demo_mixture(project, services):
    release = demo_release(project)
    files = {DESCRIPTION: release.files[DESCRIPTION]}
    kept = {path: it for path, it in release.manifest_files().items() if path not in files}
    mixed = replace(release, files=files, kept=kept)
    return Mixture(mixed, "aaaaaaaaaaaa", "bbbbbbbbbbbb", tuple(services))


def shown(command):
    """A command as fixtures write it."""
    if isinstance(command, StringCommand):
        return command.get_raw_value()
    if isinstance(command, FileUploadCommand):
        return {"upload": command.dest, **content_of(command.src)}
    if isinstance(command, FunctionCommand):
        step = getclosurevars(command.function).nonlocals
        return {"step": step["function"].__name__}
    raise TypeError(f"no fixture can show {command!r}")


def content_of(source):
    content = source.getvalue()
    if isinstance(content, str):
        return {"text": content}
    if content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return {"archive": sorted(archive.getnames())}
    for program in (*MONITOR, *CORES):
        if content == (HOME / "templates/monitor" / program).read_bytes():
            return {"program": program}
    return {"text": content.decode()}


def named(value, release):
    """Put names in the place of what depends on the content of files."""
    text = json.dumps(value, ensure_ascii=False)
    text = text.replace(json.dumps(shlex.quote(monitor.SCRIPT))[1:-1], "LAUNCHD-SCRIPT")
    if release:
        text = text.replace(release.id, "RELEASE")
        for name, image in release.images.items():
            text = text.replace(image.digest, f"DIGEST-{name}")
            text = text.replace(image.digest[:12], f"SHORT-{name}")
    return json.loads(text)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_operation(path, demo_project, monkeypatch):
    fixture = json.loads(path.read_text())
    kwargs = arguments(fixture["kwargs"], fixture["facts"], demo_project)
    release = kwargs.get("release") or getattr(kwargs.get("mixture"), "release", None)
    if kwargs.get("current") == "RELEASE":
        kwargs["current"] = release.id
    if path.parent.name == "verification.verified":
        problems = tuple(fixture["facts"].get("problems", ()))
        monkeypatch.setattr(verification, "check", lambda *_: problems)
    state = SimpleNamespace(is_executing=fixture["facts"].get("executing", False))
    with ctx_state.use(state), ctx_host.use(SimpleNamespace(name="mac1")):
        commands = list(operation_of(path.parent.name)._inner(*fixture["args"], **kwargs))
    assert named([shown(command) for command in commands], release) == fixture["commands"]


def test_every_operation_has_fixtures():
    operations = set()
    home = HERE.parents[1] / "operations"
    for path in home.rglob("*.py"):
        place = ".".join(path.relative_to(home).with_suffix("").parts)
        module = importlib.import_module(f"operations.{place}")
        operations |= {
            f"{place}.{name}"
            for name, member in getmembers(module, callable)
            if hasattr(member, "_inner") and member._inner.__module__ == module.__name__
        }
    assert {path.parent.name for path in FIXTURES} == operations


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_fixture_is_named_by_a_sentence(path):
    assert len(path.stem.split("_")) >= 3
    assert path.stem == path.stem.lower()
    assert path.stem.endswith("_noop") == (json.loads(path.read_text())["commands"] == [])
