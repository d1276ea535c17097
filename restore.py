"""Bring a backup up on an empty host: `pyinfra inventory.py restore.py --data archive=FILE`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.restore_plan import plan_restore
from operations import (
    containers,
    images,
    load,
    lock,
    monitor,
    records,
    regain,
    releases,
    sbom,
    verification,
)
from operations.announce import announce, attach
from operations.preflight import preflight
from operations.refusal import fails_alone
from operations.start import Startup


@fails_alone
def restore(host: Host) -> None:
    """Refuse a backup or a host that doesn't fit; else make the one run on the other."""
    what = plan_restore(host)
    if lock.waited_for(host, what.plan):
        what = plan_restore(host)
    plan = what.plan
    tools = preflight(host, plan)
    announce(host, plan, diff=False)
    for left_out in what.left_out:
        host.log_styled(f"  {left_out}", fg="yellow")

    release, changes, detected = plan.release, plan.changes, plan.detected
    settings, startup = plan.settings, Startup()

    lock.take(plan=plan, purpose=f"bringing back {what.archive.path.name}", name="Take the lock")
    regain.ports(plan=plan, name="Regain ports that Docker has lost")
    made = containers.remove(changes=changes, detected=detected, name="Remove containers")
    attach(host, made, changes, "remove")
    made = load.clear(what=what, name="Remove volumes")
    attach(host, made, changes, "clear")
    made = monitor.write(plan=plan.monitor, name="Write the monitor")
    attach(host, made, changes, "install", "uninstall")
    monitor.load(plan=plan.monitor, kind="agent", name="Load the monitor as an agent")
    monitor.load(plan=plan.monitor, kind="daemon", name="Load the monitor as a daemon", _sudo=True)
    load.secrets(what=what, name="Write the secrets")
    releases.write(
        release=release,
        changes=changes,
        detected=detected,
        settings=settings,
        tools=tools,
        name="Write the release",
    )
    records.begin(plan=plan, name="Record who restores what")
    images.pull(
        release=release, changes=changes, detected=detected, settings=settings, name="Pull images"
    )
    images.tag(release=release, changes=changes, detected=detected, name="Tag images")
    images.build(
        release=release, changes=changes, detected=detected, settings=settings, name="Build images"
    )
    made = load.before_start(what=what, name="Bring back data of services that start with it")
    attach(host, made, changes, "load")
    containers.start(
        release=release,
        changes=what.first,
        detected=detected,
        startup=startup,
        routers={},
        name="Start services whose data comes next",
    )
    load.while_running(what=what, name="Bring back data of services that take it while they run")
    containers.start(
        release=release,
        changes=what.rest,
        detected=detected,
        startup=startup,
        routers={},
        name="Start all others",
    )
    releases.activate(
        release=release, current=plan.current.id, detected=detected, name="Make it current"
    )
    verification.verified(plan=plan, startup=startup, name="Verify")
    records.good(plan=plan, startup=startup, name="Record that it is good")
    sbom.record(plan=plan, name="Record its packages")


restore()
