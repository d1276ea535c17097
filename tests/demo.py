"""A small stack in a project of its own: what the core and the operations are tried on."""

from pathlib import Path
from typing import Any

from facts.detect import Detected
from facts.runtime import Daemon as Answering
from stack.changes.change import CurrentRelease
from stack.load import Inputs, load_stack
from stack.model import CPU_SHARES, Allocation, Chip, CoreLevel, Daemon, Finding, Map
from stack.release.launchd import Account, Job, job_of, keeping_cores, watching
from stack.release.render import MANIFEST, Release, render_release

GIB = 2**30
SECRETS = "/Users/o'brien/.drydock/demo/secrets"
UPSTREAM = {"python:3.13-slim-trixie": "sha256:" + "a" * 64, "redis:8.0": "sha256:" + "b" * 64}

STACK: dict[str, Any] = {
    "name": "demo",
    "sized_for": {"cpus": 4, "memory": "8 GiB"},
    "bases": {"python": "python:3.13-slim-trixie"},
    "images": {"py-base": {"dockerfile": "py-base", "bases": ["python"]}},
    "services": {
        "store": {
            "phase": "infrastructure",
            "image": "redis:8.0",
            "cpus": 1,
            "memory": "1 GiB",
            "port": 6379,
            "volumes": {"store-data": "/data"},
            "secrets": ["store_password"],
            "health": {"test": ["redis-cli", "ping"]},
            "sized_at_start": True,
            "stop_grace_s": 30,
        },
        "risk": {
            "phase": "engines",
            "container_name": "demo-risk-engine",
            "build": {
                "dockerfile": "app",
                "bases": ["py-base"],
                "context": ["code"],
                "rendered": {"app.conf": "app.conf.j2"},
                "arguments": {"level": 3},
            },
            "needs": ["store"],
            "cpus": 2,
            "memory": "2 GiB",
            "cpuset": "0,1",
            "workers": 2,
            "port": 8200,
            "endpoint": "/health",
            "environment": {
                "WORKERS": "{workers}",
                "SERVICE": "{service}",
                "DEMO_RELEASE": "{release}",
                "ODD": 'it\'s $HOME: "x" # {y} é',
            },
            "secrets": ["store_password"],
            "health": {"test": ["probe", "--text", "$A 'b'"], "interval_s": 2.5},
            "threads": "environment",
        },
        "page": {
            "phase": "frontend",
            "build": {"dockerfile": "app", "bases": ["py-base"], "context": ["code"]},
            "needs": ["risk"],
            "cpus": 0.5,
            "memory": "512 MiB",
            "port": 8080,
            "host_port": 80,
            "page": "The page",
            "command": ["serve", "--name", "$x y"],
            "user": "1000:1000",
            "tmpfs": ["/tmp", "/run/page"],
            "health": {"test": ["true"]},
        },
    },
}
FILES = {
    "code/main.py": "print('demo')\n",
    "code/deep/part.py": "x = 1\n",
    "templates/images/py-base.Dockerfile.j2": "FROM {{ bases.python }}\n",
    "templates/images/app.Dockerfile.j2": (
        "FROM {{ bases.py_base }}\nCOPY code /app\nENV SERVICE={{ service_name }}\n"
    ),
    "templates/app.conf.j2": "level = {{ arguments.level }}\nport = {{ service.port }}\n",
}


def write_project(folder: Path) -> Path:
    """Write the demo's own templates and code."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def demo_inputs(overrides=None, **settings) -> Inputs:
    """The demo's data, validated, with fields of its services laid over."""
    return load_stack({"stack": STACK, "overrides": overrides or {}, **settings}, {})


def demo_release(
    project: Path,
    overrides=None,
    *,
    tag="m4max",
    architecture="aarch64",
    upstream=UPSTREAM,
    findings: tuple[Finding, ...] = (),
    secrets_directory=SECRETS,
    **settings,
) -> Release:
    """A release of the demo, each service with what its data says; nothing is fitted."""
    inputs = demo_inputs(overrides, **settings)
    allocations = {
        name: Allocation(
            cpuset=service.cpuset,
            cpus=service.cpus,
            memory_bytes=service.memory,
            reservation_bytes=service.reservation or service.memory // 2,
            cpu_shares=CPU_SHARES[service.latency_class],
        )
        for name, service in inputs.stack.services.items()
    }
    return render_release(
        stack=inputs.stack,
        core_map=Map(services=allocations, findings=findings),
        tag=tag,
        architecture=architecture,
        settings=inputs.settings,
        upstream_digests=upstream,
        secrets_directory=secrets_directory,
        project=project,
    )


def on_disk(release: Release) -> CurrentRelease:
    """What a host has on disk where a release was written as it should be."""
    files = release.manifest_files()
    return CurrentRelease(
        id=release.id,
        files=files,
        found=dict(files),
        manifest={"release": release.id, "files": files, "written as": MANIFEST},
        bill=True,
        secrets=tuple(sorted(release.secrets())),
    )


def demo_host(home="/Users/o'brien", cli="/usr/local/bin/docker") -> Detected:
    """A Mac whose daemon answers."""
    socket, directory = f"{home}/.docker/run/docker.sock", f"{home}/.drydock/demo"
    return Detected(
        chip=Chip(
            name="Apple M4 Max",
            tag="m4max",
            levels=(CoreLevel(name="Performance", cores=10),),
            memory_bytes=36 * GIB,
        ),
        runtime=Answering(
            runtime="docker-desktop",
            docker_cli=cli,
            docker_socket=socket,
            version="28.3.2",
            api_version="1.51",
            min_api_version="1.24",
            os="linux",
            architecture="arm64",
        ),
        daemon=Daemon(cpus=4, memory_bytes=8 * GIB),
        directory=directory,
        docker_environment={
            "DOCKER_HOST": f"unix://{socket}",
            "DOCKER_CONFIG": f"{directory}/docker",
        },
        account=Account("o'brien", 501, home),
    )


def demo_job(kind="agent", home="/Users/o'brien", cores: str | None = None) -> Job:
    """The monitor of that Mac; with cores that of a swarm's node."""
    host = demo_host(home)
    docker = {**host.docker_environment, "docker_cli": host.runtime.docker_cli}
    account = Account("o'brien", 501, home)
    work = watching(6 * GIB) if cores is None else keeping_cores("demo", cores)
    return job_of(kind, "demo", account, host.directory, docker, work)
