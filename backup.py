"""Back a host's stack up while it runs: `pyinfra inventory.py backup.py --data key_file=FILE`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.backup_plan import plan_backup
from operations import lock, save
from operations.announce import announce
from operations.preflight import refuse_planted
from operations.refusal import fails_alone


@fails_alone
def main(host: Host) -> None:
    """Refuse what can't be saved, say what will be, save it, and read it back."""
    what = plan_backup(host)
    if lock.waited_for(host, what.plan):
        what = plan_backup(host)
    refuse_planted(host, what.plan)
    announce(host, what.plan, diff=False)
    for left_out in what.left_out:
        host.log_styled(f"  not in the backup: {left_out}", fg="yellow")
    lock.take(plan=what.plan, purpose="a backup", name="Take the lock")
    save.backup(what=what, name="Save, and read it back")
    save.fetch(what=what, name="Fetch the backup")


main()
