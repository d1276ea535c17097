"""What deploys did: each is a mark in every panel."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import panels
from dashboards.overview import P99
from dashboards.panels import lines, number, states


def dashboard() -> Dashboard:
    """Nautilus: deploys."""
    about = "What was different after a deploy; each one is a mark in every panel"
    it = panels.dashboard("nautilus-deploys", "Nautilus: deploys", about)
    for panel in (
        number(
            "Last deploy",
            "dateTimeFromNow",
            "drydock_deploy_last_timestamp_seconds * 1000",
            about="When a deploy or a rollback last ended well",
        ),
        number(
            "Deploys in this time",
            "short",
            "changes(drydock_deploy_last_timestamp_seconds[$__range])",
        ),
        number(
            "Restarts in this time",
            "short",
            "sum(increase(drydock_container_restarts[$__range]))",
            about="By the daemon, of containers that ended by themselves",
            marks={1: "orange"},
        ),
        number(
            "Last backup",
            "dateTimeFromNow",
            "drydock_backup_last_success_timestamp_seconds * 1000",
        ),
    ):
        it.with_panel(panel)
    it.with_panel(
        states(
            "Health of each service",
            {"{{service}}": "drydock_container_healthy"},
            {"1": ("healthy", "green"), "0": ("not healthy", "red")},
        ).height(12)
    )
    for lines_of in (
        lines("Slowest hundredth of the requests", "s", {"{{service}}": P99}),
        lines("Memory", "bytes", {"{{service}}": "drydock_container_memory_bytes"}),
        lines("Restarts", "short", {"{{service}}": "drydock_container_restarts"}),
    ):
        it.with_panel(lines_of)
    return it
