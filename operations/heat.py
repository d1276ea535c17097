"""Builds and starts wait while a Mac is under heavy thermal pressure, but not for ever."""

from pathlib import Path

from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.host import Host

from facts.plan import HostPlan
from operations import journal
from operations.timing import shown, since_begin_s, timed
from stack.changes.heat import HEAVY, in_words

SCRIPT = Path(__file__).with_name("heat.sh").read_text()


class Gate:
    """One host's pressure in one run: what waits, waits no longer in all than the data says."""

    def __init__(self, plan: HostPlan) -> None:
        self._mac = plan.detected.account is not None
        self._left_s = float(plan.settings.heat_wait_s)

    def cool_enough(self, host: Host, what: str) -> bool:
        """Wait until the pressure is below heavy; False when it still isn't: then one at a time.

        + what: what waits, for the screen: "building"

        On a host that reports no pressure nothing waits.
        """
        if not self._mac:
            return True
        level = self._level(host, 0)
        if level < HEAVY:
            return True
        if self._left_s <= 0:
            return False
        host.log(f"thermal pressure {in_words(level)}: {what} waits, at most {self._left_s:.0f} s")
        waits, begun_s = f"{what} waits for the Mac to cool down", since_begin_s()
        with shown(host, lambda: f"{waits}, {since_begin_s() - begun_s:.0f} s"):
            level = self._level(host, round(self._left_s))
        cool = level < HEAVY
        outcome = f"pressure {in_words(level)}"
        waited_s = timed(host, "step", waits, begun_s, outcome).seconds
        self._left_s -= waited_s
        host.log(f"{outcome} after {waited_s:.0f} s{'' if cool else f': {what} one at a time'}")
        journal.tell(host, "wait", waits, outcome=outcome, seconds=waited_s)
        return cool

    def _level(self, host: Host, patience_s: int) -> int:
        words = (SCRIPT, "drydock-heat", str(HEAVY), str(patience_s))
        command = StringCommand("sh -c", *(QuoteString(it) for it in words))
        _, output = host.run_shell_command(command, print_output=False, print_input=False)
        return int(output.stdout) if output.stdout.isdecimal() else 0
