"""A stack of one service: the registry that Macs share images through (docs/rollout.md)."""

stack = {
    "name": "images",
    "sized_for": {"cpus": 1, "memory": "1 GiB"},
    "bases": {"registry": "registry:2.8.3"},
    "services": {
        "registry": {
            "phase": "infrastructure",
            "build": {
                "dockerfile": "registry",
                "bases": ("registry",),
                "rendered": {"registry.yml": "registry/registry.yml.j2"},
            },
            "cpus": 1.0,
            "memory": "256 MiB",
            "port": 5000,
            # macOS' AirPlay receiver listens on 5000.
            "host_port": 5050,
            "volumes": {"data": "/var/lib/registry"},
            "health": {"test": ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/v2/")},
        },
    },
}
