"""Tell what becomes of Docker's VM, and what its stack gets then."""

from pyinfra.api.host import Host

from facts.vm_plan import VmPlan
from operations.vm.restart import size_of
from stack.changes.change import Changes
from stack.release.kept import read_record


def announce(host: Host, changes: Changes, way: VmPlan | None = None) -> None:
    """Log what changes of the VM, what that needs, and what the stack then gets."""
    for change in changes.all:
        host.log(f"  {change.sentence}")
    if way is None:
        return
    if not changes:
        host.log(f"no changes: the VM has {way.size}; its daemon sees {size_of(way.measured)}")
        return
    plan = way.plan
    record = read_record(plan.current.record)
    if alone := [name for name, again in way.running.items() if not again]:
        host.log_styled(f"  stopped, and not started again: {', '.join(alone)}", fg="yellow")
    if way.running and record and record.seconds_to_healthy:
        longest = max(record.seconds_to_healthy.values())
        host.log(f"  services took up to {longest:.0f} s to be healthy when they last started")
    if not way.settings.vm_resize:
        host.log_styled("  only with your consent: --data vm_resize=true", fg="yellow")
    then = "these changes:" if way.afterwards else "no changes"
    host.log(f"  the next deploy plans for {size_of(plan.detected.daemon)}, with {then}")
    for change in way.afterwards.all:
        host.log(f"    {change.sentence}")
    for finding in plan.release.map.findings:
        if finding.severity == "warning":
            host.log_styled(f"    map: {finding.message}", fg="yellow")
