"""A report of the demo, as a run on a Mac would make it."""

from stack.model import Finding
from stack.report.measured import Answer, Row, Span, Timeline, Usage
from stack.report.model import About, Mac, Place, Report, Service, ShownMap
from tests.demo import GIB, STACK, demo_host

LEVELS = (("Performance", 3), ("Efficiency", 1))
STARTS = (
    Span("start", "store", 10.0, 12.0, "healthy"),
    Span("start", "risk", 12.0, 13.5, "healthy"),
    Span("start", "page", 13.5, 14.0, "healthy"),
)
WORK = (
    Span("pull", "redis:8.0", 1.0, 4.0, "pulled"),
    Span("build", "risk", 4.0, 8.25, "built"),
    Span("step", "Build images", 4.0, 8.5, "done"),
)


def row(service="risk", **fields) -> Row:
    return Row(
        **{
            "service": service,
            "image": f"demo-{service}:m4max 0123456789ab",
            "cores": "0-1",
            "usage": Usage(12.34, GIB // 2, 2 * GIB, 0.25),
            "health": "healthy",
            "answer": None,
            "seconds_to_healthy": None,
            **fields,
        }
    )


def service(name, found=None, **fields) -> Service:
    said = STACK["services"][name]
    return Service(
        **{
            "name": name,
            "phase": said["phase"],
            "needs": said.get("needs", ()),
            "found": found or row(name),
            "place": Place(cpuset=said.get("cpuset"), cpus=said["cpus"], memory_bytes=GIB),
            "reservation_bytes": GIB // 2,
            "running_since": "2026-01-02 03:04:05 UTC",
            "restarts": 0,
            **fields,
        }
    )


def demo_report(**fields) -> Report:
    """A run in which all is well, with fields laid over it."""
    host = demo_host()
    answer = Answer("http://127.0.0.1:8200/health", None, 4.4)
    services = (
        service("store"),
        service("risk", row("risk", answer=answer)),
        service("page", page="The page", address="http://127.0.0.1:80"),
    )
    runs = ShownMap(
        title="What runs",
        source="read from the containers, in this run",
        cpus=4,
        services={each.name: each.place for each in services},
        levels=LEVELS,
        core_loads=(1.0, 1.0, 0.0, 0.0),
    )
    return Report(
        **{
            "about": About(
                host="mac1",
                stack="demo",
                release="0123456789ab",
                tag="m4max",
                made_at="2026-01-02 03:04:15 UTC",
                who="anna@desk",
                took_s=14.5,
            ),
            "mac": Mac(
                chip=host.chip,
                system="macOS 15.5",
                runtime="docker-desktop",
                docker_version="28.3.2",
                daemon=host.daemon,
            ),
            "services": services,
            "maps": (runs,),
            "timeline": Timeline(began_at="2026-01-02 03:04:00 UTC", spans=(*WORK, *STARTS)),
            "timeline_is_now": True,
            "changes": ("risk: memory 2 GiB → 3 GiB, applied live",),
            "findings": (Finding(code="x", severity="info", message="core 3 carries none"),),
            "problems": (),
            **fields,
        }
    )
