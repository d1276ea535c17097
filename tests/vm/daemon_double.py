"""A double of a Docker daemon in a VM: `daemon_double.py SOCKET CPUS MEMORY_MIB CONTAINER…`.

It has the CPUs and the memory that its VM was started with, less what a kernel keeps, and runs the
named containers; one whose name begins with `once` has no restart policy.
"""

import json
import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

SOCKET, CPUS, MEMORY_MIB, *CONTAINERS = sys.argv[1:]
STATE = {
    "Status": "running",
    "ExitCode": 0,
    "OOMKilled": False,
    "StartedAt": "2026-01-02T03:04:05Z",
}
CONFIG = {"Labels": {}, "Env": [], "Cmd": [], "User": ""}
HOST_CONFIG = {
    "NanoCpus": 0, "Memory": 0, "MemorySwap": 0, "MemoryReservation": 0, "CpusetCpus": "",
    "ShmSize": 0, "PidsLimit": None, "PortBindings": {}, "Tmpfs": {}, "ReadonlyRootfs": False,
    "Privileged": False, "CapAdd": None, "CapDrop": None, "SecurityOpt": None, "Init": None,
    "LogConfig": {"Type": "json-file", "Config": {}},
}  # fmt: skip


def container(name: str) -> dict[str, object]:
    """What `docker inspect` says of one."""
    policy = {"Name": "no" if name.startswith("once") else "unless-stopped"}
    return {
        "Id": name, "Name": f"/{name}", "Image": "sha256:0", "State": STATE, "Config": CONFIG,
        "Mounts": [], "NetworkSettings": {"Networks": {}},
        "HostConfig": {**HOST_CONFIG, "RestartPolicy": policy},
    }  # fmt: skip


def answer(path: str) -> object:
    """What the daemon says of one path of its API."""
    memory_bytes = int(int(MEMORY_MIB) * 2**20 * 0.957)
    listed = [
        {"Id": it, "Names": [f"/{it}"], "ImageID": "sha256:0", "Labels": {}, "State": "running"}
        for it in CONTAINERS
    ]
    answers = {
        "/info": {"NCPU": int(CPUS), "MemTotal": memory_bytes, "Architecture": "aarch64"},
        "/containers/json": listed,
        "/images/json": [],
        "/networks": [],
        "/images/sha256:0/json": {"Id": "sha256:0", "RepoTags": [], "Config": CONFIG},
        **{f"/containers/{name}/json": container(name) for name in CONTAINERS},
    }
    if "/distribution/" in path:
        return {"Descriptor": {"digest": "sha256:" + "d" * 64}}
    return answers[path.removeprefix("/v1.44")]


class Handler(BaseHTTPRequestHandler):
    """Answers every GET."""

    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        """A Unix socket's client has no address."""
        return "unix"

    def do_GET(self) -> None:
        """Answer in JSON."""
        body = json.dumps(answer(self.path.partition("?")[0])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Path(SOCKET).unlink(missing_ok=True)
    server = socketserver.ThreadingUnixStreamServer(SOCKET, Handler)
    server.daemon_threads = True
    server.serve_forever()
