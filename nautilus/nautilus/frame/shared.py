"""Numbers that all workers of one service count together, and the notice of what died in one."""

import mmap
from collections.abc import Sequence

MAX_ROWS = 128
CELL_BYTES = 8
NOTICE_BYTES = 256


class Shared:
    """Memory made before the workers are forked, so that each of them can answer for all.

    Each worker counts in a row of its own and nobody takes a lock, so a worker that is killed
    while it counts cannot hold up the others. The worker that replaces it goes on with its row.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._columns = {name: column for column, name in enumerate(names)}
        self._cells = memoryview(mmap.mmap(-1, max(1, MAX_ROWS * len(names)) * CELL_BYTES)).cast(
            "q"
        )
        self._notice = mmap.mmap(-1, NOTICE_BYTES)
        self.row = 0

    def add(self, name: str, amount: int = 1) -> None:
        """Count, for this worker; call it on the event loop's thread only."""
        self._cells[self.row * len(self._columns) + self._columns[name]] += amount

    def set(self, name: str, value: int) -> None:
        """Say what holds in this worker now; the service's value is the sum of its workers'."""
        self._cells[self.row * len(self._columns) + self._columns[name]] = value

    def total(self, name: str) -> int:
        """The sum over all workers, those that are gone included."""
        column = self._columns[name]
        width = len(self._columns)
        return sum(self._cells[row * width + column] for row in range(MAX_ROWS))

    def totals(self, names: Sequence[str]) -> dict[str, int]:
        """These names with their sums."""
        return {name: self.total(name) for name in names}

    def post_notice(self, text: str) -> None:
        """Leave word of what died, for any worker to report; the last one stays."""
        self._notice[:] = text.encode()[: NOTICE_BYTES - 1].ljust(NOTICE_BYTES, b"\0")

    @property
    def notice(self) -> str:
        """What died in one of the workers; empty when nothing did."""
        return self._notice[:].rstrip(b"\0").decode(errors="replace")
