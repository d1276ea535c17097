"""List the releases that a host keeps, and what differs between them; read-only."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.kept_plan import kept_on
from operations.refusal import fails_alone
from stack.changes.differences import told


@fails_alone
def releases(host: Host) -> None:
    """Tell of each release when, by whom, why and how it went, and what it changed."""
    kept, current = kept_on(host)
    for line in told(kept, current):
        host.log(line)


releases()
