"""Give secrets new values while all runs: `pyinfra inventory.py rotate.py --data secrets=NAME`."""

import sys
from dataclasses import replace
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.plan import plan_host
from operations import lock, secrets
from operations.announce import announce
from operations.preflight import refuse_planted
from operations.refusal import fails_alone
from stack.changes.rotation import changes_of, rotations_of


@fails_alone
def main(host: Host) -> None:
    """Refuse what can't be rotated, say what will be, and do it."""
    plan = plan_host(host)
    said = str(host.data.get("secrets") or "")
    names = [name.strip() for name in said.split(",") if name.strip()]
    rotations = rotations_of(plan.release.stack, plan.observed, names)
    plan = replace(plan, changes=changes_of(rotations))
    if lock.waited_for(host, plan):
        plan = replace(plan_host(host), changes=plan.changes)
    refuse_planted(host, plan)
    announce(host, plan, diff=False)
    lock.take(plan=plan, purpose=f"new values for {', '.join(names)}", name="Take the lock")
    secrets.rotate(rotations=rotations, detected=plan.detected, name="Rotate secrets")


main()
