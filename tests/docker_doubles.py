"""A double of the daemon: what `docker inspect` says once Compose made the rendered containers.

It reads the compose file, not the release that the file was rendered from, so that a field which
the template forgets shows as a difference.
"""

import re

import yaml

from stack.changes.observed import Observed, read_container, read_image
from stack.release.images import Image
from stack.release.render import Release

SECOND_NS = 1_000_000_000
IMAGE_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def inspected_image(image: Image, **config) -> dict:
    """An image that was built of this content."""
    return {
        "Id": f"sha256:{image.digest}",
        "RepoTags": [image.reference, image.pinned_reference],
        "Config": {
            "Labels": image.labels,
            "Env": [f"{key}={value}" for key, value in IMAGE_ENVIRONMENT.items()],
            "User": "app",
            "Cmd": ["run"],
            **config,
        },
    }


def inspected_containers(release: Release) -> dict[str, dict]:
    """Service → what the daemon says of its container, healthy and running."""
    text = release.files[release.compose_file].decode()
    compose = yaml.safe_load(text)
    images = {image.reference: image for image in release.images.values()}
    return {
        service: _inspected(service, it, compose, inspected_image(images[_plain(it["image"])]))
        for service, it in compose["services"].items()
    }


def observed(release: Release, *, containers=None, images=None, missing_upstream=()) -> Observed:
    """A host that runs a release; `containers` and `images` are the daemon's answers, if edited."""
    if containers is None:
        containers = inspected_containers(release)
    if images is None:
        images = [inspected_image(image) for image in release.images.values()]
    return Observed(
        containers={it.name: it for it in map(read_container, containers.values())},
        images={it.id: it for it in map(read_image, images)},
        upstream_digests={},
        missing_upstream=tuple(missing_upstream),
    )


def _inspected(service: str, it: dict, compose: dict, image: dict) -> dict:
    config = image["Config"]
    environment = {**IMAGE_ENVIRONMENT, **_plain(it.get("environment", {}))}
    return {
        "Id": f"id-of-{service}",
        "Name": f"/{it['container_name']}",
        "Image": image["Id"],
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "OOMKilled": False,
            "StartedAt": "2026-01-02T03:04:05.678901234Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {
            "Labels": {**_plain(it["labels"]), "com.docker.compose.project": compose["name"]},
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "User": it.get("user", config["User"]),
            "Cmd": _plain(it.get("command", config["Cmd"])),
            "StopTimeout": _duration_ns(it["stop_grace_period"]) // SECOND_NS,
            "Healthcheck": _health(it["healthcheck"]),
        },
        "HostConfig": _host_config(it),
        "Mounts": _mounts(it, compose),
        "NetworkSettings": {
            "Networks": {compose["networks"][name]["name"]: {} for name in it["networks"]}
        },
    }


def _host_config(it: dict) -> dict:
    bindings: dict[str, list[dict]] = {}
    for port in it.get("ports", ()):
        address, published, target = port.split(":")
        bindings[f"{target}/tcp"] = [{"HostIp": address, "HostPort": published}]
    return {
        "CpusetCpus": it.get("cpuset", ""),
        "CpuShares": it["cpu_shares"],
        "NanoCpus": round(it["cpus"] * SECOND_NS),
        "Memory": it["mem_limit"],
        "MemorySwap": it["memswap_limit"],
        "MemoryReservation": it["mem_reservation"],
        "ShmSize": it["shm_size"],
        "PidsLimit": it["pids_limit"],
        "PortBindings": bindings,
        "Tmpfs": dict.fromkeys(it.get("tmpfs", ()), ""),
        "ReadonlyRootfs": it.get("read_only", False),
        "Privileged": it.get("privileged", False),
        "CapAdd": it.get("cap_add"),
        "CapDrop": it.get("cap_drop"),
        "SecurityOpt": it.get("security_opt"),
        "RestartPolicy": {"Name": it.get("restart", "no"), "MaximumRetryCount": 0},
        "Init": it.get("init"),
        "LogConfig": {"Type": it["logging"]["driver"], "Config": it["logging"]["options"]},
    }


def _mounts(it: dict, compose: dict) -> list[dict]:
    volumes = it.get("volumes", ())
    named = [
        {
            "Type": "volume",
            "Name": compose["volumes"][name]["name"],
            "Source": f"/var/lib/docker/volumes/{name}/_data",
            "Destination": path,
            "RW": True,
        }
        for name, path in (volume.split(":") for volume in volumes if isinstance(volume, str))
    ]
    shown = [
        {"Type": "bind", "Source": _plain(of["source"]), "Destination": of["target"], "RW": False}
        for of in volumes
        if not isinstance(of, str)
    ]
    bound = [
        {
            "Type": "bind",
            "Source": _plain(compose["secrets"][name]["file"]),
            "Destination": f"/run/secrets/{name}",
            "RW": False,
        }
        for name in it.get("secrets", ())
    ]
    return named + shown + bound


def _health(check: dict) -> dict:
    return {
        "Test": _plain(check["test"]),
        "Interval": _duration_ns(check["interval"]),
        "Timeout": _duration_ns(check["timeout"]),
        "Retries": check["retries"],
        "StartPeriod": _duration_ns(check["start_period"]),
        "StartInterval": _duration_ns(check["start_interval"]),
    }


def _duration_ns(text: str) -> int:
    number = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)s", text)
    if number is None:
        raise ValueError(f"{text!r} is no duration in seconds")
    return round(float(number[1]) * SECOND_NS)


def _plain(value):
    """A value as Compose hands it on: `$$` is a dollar sign, a single one would be a variable."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        if "$" in value.replace("$$", ""):
            raise ValueError(f"{value!r}: Compose would put a variable's value there")
        return value.replace("$$", "$")
    return value
