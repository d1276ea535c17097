"""Converge a host until it runs its stack: `pyinfra inventory.py deploy.py`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host
from pyinfra.context import config

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.plan import plan_host, replacing
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
    restore,
    sbom,
    share,
    verification,
)
from operations.announce import announce, attach
from operations.heat import Gate
from operations.lacking import join
from operations.preflight import preflight
from operations.refusal import fails_alone
from operations.start import Startup
from stack.changes.replacement import routers


@fails_alone
def deploy(host: Host) -> None:
    """Plan, refuse what can't succeed, say what will change, and change it."""
    plan = plan_host(host)
    if lock.waited_for(host, plan):
        plan = plan_host(host)
    tools = preflight(host, plan)
    replaced = replacing(host, plan)
    announce(host, plan, replaced, diff=bool(config.DIFF))

    release, changes, detected = plan.release, plan.changes, plan.detected
    settings, startup, gate = plan.settings, Startup(), Gate(plan)
    lacking = join(host, plan)

    restorer = restore.on_failure(host, plan)
    lock.take(plan=plan, purpose=f"a deploy of release {release.id}", name="Take the lock")
    regain.ports(plan=plan, name="Regain ports that Docker has lost")
    made = adopt.keep(plan=plan, name="Keep what others' containers are like")
    attach(host, made, changes, "adopt")
    made = monitor.write(plan=plan.monitor, name="Write the monitor")
    attach(host, made, changes, "install", "uninstall")
    monitor.load(plan=plan.monitor, kind="agent", name="Load the monitor as an agent")
    monitor.load(plan=plan.monitor, kind="daemon", name="Load the monitor as a daemon", _sudo=True)
    made = releases.write(
        release=release,
        changes=changes,
        detected=detected,
        settings=settings,
        tools=tools,
        name="Write the release",
    )
    attach(host, made, changes, "write")
    records.begin(plan=plan, name="Record who deploys what")
    made = images.pull(
        release=release, changes=changes, detected=detected, settings=settings, name="Pull images"
    )
    attach(host, made, changes, "pull")
    made = images.tag(release=release, changes=changes, detected=detected, name="Tag images")
    attach(host, made, changes, "tag")
    share.take(lacking=lacking, name="Take images from other hosts")
    made = images.build(
        release=release,
        changes=changes,
        detected=detected,
        settings=settings,
        gate=gate,
        lacking=lacking,
        name="Build images",
    )
    attach(host, made, changes, "build")
    share.publish(lacking=lacking, name="Push images")
    share.finish(lacking=lacking, gate=gate, name="Take images that another host has built")
    keep.protect(plan=plan, name="Protect images of kept releases")
    made = containers.remove(changes=changes, detected=detected, name="Remove containers")
    attach(host, made, changes, "remove")
    made = containers.update(
        release=release, changes=changes, detected=detected, name="Update resources live"
    )
    attach(host, made, changes, "update")
    made = adopt.set_aside(plan=plan, name="Set others' containers aside")
    attach(host, made, changes, "set aside")
    made = containers.start(
        release=release,
        changes=changes,
        detected=detected,
        startup=startup,
        routers=routers(replaced),
        gate=gate,
        name="Start services",
    )
    attach(host, made, changes, "create", "recreate", "start", "restart")
    made = containers.retire(
        release=release, changes=changes, detected=detected, name="Retire stand-ins"
    )
    attach(host, made, changes, "retire")
    releases.activate(
        release=release, current=plan.current.id, detected=detected, name="Make it current"
    )
    restorer.until(verification.verified(plan=plan, startup=startup, name="Verify"))
    made = records.good(plan=plan, startup=startup, name="Record that it is good")
    attach(host, made, changes, "record")
    sbom.record(plan=plan, name="Record its packages")
    made = networks.clean(changes=changes, detected=detected, name="Remove networks")
    attach(host, made, changes, "clean")
    keep.tidy(plan=plan, name="Remove what is not kept")


deploy()
