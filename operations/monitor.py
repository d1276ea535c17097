"""The monitor on a Mac: its programs, and launchd's job that runs them."""

import io
from collections.abc import Generator
from pathlib import Path

from pyinfra.api.command import FileUploadCommand, PyinfraCommand, QuoteString, StringCommand
from pyinfra.api.operation import operation

from stack.changes.monitor import MonitorPlan, reload_needed
from stack.errors import DrydockError
from stack.release.launchd import CORES, CORES_FILE, MONITOR, Kind, domain_of, label_of, place_of

FILES = (
    *dict.fromkeys((*MONITOR, *CORES)), CORES_FILE,
    "metrics.prom", "state", "caps", "troubles", "errors.log",
)  # fmt: skip
"""Programs, and what they keep beside them."""
SCRIPT = Path(__file__).with_name("launchd.sh").read_text()


@operation()
def write(plan: MonitorPlan) -> Generator[PyinfraCommand, None, None]:
    """Put the monitor's programs and property list into the stack's directory.

    + plan: the job, and what differs

    Each takes its former one's place in one step, and the next look runs it.
    """
    directory = f"{plan.directory}/monitor"
    if not plan.changes.of("install"):
        return
    # Others may read the metrics file, in a container of another user for one.
    yield StringCommand(
        "umask 077 && mkdir -p", QuoteString(plan.directory),
        "&& umask 022 && mkdir -p", QuoteString(directory),
    )  # fmt: skip
    for name, content in (item for job in plan.jobs for item in job.files.items()):
        path = f"{directory}/{name}"
        yield FileUploadCommand(io.BytesIO(content), f"{path}.new")
        yield StringCommand("mv -f", QuoteString(f"{path}.new"), QuoteString(path))


@operation()
def load(plan: MonitorPlan, kind: Kind) -> Generator[PyinfraCommand, None, None]:
    """Let launchd run the monitor as the data says, and not as it doesn't.

    + plan: the job, and what differs
    + kind: agent or daemon; a daemon is root's, so this operation needs `_sudo` for it

    Where there should be none any more, only the logs stay.
    """
    directory = f"{plan.directory}/monitor"
    if any(it.field == f"launchd {kind}" for it in plan.changes.of("uninstall")):
        yield _launchd(plan, kind)
        if not plan.jobs:
            names = (*FILES, f"{label_of(plan.stack)}.plist")
            yield StringCommand("rm -f", *(QuoteString(f"{directory}/{name}") for name in names))
    if not plan.changes.of("install"):
        return
    for job in plan.jobs:
        if job.kind == kind and reload_needed(job, plan.found):
            yield _launchd(plan, kind, f"{directory}/{job.plist}")


def _launchd(plan: MonitorPlan, kind: Kind, *plist: str) -> StringCommand:
    account, stack = plan.account, plan.stack
    if account is None:
        raise DrydockError("only macOS has launchd")
    words = (domain_of(kind, account), label_of(stack), place_of(kind, stack, account), *plist)
    return StringCommand("sh -c", *(QuoteString(it) for it in (SCRIPT, "drydock-launchd", *words)))
