"""Verification as the last operation of a deploy: read-only, and what it finds decides."""

from collections.abc import Generator

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import ctx_host, state

from facts.plan import HostPlan, look_again
from facts.verify import verify
from link.channel import is_local
from operations.refusal import refused, step
from operations.report import report_of, write
from operations.start import Startup
from stack.changes.change import Changes
from stack.errors import DrydockError
from stack.report.lines import lines
from stack.report.model import Report


@operation()
def verified(plan: HostPlan, startup: Startup) -> Generator[PyinfraCommand, None, None]:
    """Check that the host runs the release, all of it and nothing else.

    + plan: what it should run
    + startup: how long the services took that were started now

    It reads only, so on a host where nothing is wrong it is no change. What is wrong fails it.
    """
    if not state.is_executing:
        return
    problems = check(ctx_host.get(), plan, startup)  # type: ignore[no-untyped-call]
    if problems:
        yield step(_fail, problems)


def _fail(host: Host, problems: tuple[str, ...]) -> bool:
    return refused(host, "\n".join(("verification failed:", *problems)))


def check(
    host: Host, plan: HostPlan, startup: Startup | None = None, failed: str | None = None
) -> tuple[str, ...]:
    """Look at a host, tell and report what was measured, and return what is wrong.

    + startup: what this run measured while it changed the host; None: it only looks
    + failed: why the run has failed already, for the report
    """
    made, former = plan.changes if startup else Changes(()), plan.current.id
    startup = startup or Startup()
    if plan.changes or not plan.is_fresh:
        plan = look_again(host, plan)
    seconds = startup.seconds_to_healthy
    verdict = verify(host, plan.detected, plan.release, plan.observed, seconds)
    problems = (*verdict.problems, *(change.sentence for change in plan.changes.all))
    report = report_of(host, plan, made, startup, verdict, problems, former)
    tell(host, report.model_copy(update={"failed": failed}))
    return problems


def tell(host: Host, report: Report) -> None:
    """Log a report's summary, and write it down."""
    for line in lines(report):
        host.log(line)
    if not is_local(host.connector):
        host.log("these addresses are the host's own: open.py brings them to this machine")
    host.log(report.summary)
    try:
        html, data = write(report)
    except (DrydockError, OSError) as error:
        # What runs is as it is, whether or not it can be written down here.
        host.log_styled(f"the report can't be written: {error}", fg="yellow")
    else:
        host.log(f"report: {html}, for programs {data.name}")
