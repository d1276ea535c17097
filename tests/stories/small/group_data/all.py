"""A small stack of four services, to try what happens to any stack in seconds."""

_OFTEN = {"interval_s": 3, "start_interval_s": 0.2}

stack = {
    "name": "harbour",
    "sized_for": {"cpus": 2, "memory": "1 GiB"},
    "bases": {
        "python": "python:3.13-slim-trixie",
        "nginx": "nginx:1.26",
        "alertmanager": "prom/alertmanager:v0.28.1",
    },
    "services": {
        "store": {
            "phase": "infrastructure",
            "image": "redis:8.0",
            "command": ("redis-server", "--save", "", "--dir", "/tmp"),
            "cpus": 0.2,
            "memory": "64 MiB",
            "volumes": {"store-data": "/data"},
            "user": "redis",
            "health": {"test": ("redis-cli", "ping"), **_OFTEN},
        },
        "tide": {
            "phase": "core",
            "build": {"dockerfile": "tide", "bases": ("python",), "context": ("src/tide.py",)},
            "needs": ("store",),
            "cpus": 0.3,
            "memory": "96 MiB",
            "port": 18001,
            "endpoint": "/health",
            "environment": {
                "PORT": "18001",
                "RELEASE": "{release}",
                "GREETING": "high water",
                "TOKEN_FILE": "/run/secrets/tide_token",
            },
            "secrets": ("tide_token",),
            "health": {"test": ("python3", "/srv/tide.py", "check"), **_OFTEN},
        },
        "pilot": {
            "phase": "engines",
            "build": {"dockerfile": "tide", "bases": ("python",), "context": ("src/tide.py",)},
            "needs": ("store",),
            "cpus": 0.3,
            "memory": "96 MiB",
            "cpuset": "0",
            "environment": {"PORT": "18002", "RELEASE": "{release}"},
            "health": {"test": ("python3", "/srv/tide.py", "check"), **_OFTEN},
        },
        "bell": {
            "phase": "core",
            "when": "alert_webhook",
            "build": {
                "dockerfile": "alertmanager",
                "bases": ("alertmanager",),
                "rendered": {"alertmanager.yml": "alertmanager/alertmanager.yml.j2"},
                "arguments": {"receiver": "webhook", "group_wait_s": 0},
            },
            "cpus": 0.2,
            "memory": "64 MiB",
            "port": 9093,
            "host_port": 19093,
            "secrets": ("alert_webhook",),
            "volumes": {"bell-data": "/alertmanager"},
            "health": {
                "test": ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9093/-/healthy"),
                **_OFTEN,
            },
        },
        "gate": {
            "phase": "frontend",
            "build": {
                "dockerfile": "gate",
                "bases": ("nginx",),
                "rendered": {"nginx.conf": "gate/nginx.conf.j2", "lead": "gate/lead.j2"},
                "arguments": {"greeting": "the gate is open"},
            },
            "needs": ("tide",),
            "cpus": 0.2,
            "memory": "64 MiB",
            "port": 8080,
            "host_port": 18080,
            "page": "The gate",
            "routes": {"services": ("tide",), "lead": ("lead", "{service}", "{host}")},
            "health": {
                "test": ("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/"),
                **_OFTEN,
            },
        },
    },
}
