"""The whole stack at a glance."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards import panels
from dashboards.panels import ASKED, lines, number

COUNT = "nautilus_request_seconds_count"
ERRORS = f'{ASKED},status=~"5.."'
ALL = f"sum by (service) (rate({COUNT}{{{ASKED}}}[$__rate_interval]))"
FAILED = f"sum by (service) (rate({COUNT}{{{ERRORS}}}[$__rate_interval]))"
P99 = (
    "histogram_quantile(0.99, sum by (service, le) "
    f"(rate(nautilus_request_seconds_bucket{{{ASKED}}}[$__rate_interval])))"
)
READ, HIT = (f"rate(pg_stat_database_blks_{it}[$__rate_interval])" for it in ("read", "hit"))
COMMITTED = "rate(pg_stat_database_xact_commit[$__rate_interval])"
ROLLED_BACK = "rate(pg_stat_database_xact_rollback[$__rate_interval])"
PRESSURE = {"0": "none reported", "1": "moderate", "2": "heavy", "3": "trapping", "4": "sleeping"}


def dashboard() -> Dashboard:
    """Nautilus: overview."""
    it = panels.dashboard("nautilus-overview", "Nautilus: overview", "The stack at a glance")
    for panel in (
        number(
            "Endpoints that answer",
            "short",
            'sum(up{job="nautilus"})',
            about="Of the nine engines and the backend",
        ),
        number(
            "Alerts that fire",
            "short",
            'count(ALERTS{alertstate="firing"}) or vector(0)',
            marks={1: "red"},
        ),
        number(
            "Thermal pressure",
            "short",
            "drydock_thermal_pressure_level",
            words=PRESSURE,
            marks={1: "orange", 2: "red"},
        ),
        number(
            "Healthy containers",
            "short",
            "sum(drydock_container_healthy)",
        ),
        number(
            "Free on the disk",
            "bytes",
            "drydock_disk_free_bytes",
            marks={0: "red", 10 * 2**30: "green"},
        ),
        number("Since the last deploy", "s", "time() - drydock_deploy_last_timestamp_seconds"),
    ):
        it.with_panel(panel)
    it.with_row(Row("Requests, without health checks and scrapes"))
    for lines_of in (
        lines("Requests a second", "reqps", {"{{service}}": ALL}),
        lines("Slowest hundredth", "s", {"{{service}}": P99}),
        lines(
            "Failed, of all",
            "percentunit",
            {"{{service}}": f"({FAILED} or {ALL} * 0) / {ALL}"},
            about="Answers with a status of 500 or more",
            most=1,
        ),
    ):
        it.with_panel(lines_of)
    it.with_row(Row("Postgres and Redis"))
    for lines_of in (
        lines(
            "Connections and clients",
            "short",
            {
                "Postgres": "pg_stat_database_numbackends",
                "Postgres at most": "pg_settings_max_connections",
                "Redis": "redis_connected_clients",
            },
        ),
        lines(
            "Work a second",
            "ops",
            {
                "transactions committed": COMMITTED,
                "transactions rolled back": ROLLED_BACK,
                "Redis commands": "rate(redis_commands_processed_total[$__rate_interval])",
            },
        ),
        lines(
            "Memory and disk",
            "bytes",
            {
                "Redis": "redis_memory_used_bytes",
                "Redis at most": "redis_memory_max_bytes",
                "database on disk": "pg_database_size_bytes",
            },
        ),
        lines(
            "Read from memory, of all reads",
            "percentunit",
            {"Postgres": f"{HIT} / ({HIT} + {READ})"},
            about="Blocks that Postgres had in its buffers",
            most=1,
        ),
    ):
        it.with_panel(lines_of)
    return it
