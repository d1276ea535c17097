"""`python -m nautilus SERVICE` starts one service; without an argument SERVICE names it."""

import argparse
import os
import tempfile

from nautilus.catalogue import SERVICES, load
from nautilus.frame.settings import Settings
from nautilus.frame.threads import ThreadPlan


def main() -> None:
    """Read the settings, fit the threads, load the service and serve it."""
    parser = argparse.ArgumentParser(prog="nautilus", description=__doc__)
    parser.add_argument(
        "service", nargs="?", choices=sorted(SERVICES), default=os.environ.get("SERVICE")
    )
    name = parser.parse_args().service
    if name not in SERVICES:
        parser.error(f"name a service: {', '.join(sorted(SERVICES))}")
    settings = Settings(service=name)
    # Both are read at import by the libraries they are for, so they come before it.
    ThreadPlan.current(settings.workers).preset()
    os.environ["NAUTILUS_SUPERVISED"] = "1"
    with tempfile.TemporaryDirectory(prefix="nautilus-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        from nautilus.frame.serve import serve  # noqa: PLC0415

        serve(load(name)(settings))


if __name__ == "__main__":
    main()
