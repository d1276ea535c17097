"""Go back to a release that a host keeps: `pyinfra inventory.py rollback.py`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host
from pyinfra.context import config

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.kept_plan import plan_rollback
from facts.originals import ORIGINAL, plan_original
from facts.plan import replacing
from operations import (
    adopt,
    containers,
    images,
    keep,
    lock,
    monitor,
    networks,
    records,
    regain,
    releases,
    sbom,
    verification,
)
from operations.announce import announce, attach
from operations.preflight import preflight, refuse_planted
from operations.refusal import fails_alone
from operations.start import Startup
from stack.changes.replacement import routers


@fails_alone
def rollback(host: Host) -> None:
    """Find the release to go back to, refuse it unless it is whole, and make it run again."""
    if host.data.get("release") == ORIGINAL:
        to_original(host)
        return
    way = plan_rollback(host)
    if lock.waited_for(host, way.plan):
        way = plan_rollback(host)
    plan = way.plan
    preflight(host, plan)
    replaced = replacing(host, plan)
    announce(host, plan, replaced, diff=bool(config.DIFF))

    release, changes, detected = plan.release, plan.changes, plan.detected
    startup = Startup()

    lock.take(plan=plan, purpose=f"going back to release {release.id}", name="Take the lock")
    regain.ports(plan=plan, name="Regain ports that Docker has lost")
    releases.assemble(mixture=way.mixture, detected=detected, name="Put the release together")
    keep.protect(plan=plan, name="Protect images of kept releases")
    made = images.tag(release=release, changes=changes, detected=detected, name="Tag images")
    attach(host, made, changes, "tag")
    made = containers.remove(changes=changes, detected=detected, name="Remove containers")
    attach(host, made, changes, "remove")
    made = containers.update(
        release=release, changes=changes, detected=detected, name="Update resources live"
    )
    attach(host, made, changes, "update")
    made = containers.start(
        release=release,
        changes=changes,
        detected=detected,
        startup=startup,
        routers=routers(replaced),
        name="Start services",
    )
    attach(host, made, changes, "create", "recreate", "start", "restart")
    made = containers.retire(
        release=release, changes=changes, detected=detected, name="Retire stand-ins"
    )
    attach(host, made, changes, "retire")
    records.going_back(plan=plan, name="Record what is gone back from")
    made = releases.activate(
        release=release, current=plan.current.id, detected=detected, name="Make it current"
    )
    attach(host, made, changes, "switch")
    verification.verified(plan=plan, startup=startup, name="Verify")
    sbom.record(plan=plan, name="Record its packages")
    made = networks.clean(changes=changes, detected=detected, name="Remove networks")
    attach(host, made, changes, "clean")
    keep.tidy(plan=plan, name="Remove what is not kept")
    # Last: until then the same command leads here again, and not one release further back.
    made = records.good(plan=plan, startup=startup, name="Record that it is good")
    attach(host, made, changes, "record")


def to_original(host: Host) -> None:
    """Let the containers run again that others had made before the first deploy."""
    plan = plan_original(host)
    if lock.waited_for(host, plan):
        plan = plan_original(host)
    refuse_planted(host, plan)
    announce(host, plan, diff=False)
    lock.take(plan=plan, purpose="going back to the original containers", name="Take the lock")
    monitor.load(plan=plan.monitor, kind="agent", name="Unload the monitor as an agent")
    monitor.load(
        plan=plan.monitor, kind="daemon", name="Unload the monitor as a daemon", _sudo=True
    )
    made = adopt.bring_back(plan=plan, name="Bring the original containers back")
    attach(host, made, plan.changes, "uninstall", "remove", "bring back")


rollback()
