"""Verification as the last operation of a deploy: read-only, and what it finds decides."""

from collections.abc import Generator, Mapping

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import operation
from pyinfra.context import ctx_host, state

from facts.plan import HostPlan, look_again
from facts.verify import Verdict, verify
from link.channel import is_local
from operations.refusal import refused, step
from operations.start import Startup
from stack.measured import table


@operation()
def verified(plan: HostPlan, startup: Startup) -> Generator[PyinfraCommand, None, None]:
    """Check that the host runs the release, all of it and nothing else.

    + plan: what it should run
    + startup: how long the services took that were started now

    It reads only, so on a host where nothing is wrong it is no change. What is wrong fails it.
    """
    if not state.is_executing:
        return
    problems = check(ctx_host.get(), plan, startup.seconds_to_healthy)  # type: ignore[no-untyped-call]
    if problems:
        yield step(_fail, problems)


def _fail(host: Host, problems: tuple[str, ...]) -> bool:
    return refused(host, "\n".join(("verification failed:", *problems)))


def check(host: Host, plan: HostPlan, seconds_to_healthy: Mapping[str, float]) -> tuple[str, ...]:
    """Look at a host, log the table of what was measured, and return what is wrong."""
    if plan.changes or not plan.is_fresh:
        plan = look_again(host, plan)
    verdict = verify(host, plan.detected, plan.release, plan.observed, seconds_to_healthy)
    log_verdict(host, plan, verdict)
    return (*verdict.problems, *(change.sentence for change in plan.changes.all))


def log_verdict(host: Host, plan: HostPlan, verdict: Verdict) -> None:
    """Log what was measured, where the pages are, and the summary."""
    for line in table(verdict.rows):
        host.log(line)
    samples = [row.usage.over_s for row in verdict.rows if row.usage]
    if samples:
        host.log(f"CPU over {min(samples):.1f} to {max(samples):.1f} s, 100 % is one core")
    address = plan.settings.reached_at
    for name, service in plan.release.stack.services.items():
        if service.page:
            host.log(f"{service.page}: http://{address}:{service.published_port} ({name})")
    if not is_local(host.connector):
        host.log("these addresses are the host's own: open.py brings them to this machine")
    host.log(verdict.summary)
