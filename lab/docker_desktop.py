"""A double of `docker desktop` for a lab's host: it has the real daemon stopped and started."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from lab import namespace
from lab.faults import Faults
from lab.settings import Settings
from lab.spec import HostSpec, HostState

PLUGIN = """#!/bin/sh
# Test double of `docker desktop`: it has the daemon stopped and started, and waits until it is.
case $* in
docker-cli-plugin-metadata) echo '{"SchemaVersion":"0.1.0","Vendor":"a double","Version":"1"}' ;;
"desktop status") echo "Status running" ;;
*) echo "$2" >~/asked && read -r done <~/done && [ "$done" = yes ] ;;
esac
"""


@contextmanager
def docker_desktop(settings: Settings, state: HostState) -> Iterator[None]:
    """While inside, the host has the command."""
    spec = HostSpec(**state.spec)  # type: ignore[arg-type]
    process = namespace.first_process(settings, state.name)
    home = Path(f"/proc/{process}/root{spec.home}")
    owner, faults = home.stat(), Faults(settings, state)
    asked, done = home / "asked", home / "done"
    for fifo in (asked, done):
        fifo.unlink(missing_ok=True)
        os.mkfifo(fifo)
        os.chown(fifo, owner.st_uid, owner.st_gid)
    plugin = home / ".docker/cli-plugins/docker-desktop"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)

    def serve() -> None:
        while (word := asked.read_text().strip()) != "end":
            if word == "stop":
                faults.end_daemon(signal.SIGTERM)
            else:
                faults.start_daemon()
            done.write_text("yes\n")

    server = Thread(target=serve, daemon=True)
    server.start()
    try:
        yield
    finally:
        asked.write_text("end")
        server.join()
        for file in (plugin, asked, done):
            file.unlink()
