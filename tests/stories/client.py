"""Those who ask all the time: through an SSH tunnel to a host's own port, or in its network."""

import http.client
import runpy
import socket
import subprocess
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from itertools import cycle
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from bench.host import Host
from bench.inside import Inside, running_inside
from lab.hosts import ssh_command
from stack.load import load_stack
from tests.stories.mac import Mac
from tests.stories.project import Project
from tests.stories.running_lab import Lab

ANSWERED_S = 15


def in_its_network(
    program: str, project: Project, mac: Mac, lab: Lab, directory: Path
) -> AbstractContextManager[Inside]:
    """While inside, a client of bench/ uses the project's stack; then it has what was lost."""
    stack = runpy.run_path(str(project.folder / "group_data/all.py"))["stack"]
    host = Host(mac.state, project.inventory, load_stack({"stack": stack}, {}).stack)
    return running_inside(host, program, directory, lab.settings)


class Client:
    """Sends requests at a steady rate while inside, each on a connection of its own."""

    def __init__(self, mac: Mac, port: int, paths: tuple[str, ...], per_second: int = 50) -> None:
        self._port, self._paths, self._pause_s = _free_port(), paths, 1 / per_second
        program, *words = ssh_command(mac.state)
        tunnel = ("-N", "-L", f"127.0.0.1:{self._port}:127.0.0.1:{port}")
        self._tunnel = subprocess.Popen([program, *tunnel, *words])
        self._ended = threading.Event()
        self._sender = threading.Thread(target=self._send)
        self._requests: list[threading.Thread] = []
        self.answers: Counter[str] = Counter()
        """Body, or what went wrong → how often."""
        self.failures: list[str] = []

    def __enter__(self) -> "Client":
        until_reached = Retrying(
            retry=retry_if_result(lambda reached: not reached),
            stop=stop_after_delay(ANSWERED_S),
            wait=wait_fixed(0.05),
        )
        until_reached(self._reaches)
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._sender.join()
        for request in self._requests:
            request.join()
        self._tunnel.terminate()
        self._tunnel.wait()

    def _reaches(self) -> bool:
        try:
            return self._ask(self._paths[0])[0] == http.client.OK
        except OSError:
            return False

    def _send(self) -> None:
        due = time.monotonic()
        for path in cycle(self._paths):
            due += self._pause_s
            if self._ended.wait(max(0, due - time.monotonic())):
                return
            self._requests.append(threading.Thread(target=self._count, args=(path,)))
            self._requests[-1].start()

    def _count(self, path: str) -> None:
        try:
            status, body = self._ask(path)
        except (OSError, http.client.HTTPException) as error:
            status, body = 0, repr(error)
        self.answers[body] += 1
        if status != http.client.OK:
            self.failures.append(f"{path}: {status} {body}")

    def _ask(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWERED_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
