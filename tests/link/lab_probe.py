"""A pyinfra deploy that tries the link on a lab host and prints what it saw as one JSON line."""

import json
import sys
from pathlib import Path

import gevent
import httpx
from gevent.pool import Pool
from pyinfra import host

sys.path.insert(0, str(Path(__file__).parents[2]))

from facts.machine import Machine
from facts.runtime import Runtime
from link.daemon import close, daemon
from link.http import http_client

SESSIONS = 'ps -eo ppid,args | grep "^ *$PPID .*[d]ial-stdio" | wc -l'


def sessions():
    _, output = host.run_shell_command(SESSIONS)
    return int(output.stdout)


def streams_end_when_closed_elsewhere(api):
    events = api.events(decode=True)
    reader = gevent.spawn(list, events)
    gevent.sleep(0)  # Let the reader reach its wait.
    events.close()
    return reader.join(5) is None and reader.ready()


def nothing_listens():
    with http_client(host) as client:
        try:
            client.get("http://127.0.0.1:1/")
        except httpx.ConnectError as error:
            return str(error)
    return ""


machine = host.get_fact(Machine)
runtime = host.get_fact(Runtime, docker_cli=None, docker_socket=None)
api = daemon(host, runtime.daemon)
versions = Pool(20).map(lambda _: api.version()["Version"], range(40))
seen = {
    "host": host.name,
    "kernel": machine.kernel,
    "chip": machine.sysctl_text.partition("\n")[0],
    "runtime": runtime.daemon.runtime,
    "same_version": set(versions) == {runtime.daemon.version},
    "stream_ended": streams_end_when_closed_elsewhere(api),
    "sessions_open": sessions(),
    "refused": nothing_listens(),
}
close(host)
# A closed session's process ends when it notices.
seen["sessions_left"] = next((0 for _ in range(100) if sessions() == 0), sessions())
sys.stdout.write(json.dumps(seen) + "\n")
