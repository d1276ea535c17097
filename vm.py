"""Give Docker's VM its size, or a Mac its Docker: `pyinfra inventory.py vm.py --dry`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.vm_plan import plan_installation, plan_vm
from operations import lock
from operations.announce import attach
from operations.preflight import refuse_planted
from operations.refusal import fails_alone
from operations.vm import size
from operations.vm.announce import announce


@fails_alone
def main(host: Host) -> None:
    """Refuse a size that can't be, say what it changes, and let it be so."""
    installation = plan_installation(host)
    if installation:
        announce(host, installation.changes)
        made = size.install(installation=installation, name="Install Colima")
        attach(host, made, installation.changes, "install")
        return
    way = plan_vm(host)
    if lock.waited_for(host, way.plan):
        way = plan_vm(host)
    refuse_planted(host, way.plan)
    announce(host, way.plan.changes, way)
    size.consent(way=way, name="Ask whether the VM may be restarted")
    lock.take(plan=way.plan, purpose="a new size of Docker's VM", name="Take the lock")
    made = size.resize(way=way, name="Resize the VM")
    attach(host, made, way.plan.changes, "resize")


main()
