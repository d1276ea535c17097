"""One engine, chosen at the top."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, QueryVariable, Row
from grafana_foundation_sdk.models.dashboard import VariableRefresh, VariableSort

from dashboards import panels
from dashboards.panels import ASKED, PROMETHEUS, lines, number

ENGINE = 'service="$service"'
RATE = f"rate(nautilus_request_seconds_count{{{ENGINE},{ASKED}}}[$__rate_interval])"
COUNTS = f'{{__name__=~"nautilus_.+",__name__!~"nautilus_request_.+",{ENGINE}}}'
BUCKETS = f"nautilus_request_seconds_bucket{{{ENGINE},{ASKED}}}"


def slowest(part: float, by: str = "") -> str:
    """PromQL: how long all requests but a part of them took at most."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({BUCKETS}[$__rate_interval])))"


def dashboard() -> Dashboard:
    """Nautilus: one engine."""
    it = panels.dashboard("nautilus-engine", "Nautilus: one engine", "One engine in detail")
    it.with_variable(
        QueryVariable("service")
        .label("Engine")
        .datasource(PROMETHEUS)
        .query('label_values(up{job="nautilus",service!="backend"}, service)')
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    for panel in (
        number(
            "Answers",
            "short",
            f'up{{job="nautilus",{ENGINE}}}',
            words={"1": "yes", "0": "no"},
            marks={0: "red", 1: "green"},
        ),
        number(
            "Healthy",
            "short",
            f"drydock_container_healthy{{{ENGINE}}}",
            words={"1": "yes", "0": "no"},
            marks={0: "red", 1: "green"},
        ),
        number(
            "Restarts",
            "short",
            f"drydock_container_restarts{{{ENGINE}}}",
            about="By the daemon, since the container was made",
            marks={1: "orange"},
        ),
        number(
            "CPU, of its limit",
            "percentunit",
            f"drydock_container_cpu_ratio{{{ENGINE}}}",
            marks={0.8: "orange", 0.95: "red"},
        ),
        number(
            "Memory, of its limit",
            "percentunit",
            f"drydock_container_memory_bytes{{{ENGINE}}}"
            f" / drydock_container_memory_limit_bytes{{{ENGINE}}}",
            marks={0.8: "orange", 0.9: "red"},
        ),
        number(
            "Slowest hundredth",
            "s",
            slowest(0.99),
            marks={1: "orange"},
        ),
    ):
        it.with_panel(panel)
    it.with_row(Row("Requests, without health checks and scrapes"))
    for lines_of in (
        lines(
            "Requests a second",
            "reqps",
            {"{{method}} {{route}}": f"sum by (method, route) ({RATE})"},
        ),
        lines(
            "Answers a second, by status",
            "reqps",
            {"{{status}}": f"sum by (status) ({RATE})"},
        ),
        lines(
            "Time to an answer",
            "s",
            {"half": slowest(0.5), "95 of 100": slowest(0.95), "99 of 100": slowest(0.99)},
        ),
        lines("Slowest hundredth, by route", "s", {"{{route}}": slowest(0.99, "route")}),
    ):
        it.with_panel(lines_of)
    it.with_row(Row("Its container, and what it counts"))
    for lines_of in (
        lines(
            "CPU, of its limit",
            "percentunit",
            {"CPU": f"drydock_container_cpu_ratio{{{ENGINE}}}"},
        ),
        lines(
            "Memory",
            "bytes",
            {
                "used": f"drydock_container_memory_bytes{{{ENGINE}}}",
                "limit": f"drydock_container_memory_limit_bytes{{{ENGINE}}}",
            },
        ),
        lines(
            "What it counts, since it started",
            "short",
            {"{{__name__}}": COUNTS},
        ),
    ):
        it.with_panel(lines_of)
    return it
