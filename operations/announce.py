"""Tell what will change: in words for people, as data for programs, as diffs on request."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from pyinfra.api.host import Host
from pyinfra.api.operation import OperationMeta
from pyinfra.context import state

from facts.files import TextFiles
from facts.plan import HostPlan
from stack.changes.change import Action, Changes
from stack.changes.replacement import Replacement
from stack.release.pins import not_pinned


def announce(
    host: Host, plan: HostPlan, replaced: Iterable[Replacement] = (), *, diff: bool
) -> None:
    """Log every change in words, the map's warnings, and the files' diffs if asked for."""
    for finding in plan.findings:
        if finding.severity == "warning":
            host.log_styled(f"  {finding.message}", fg="yellow")
        else:
            host.log(f"  {finding.message}")
    if not plan.changes:
        host.log(f"no changes: {plan.release.stack.name}:{plan.release.tag}, {_release(plan)}")
        return
    host.log(f"{plan.detected.chip.name}, {_release(plan)}: {len(plan.changes.all)} changes")
    for finding in plan.release.map.findings:
        if finding.severity == "warning":
            host.log_styled(f"  map: {finding.message}", fg="yellow")
    if plan.unpinned:
        said = not_pinned(plan.unpinned, plan.settings.images_lock)
        host.log_styled(f"  images: {said}", fg="yellow")
    for change in plan.changes.all:
        host.log(f"  {change.sentence}")
    if plan.detected.account is None and plan.settings.monitor != "off":
        host.log("  no monitor: it runs under launchd, which this host doesn't have")
    for replacement in replaced:
        host.log(f"  {replacement.sentence}")
    if diff:
        _log_diffs(host, plan)


def _release(plan: HostPlan) -> str:
    return f"release {plan.release.id}"


def _log_diffs(host: Host, plan: HostPlan) -> None:
    """Unified diffs of the release's files against those of the current release on the host."""
    before, after = plan.current.found, plan.release.manifest_files()
    paths = [p for p in sorted(before.keys() | after.keys()) if before.get(p) != after.get(p)]
    current = f"{plan.detected.directory}/current"
    there = [f"{current}/{path}" for path in paths if path in before]
    old = host.get_fact(TextFiles, paths=there) if there else {}
    for path in paths:
        new = plan.release.files.get(path, b"").decode(errors="replace")
        lines = difflib.unified_diff(
            old.get(f"{current}/{path}", "").splitlines(),
            new.splitlines(),
            f"{plan.current.id or 'nothing'}/{path}",
            f"{plan.release.id}/{path}",
            lineterm="",
        )
        for line in lines:
            color = {"+": "green", "-": "red"}.get(line[:1])
            host.log_styled(line, fg=color) if color else host.log(line)


class _Announced(dict[str, object]):
    """Changes of one operation: data in pyinfra's JSON, a few words in its log."""

    def __str__(self) -> str:
        changes = self["changes"]
        return f"{self['host']}: {len(changes) if isinstance(changes, list) else 0} changes"


def attach(host: Host, operation: OperationMeta, changes: Changes, *actions: Action) -> None:
    """Put an operation's changes where `pyinfra --json` shows them: plan[].args[].changes."""
    attach_made(host, operation, [change.as_json(host.name) for change in changes.of(*actions)])


def attach_made(host: Host, operation: OperationMeta, made: Sequence[Mapping[str, object]]) -> None:
    """The same for changes that are data already."""
    arguments = cast(list[object], state.get_op_meta(operation._hash).args)
    arguments.append(_Announced(host=host.name, changes=list(made)))
