"""The map of the first, hand-made deployment, for a Mac with an M4 Max and 14 CPUs: verbatim.

It contradicts itself, which `make plan` shows: its limits add to more than twice the Mac's memory,
and its cpusets crowd six cores while eight carry none. It is kept as it was run.
"""

chip = "m4max"

core_map = {
    "cpus": 14,
    "services": {
        "postgres": {"cpus": 2, "memory": "8 GiB"},
        "redis": {"cpus": 0.5, "memory": "1 GiB"},
        "backend": {"cpus": 2, "memory": "4 GiB"},
        "prometheus": {"cpus": 0.5, "memory": "2 GiB"},
        "grafana": {"cpus": 0.5, "memory": "1 GiB"},
        "risk": {"cpus": 1, "memory": "2 GiB", "cpuset": "7", "dedicated": True},
        "marketdata": {"cpus": 2, "memory": "4 GiB", "cpuset": "4,5"},
        "websocket": {"cpus": 1, "memory": "3 GiB", "cpuset": "9"},
        "analytics": {"cpus": 3, "memory": "6 GiB", "cpuset": "4-6"},
        "features": {"cpus": 2, "memory": "6 GiB", "cpuset": "5,6"},
        "ml": {"cpus": 3, "memory": "10 GiB", "cpuset": "7,8,9"},
        "factor": {"cpus": 4, "memory": "12 GiB", "cpuset": "4,5,6,8"},
        "strategy": {"cpus": 1.5, "memory": "4 GiB", "cpuset": "8"},
        "portfolio": {"cpus": 3, "memory": "12 GiB", "cpuset": "6,7,8"},
        "frontend": {"cpus": 1, "memory": "2 GiB"},
        "nginx": {"cpus": 0.5, "memory": "0.5 GiB"},
    },
}
