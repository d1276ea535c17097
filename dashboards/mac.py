"""The Mac below the stack: heat, and who uses its cores and memory."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from dashboards import panels
from dashboards.panels import bars, lines, number, states

ON_CORES = "drydock_container_cpus * on (service) group_left (cores) drydock_container_cores"
SPREAD = "By services with a cpuset, each spread evenly over its cores, which are the VM's"
MEMORY_RATIO = "drydock_container_memory_bytes / drydock_container_memory_limit_bytes"
PRESSURE = {
    "0": ("none reported", "green"),
    "1": ("moderate", "yellow"),
    "2": ("heavy", "orange"),
    "3": ("trapping", "red"),
    "4": ("sleeping", "dark-red"),
}


def dashboard() -> Dashboard:
    """Nautilus: Mac, heat and cores."""
    about = "What the monitor on the Mac measures, once a minute"
    it = panels.dashboard("nautilus-mac", "Nautilus: Mac, heat and cores", about)
    words = {value: word for value, (word, _) in PRESSURE.items()}
    for panel in (
        number(
            "Thermal pressure",
            "short",
            "drydock_thermal_pressure_level",
            words=words,
            marks={1: "orange", 2: "red"},
        ),
        number(
            "Highest in this time",
            "short",
            "max_over_time(drydock_thermal_pressure_level[$__range])",
            words=words,
            marks={1: "orange", 2: "red"},
        ),
        number(
            "Containers' memory, of the VM",
            "percentunit",
            "sum(drydock_container_memory_bytes) / scalar(drydock_vm_memory_bytes)",
            marks={0.8: "orange", 0.9: "red"},
        ),
        number("Memory of the VM", "bytes", "drydock_vm_memory_bytes"),
        number(
            "Free on the disk",
            "bytes",
            "drydock_disk_free_bytes",
            marks={0: "red", 10 * 2**30: "green"},
        ),
        number(
            "Measured",
            "s",
            "time() - drydock_monitor_last_run_timestamp_seconds",
            about="How long ago",
            marks={300: "red"},
        ),
    ):
        it.with_panel(panel)
    it.with_panel(
        states(
            "Heat",
            {"thermal pressure": "drydock_thermal_pressure_level"},
            PRESSURE,
            about="0 is also what a Mac says that reports no pressure",
        ).height(4)
    )
    it.with_row(Row("Cores"))
    for lines_of in (
        lines("CPUs used, by core", "short", {"core {{core}}": "drydock_core_cpus"}, about=SPREAD),
        lines(
            "CPUs that may be used, by core",
            "short",
            {"core {{core}}": "drydock_core_limit_cpus"},
            about=SPREAD,
        ),
        lines("CPUs used, by cpuset", "short", {"{{service}} on {{cores}}": ON_CORES}),
    ):
        it.with_panel(lines_of)
    it.with_row(Row("CPU and memory, by service"))
    for panel_of in (
        bars("CPU, of its limit", "percentunit", {"{{service}}": "drydock_container_cpu_ratio"}),
        bars("Memory, of its limit", "percentunit", {"{{service}}": MEMORY_RATIO}),
    ):
        it.with_panel(panel_of)
    for lines_of in (
        lines("CPU, of its limit", "percentunit", {"{{service}}": "drydock_container_cpu_ratio"}),
        lines("CPUs used", "short", {"{{service}}": "drydock_container_cpus"}),
        lines("Memory", "bytes", {"{{service}}": "drydock_container_memory_bytes"}),
        lines("Free on the disk", "bytes", {"free": "drydock_disk_free_bytes"}),
    ):
        it.with_panel(lines_of)
    return it
