"""Run one stack over several Macs, on Docker Swarm: `pyinfra inventory.py swarm.py`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.requirements import refuse_links, refuse_tools
from facts.swarm_images import images_on
from facts.swarm_plan import planned_once
from facts.tools import Tools
from operations import images, monitor, releases
from operations.announce import attach, attach_made
from operations.images import build_secrets
from operations.refusal import fails_alone
from operations.swarm import cores, nodes, services, turn
from operations.swarm.announce import announce


@fails_alone
def main(host: Host) -> None:
    """Plan for all hosts together, build what each lacks, and converge the swarm."""
    plan = planned_once(host, turn.waited_for)
    look = plan.looks[host.name]
    detected, settings = look.detected, look.inputs.settings
    release, changes = images_on(plan, look)
    tools = None
    if changes:
        tools = host.get_fact(
            Tools, docker_cli=detected.runtime.docker_cli, directory=detected.directory
        )
        refuse_tools(tools, changes, settings.min_free_disk)
        build_secrets(settings)
    watch = plan.monitors[host.name]
    if watch.changes:
        cli = detected.runtime.docker_cli
        refuse_links(host.get_fact(Tools, docker_cli=cli, directory=watch.directory))
    announce(host, plan, changes)

    own = turn.join(host, plan, changes)
    turn.take(turn=own, name="Take the locks")
    made = releases.write(
        release=release,
        changes=changes,
        detected=detected,
        settings=settings,
        tools=tools,
        name="Write build contexts",
    )
    attach(host, made, changes, "write")
    made = images.pull(
        release=release, changes=changes, detected=detected, settings=settings, name="Pull images"
    )
    attach(host, made, changes, "pull")
    made = images.tag(release=release, changes=changes, detected=detected, name="Tag images")
    attach(host, made, changes, "tag")
    made = images.build(
        release=release, changes=changes, detected=detected, settings=settings, name="Build images"
    )
    attach(host, made, changes, "build")
    nodes.tidy(changes=changes, detected=detected, name="Remove build contexts")
    made = monitor.write(plan=watch, name="Write the monitor")
    attach(host, made, watch.changes, "install", "uninstall")
    monitor.load(plan=watch, kind="agent", name="Load the monitor as an agent")
    monitor.load(plan=watch, kind="daemon", name="Load the monitor as a daemon", _sudo=True)
    if look is plan.manager:
        made = nodes.form(swarm=plan, name="Form the swarm")
        attach_made(host, made, plan.as_json(*nodes.FORMS))
        made = services.converge(swarm=plan, name="Bring services up")
        attach_made(host, made, plan.as_json(*services.CONVERGES))
        made = cores.pin(swarm=plan, name="Keep containers on their cores")
        attach_made(host, made, plan.as_json("cores"))
    turn.end(turn=own, name="Record how it went")


main()
