"""The lab's registry: base images under their real names, built once, kept by content."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from lab import hosts, machine, namespace, network
from lab.cache import digest, made_once
from lab.namespace import Machine
from lab.process import LabError, run_long, say
from lab.settings import Settings
from lab.spec import HostSpec

HERE = Path(__file__).parent
IMAGES = HERE / "images"
REGISTRY = "registry"
BUILDER = "builder"
STARTUP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class BaseImage:
    """One image of the lab's registry; `needs` are images built before it."""

    name: str
    reference: str
    needs: tuple[str, ...] = ("debian",)


CATALOGUE = (
    BaseImage("debian", "debian:trixie-slim", ()),
    BaseImage("python", "python:3.13-slim-trixie"),
    BaseImage("node", "node:24-trixie-slim", ("debian", "python")),
    BaseImage("redis", "redis:8.0"),
    BaseImage("nginx", "nginx:1.26"),
    BaseImage("prometheus", "prom/prometheus:v2.53.3"),
    BaseImage("alertmanager", "prom/alertmanager:v0.28.1"),
    BaseImage("registry", "registry:2.8.3"),
    BaseImage("timescaledb", "timescale/timescaledb:2.19.3-pg17"),
    BaseImage("grafana", "grafana/grafana:12.0.2", ("python",)),
)


def stores(settings: Settings, debian: Path) -> dict[str, Path]:
    """Where each image is kept: a registry's storage with that image alone, named by content."""
    keys: dict[str, str] = {}
    for image in CATALOGUE:
        context = IMAGES / image.name
        content = [context] if context.is_dir() else []
        keys[image.name] = digest(
            [debian.name, image.reference, *content, *(keys[name] for name in image.needs)]
        )
    return {name: settings.cache / "images" / f"{name}-{key}" for name, key in keys.items()}


def build_missing(settings: Settings, debian: Path) -> list[Path]:
    """Build the images that aren't kept yet on a daemon of the lab's own; all stores."""
    places = stores(settings, debian)
    missing = [image for image in CATALOGUE if not places[image.name].is_dir()]
    if missing:
        say(f"Building {len(missing)} base images, once: {', '.join(i.reference for i in missing)}")
        hosts.remove(settings, BUILDER)
        try:
            _start_builder(settings, debian)
            for image in missing:
                made_once(places[image.name], _making(settings, image, places))
        finally:
            hosts.remove(settings, BUILDER)
    return list(places.values())


def start(settings: Settings, root: Path, images: Sequence[Path]) -> None:
    """Serve the kept images on the bridge; a registry that serves these very ones stays."""
    served = settings.host_directory(REGISTRY) / "served.txt"
    names = "".join(f"{store.name}\n" for store in images)
    if answers(settings) and served.exists() and served.read_text() == names:
        return
    say(f"Starting the registry at {settings.registry_address}")
    hosts.remove(settings, REGISTRY)
    network.join(settings, REGISTRY, settings.registry)
    layer = settings.host_directory(REGISTRY) / "upper"
    _copy(HERE / "host/registry.yml", layer / "opt/lab/registry.yml")
    serve = ("docker-registry", "serve", "/opt/lab/registry.yml")
    namespace.boot(settings, Machine(REGISTRY, [*images, root], serve))
    served.write_text(names)
    deadline = time.monotonic() + STARTUP_TIMEOUT_S
    while not answers(settings):
        if time.monotonic() > deadline:
            log = settings.host_directory(REGISTRY) / "log/boot.log"
            raise LabError(f"the registry does not answer: {log.read_text(errors='replace')}")
        time.sleep(hosts.POLL_S)


def answers(settings: Settings) -> bool:
    """Whether the registry answers on its address."""
    if not network.namespace_exists(settings, REGISTRY):
        return False
    try:
        with urlopen(f"http://{settings.registry_address}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _start_builder(settings: Settings, debian: Path) -> None:
    spec = HostSpec(BUILDER, number=0, chip="linux-x86-64", runtime="linux")
    layer = settings.host_directory(BUILDER) / "upper"
    for name in ("build.sh", "registry.yml"):
        _copy(HERE / "host" / name, layer / "opt/lab" / name)
    bundle = machine.ca_bundle()
    if bundle:
        _copy(bundle, layer / "opt/lab/ca")
    else:
        (layer / "opt/lab/ca").write_text("")
    places = {"/images": IMAGES, "/stores": settings.cache / "images", "/base": debian}
    (settings.cache / "images").mkdir(parents=True, exist_ok=True)
    hosts.start(settings, spec, debian / "root", places)
    known_hosts = settings.host_directory(BUILDER) / "known_hosts"
    host = replace(hosts.state_of(settings, spec), known_hosts=str(known_hosts))
    known_hosts.write_text(hosts.known_hosts_line(settings, host))
    hosts.wait_until_well(settings, host)


def _making(
    settings: Settings, image: BaseImage, places: Mapping[str, Path]
) -> Callable[[Path], None]:
    def make(partial: Path) -> None:
        bases = [base for base in CATALOGUE if base.name in image.needs]
        loads = [f"{base.reference}=/stores/{places[base.name].name}" for base in bases]
        store = f"/stores/{partial.name}"
        command = ("/opt/lab/build.sh", image.name, image.reference, store, *loads)
        inside = namespace.enter(settings, BUILDER)
        log = settings.cache / "logs" / f"image-{image.name}.log"
        run_long(image.reference, [*inside, *command], log)

    return make


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
