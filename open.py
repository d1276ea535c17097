"""Bring a host's pages and endpoints to this machine: `pyinfra inventory.py open.py`."""

import sys
from pathlib import Path

from pyinfra.api.host import Host

# A project of one's own runs this file from another folder.
sys.path.append(str(Path(__file__).resolve().parent))

from facts.detect import inputs_of
from link.channel import is_local, wait_until_lost
from link.tunnel import Tunnel
from operations.heartbeat import heartbeat
from operations.interruption import end_well_on_interrupt
from operations.refusal import fails_alone
from stack.errors import DrydockError


@fails_alone
def main(host: Host) -> None:
    """Print the addresses; for a remote host, lead them there through the SSH connection."""
    inputs = inputs_of(host)
    services = inputs.stack.services
    ports = {name: s.published_port for name, s in services.items() if s.published_port}
    tunnel = None
    local = ports
    if not is_local(host.connector):
        tunnel = Tunnel(host, inputs.settings.reached_at)
        local = tunnel.open(ports)
    for name, port in local.items():
        path = services[name].endpoint or ("/" if services[name].page else "")
        scheme = "http://" if path else ""
        host.log(f"{services[name].page or name}: {scheme}127.0.0.1:{port}{path}")
    if tunnel:
        host.log("open until Ctrl-C")
        heartbeat().end(host)
        end_well_on_interrupt()
        try:
            wait_until_lost(host.connector)
            raise DrydockError("the connection is lost, and nothing is open any more: run it again")
        finally:
            tunnel.close()


main()
