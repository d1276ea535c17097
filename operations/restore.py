"""A deploy that fails goes back by itself, as far as it had changed anything."""

from collections.abc import Iterable
from dataclasses import replace
from weakref import WeakKeyDictionary

from pyinfra.api.command import PyinfraCommand
from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import BaseStateCallback, State
from pyinfra.context import ctx_host, state

from facts.kept_plan import plan_kept, whole
from facts.originals import kept_originals
from facts.plan import HostPlan, replacing
from facts.releases import current_release, kept_releases
from facts.together import together
from operations import adopt, containers, images, journal, lock, releases
from operations.records import note
from operations.refusal import LOST, refused
from operations.start import Startup
from operations.verification import check
from stack.changes.change import Changes
from stack.changes.replacement import routers
from stack.changes.undo import undoing
from stack.errors import DrydockError
from stack.release.kept import choose_former

_restorers: "WeakKeyDictionary[State, list[Restorer]]" = WeakKeyDictionary()


def on_failure(host: Host, plan: HostPlan) -> "Restorer":
    """From now on, bring the former release back when the deploy of the host doesn't end well.

    + plan: what the deploy changes

    Only while the host's lock is held: without it nothing was changed, or another changes it now.
    """
    restorer = Restorer(host, plan)
    state.add_callback_handler(restorer)  # type: ignore[no-untyped-call]
    if host.state not in _restorers:
        _restorers[host.state] = []
        _hear_of_giving_up(host.state)
    _restorers[host.state].append(restorer)
    return restorer


def _hear_of_giving_up(state: State) -> None:
    """Restore hosts on which nothing failed when pyinfra ends the run for those that did.

    It does when more than --fail-percent of them have, or when somebody answers its question so.
    """
    asks = state.should_raise_failed_hosts

    def gives_up(state: State) -> bool:
        if asks and asks(state) is False:
            return False
        together(*(it.give_up for it in _restorers[state]))
        return True

    state.should_raise_failed_hosts = gives_up


class Restorer(BaseStateCallback):
    """Hears of every operation that fails, and restores what a deploy has changed."""

    def __init__(self, host: Host, plan: HostPlan) -> None:
        self._host, self._plan = host, plan
        self._last: OperationMeta | None = None
        self._is_busy = False
        self._is_over = False

    def until(self, operation: OperationMeta) -> None:
        """Restore nothing once this operation has ended well: the new release is a good one."""
        self._last = operation

    def operation_host_start(self, state: State, host: Host, op_hash: str) -> None:  # type: ignore[override]  # noqa: ARG002
        """An operation begins, which nothing may run beside."""
        self._is_busy |= host is self._host

    def operation_host_success(  # type: ignore[override]
        self,
        state: State,  # noqa: ARG002
        host: Host,
        op_hash: str,  # noqa: ARG002
        retry_count: int = 0,  # noqa: ARG002
    ) -> None:
        """It has ended."""
        self._is_busy &= host is not self._host

    def operation_host_error(  # type: ignore[override]
        self,
        state: State,
        host: Host,
        op_hash: str,
        retry_count: int = 0,  # noqa: ARG002
        max_retries: int = 0,  # noqa: ARG002
    ) -> None:
        """Restore, and say so; what stands in the way is told as well."""
        if host is self._host:
            self._is_busy = False
            self._restore(f"the operation {', '.join(state.get_op_meta(op_hash).names)!r} failed")

    def give_up(self) -> None:
        """Restore what was changed so far: too many other hosts have failed, and the run ends."""
        # Without waiting for each other (--no-wait) this one goes on by itself.
        if not self._is_busy:
            with ctx_host.use(self._host):
                self._restore("too many hosts failed, so the run was given up")

    def _restore(self, why: str) -> None:
        host = self._host
        if self._is_over or not lock.is_held(host) or (self._last and self._last.is_complete()):
            return
        self._is_over = True
        try:
            _restore_or_report(host, self._plan, why)
        except LOST as error:
            refused(
                host,
                f"not rolled back, the host or its daemon was lost: {type(error).__name__} {error};"
                " run the same command again",
            )


def _restore_or_report(host: Host, plan: HostPlan, why: str) -> None:
    try:
        restore(host, plan, why)
    except DrydockError as error:
        refused(host, f"nothing was rolled back: {error}")
        journal.end(host, "failed", (f"nothing was rolled back: {error}",))
        check(host, plan, failed=why)


def restore(host: Host, plan: HostPlan, why: str) -> None:
    """Undo what a failed deploy has changed, and say what was restored.

    DrydockError where there is nothing to go back to.
    """
    if plan.settings.keep_failed:
        note(host, plan, "failed", (why,))
        check(host, plan, failed=why)
        refused(host, "the broken state is kept; `rollback.py` leads back from it")
        return
    if plan.current.id is None and kept_originals(host, plan.detected.directory):
        refused(host, "rolling back to the original containers")
        if adopt.back(host, plan.detected, plan.release.stack.name):
            refused(host, "rolled back: the original containers run as before")
        note(host, plan, "rolled back", (why,))
        return
    if plan.current.id == plan.release.id:
        raise DrydockError(f"release {plan.release.id} was the current one before, too")
    directory = plan.detected.directory
    former = whole(choose_former(kept_releases(host, directory), plan.current.id))
    current = current_release(host, directory)
    found = plan_kept(host, plan.detected, plan.settings, current, former)
    changes = undoing(found.changes, plan.changes, plan.release.stack, former.stack)
    if not changes:
        note(host, plan, "rolled back", (why,))
        check(host, found, failed=why)
        refused(host, f"nothing that runs was changed: release {former.id} is still current")
        return
    refused(host, f"rolling back to release {former.id}:")
    for change in changes.all:
        host.log(f"  {change.sentence}")
    startup = Startup()
    if not _carry_out(host, found, changes, startup):
        note(host, plan, "failed", (why, "and so did the way back"))
        refused(host, "the way back failed, too: see above")
        return
    problems = check(host, found, startup, failed=why)
    note(host, plan, "rolled back", (why,))
    restored = ", ".join(dict.fromkeys(it.subject for it in changes.all if it.subject != "release"))
    refused(
        host,
        "\n".join(
            (
                f"rolled back to release {former.id}; restored: {restored or 'the link to it'}",
                *(f"but {problem}" for problem in problems),
                "to keep the broken state for study: run it again with --data keep_failed=true",
            )
        ),
    )


def _carry_out(host: Host, plan: HostPlan, changes: Changes, startup: Startup) -> bool:
    """Run the operations of a rollback now, inside the one that failed."""
    release, detected = plan.release, plan.detected
    tag, remove, update, start, retire = (
        images.tag._inner,
        containers.remove._inner,
        containers.update._inner,
        containers.start._inner,
        containers.retire._inner,
    )
    led_by = routers(replacing(host, replace(plan, changes=changes)))
    return all(
        _run(host, commands)
        for commands in (
            tag(release, changes, detected),
            remove(changes, detected),
            update(release, changes, detected),
            start(release, changes, detected, startup, led_by),
            retire(release, changes, detected),
            releases.activate._inner(release, plan.current.id, detected),
        )
    )


def _run(host: Host, commands: Iterable[PyinfraCommand]) -> bool:
    for command in commands:
        # Shell commands give their output as well.
        done = command.execute(state, host, {})
        if not (done[0] if isinstance(done, tuple) else done):
            return False
    return True
