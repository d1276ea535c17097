"""A training's process: `python -m nautilus.engines.ml ENGINE`, the process that waits for it."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def _end_with(engine: int) -> None:
    """Have the kernel end this process with the one that started it; Linux alone can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != engine:
            # It was gone before.
            sys.exit(1)


if __name__ == "__main__":
    _end_with(int(sys.argv[1]))
    # They take seconds to load, in which the engine may end, too.
    from nautilus.engines.ml.training import main

    sys.exit(main())
