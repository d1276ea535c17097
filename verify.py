"""Verify what a host runs, and find drift; read-only: `pyinfra inventory.py verify.py -y`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.plan import plan_host
from operations.refusal import fails_alone
from operations.verification import check
from stack.errors import DrydockError


@fails_alone
def main(host: Host) -> None:
    """Look at the host now, and fail it when it differs from its data or doesn't answer."""
    plan = plan_host(host)
    problems = check(host, plan)
    if problems:
        known = plan.current.id == plan.release.id
        what = "drift from release" if known else "this data has never been deployed; release"
        raise DrydockError("\n".join((f"{what} {plan.release.id}:", *problems)))


main()
