"""The stack that every host runs: Nautilus, a trading platform of 16 services.

This file is the live sample of the stack's data: docs/stack.md says what each key means. CPUs and
memory are what a service may use on the machine of `sized_for`; a smaller one gets them fitted,
but no less memory than the working set, which is at least twice what it was seen to hold idle.
"""

__all__ = ["stack"]

_PROBE = ("python", "-m", "nautilus.probe")
_REDIS = {
    "REDIS_HOST": "redis",
    "REDIS_PORT": "6379",
    "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
}
_DATABASE = "postgres:5432/nautilus"
_BACKUP = {word: ("backup", word) for word in ("save", "check", "load")}
_CODE = (
    "nautilus/nautilus/*.py",
    "nautilus/nautilus/frame",
    "nautilus/nautilus/market",
    "nautilus/nautilus/engines/__init__.py",
)


def _database_role(name):
    """A service's own role in Postgres: it is named as the service, and has its own password."""
    return {
        "DATABASE_URL": f"postgresql://{name}@{_DATABASE}",
        "POSTGRES_PASSWORD_FILE": f"/run/secrets/{name}_database_password",
    }


def _python_service(name, port, needs, secrets=(), **settings):
    """What the nine engines and the backend have in common."""
    own = {"redis": "redis_password", "postgres": f"{name}_database_password"}
    environment = {
        "HOST": "0.0.0.0",
        "PORT": str(port),
        "WORKERS": "{workers}",
        "NAUTILUS_RELEASE": "{release}",
        **(_REDIS if "redis" in needs else {}),
        **(_database_role(name) if "postgres" in needs else {}),
        **settings.pop("environment", {}),
    }
    return {
        "needs": needs,
        "port": port,
        "environment": environment,
        "secrets": (*(own[need] for need in needs), *secrets),
        "health": {"test": _PROBE, "start_interval_s": 0.5},
        "endpoint": "/health",
        "threads": "affinity",
        **settings,
    }


# Of the ml engine's libraries: their tests and sources, ONNX Runtime's library for C, and compiled
# bytecode of what a training alone loads.
_ML_LEAVES_OUT = (
    "onnx/*.cc",
    "onnx/*.h",
    "onnx/*__pycache__",
    "onnx/backend/test",
    "onnxruntime/capi/libonnxruntime.so.*",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "narwhals*__pycache__",
    "skl2onnx*__pycache__",
    "sklearn/*__pycache__",
    "sklearn/*.pxd",
    "sklearn/*.pyx",
    "sklearn/*.tp",
    "sklearn/*tests",
    "sklearn/datasets/data",
    "sklearn/datasets/images",
)


# Of the strategy engine's libraries: pyarrow's clients for Flight and S3, its second names of
# libraries, which a wheel holds as copies, and all tests and sources.
_STRATEGY_LEAVES_OUT = (
    "nautilus_trader/*.pxd",
    "nautilus_trader/*.pyx",
    "pandas/tests",
    "pyarrow/*.pxd",
    "pyarrow/*.pxi",
    "pyarrow/*.pyx",
    "pyarrow/*flight*",
    "pyarrow/*s3*",
    "pyarrow/include",
    "pyarrow/lib*.so.*.*",
    "pyarrow/libarrow_python*.so",
    "pyarrow/src",
    "pyarrow/tests",
)


def _libraries(requirements, leave_out=()):
    """An engine's large libraries, in an image of their own: its code changes without them."""
    said = {"requirements": requirements, "leave_out": " ".join(leave_out)}
    return {
        "dockerfile": "engine-libraries",
        "bases": ("engine-base",),
        "context": (requirements,),
        "arguments": {key: value for key, value in said.items() if value},
    }


def _engine(name, port, needs, base="engine-base", requirements=None, keeps=None, **settings):
    """One of the nine engines: its own image, and cores that the planner chooses.

    `base` is the image with its libraries, `requirements` are small ones in its own image, and
    `keeps` is the directory of a volume that it writes to.
    """
    said = {"requirements": requirements, "keeps": keeps}
    arguments = {key: value for key, value in said.items() if value}
    own = {"arguments": arguments} if arguments else {}
    return {
        "phase": "engines",
        "container_name": f"nautilus-{name}-engine",
        "build": {
            "dockerfile": "engine",
            "bases": (base,),
            "context": (
                *_CODE,
                f"nautilus/nautilus/engines/{name}*",
                *((requirements,) if requirements else ()),
            ),
            **own,
        },
        "pinned": True,
        **_python_service(name, port, needs, **settings),
    }


_ENGINES = {
    "risk": _engine(
        "risk",
        8200,
        ("redis", "postgres"),
        cpus=1.0,
        memory="2 GiB",
        working_set="256 MiB",
        workers=2,
        dedicated=True,
        latency_class="latency",
    ),
    "marketdata": _engine(
        "marketdata",
        8800,
        ("redis", "postgres"),
        keeps="/archive",
        cpus=2.0,
        memory="4 GiB",
        working_set="256 MiB",
        latency_class="latency",
        volumes={"marketdata-archive": "/archive"},
        backup={
            "save": ("tar", "-C", "/archive", "--exclude=*.draft", "-cf", "-", "."),
            "check": ("tar", "-tf", "-"),
            "load": ("tar", "-C", "/archive", "-xf", "-"),
        },
        # Days of ticks in the database; older ones are in the archive alone.
        environment={"ARCHIVE_DIRECTORY": "/archive", "TICKS_KEPT_DAYS": "7"},
    ),
    "websocket": _engine(
        "websocket",
        8600,
        ("redis",),
        cpus=1.0,
        memory="3 GiB",
        working_set="192 MiB",
        latency_class="latency",
    ),
    "analytics": _engine(
        "analytics",
        8100,
        ("redis", "postgres"),
        cpus=3.0,
        memory="6 GiB",
        working_set="384 MiB",
        workers=4,
    ),
    "features": _engine(
        "features", 8500, ("redis",), cpus=2.0, memory="6 GiB", working_set="256 MiB"
    ),
    "ml": _engine(
        "ml",
        8400,
        ("redis",),
        base="ml-libraries",
        environment={"BATCH_ROWS": "1024", "BATCH_WAIT_MS": "2"},
        cpus=3.0,
        memory="10 GiB",
        working_set="512 MiB",
    ),
    "factor": _engine(
        "factor", 8300, ("redis",), cpus=4.0, memory="12 GiB", working_set="512 MiB", workers=6
    ),
    "strategy": _engine(
        "strategy",
        8700,
        ("redis", "postgres"),
        base="strategy-libraries",
        # nautilus_trader's x86-64 libraries ask for an executable stack, which glibc 2.41 and later
        # refuses to a library that is loaded late; this asks for it when the process starts.
        environment={"GLIBC_TUNABLES": "glibc.rtld.execstack=2"},
        cpus=1.5,
        memory="4 GiB",
        working_set="256 MiB",
    ),
    "portfolio": _engine(
        "portfolio",
        8900,
        ("redis", "postgres"),
        requirements="nautilus/requirements/portfolio.txt",
        cpus=3.0,
        memory="12 GiB",
        working_set="512 MiB",
    ),
}

# Engines that log in to Postgres → the secret that each does it with.
_ROLE_SECRETS = {
    name: f"{name}_database_password" for name, it in _ENGINES.items() if "postgres" in it["needs"]
}

# Where the backend calls the engines: nginx leads calls to a stand-in while one is replaced.
_CALLED = {name: f"http://nginx:{engine['port']}" for name, engine in _ENGINES.items()}

# Whom the backend asks for their state; it reports Postgres, Redis and itself of its own.
_WATCHED = {
    **{name: f"http://{name}:{engine['port']}/health" for name, engine in _ENGINES.items()},
    "prometheus": "http://prometheus:9090/-/healthy",
    "grafana": "http://grafana:3000/api/health",
    "frontend": "http://frontend:3000/",
    "nginx": "http://nginx:8080/nginx-health",
}

_DASHBOARDS = "/etc/grafana/dashboards"

# How often Prometheus asks every service: some 20 answers of a few hundred lines.
_SCRAPE_INTERVAL_S = 10

stack = {
    "name": "nautilus",
    "sized_for": {"cpus": 14, "memory": "36 GiB"},
    "overcommit": True,  # as it was first deployed: no two engines fill their limits together
    "bases": {
        "python": "python:3.13-slim-trixie",
        "node": "node:24-trixie-slim",
        "timescaledb": "timescale/timescaledb:2.19.3-pg17",
        "redis": "redis:8.0",
        "nginx": "nginx:1.26",
        "prometheus": "prom/prometheus:v2.53.3",
        "alertmanager": "prom/alertmanager:v0.28.1",
        "grafana": "grafana/grafana:12.0.2",
    },
    "images": {
        "engine-base": {
            "dockerfile": "engine-base",
            "bases": ("python",),
            "context": ("nautilus/requirements/base.txt",),
        },
        "ml-libraries": _libraries("nautilus/requirements/ml.txt", _ML_LEAVES_OUT),
        "strategy-libraries": _libraries(
            "nautilus/requirements/strategy.txt", _STRATEGY_LEAVES_OUT
        ),
    },
    "services": {
        "postgres": {
            "phase": "infrastructure",
            "build": {
                "dockerfile": "postgres",
                "bases": ("timescaledb",),
                "rendered": {
                    "postgresql.conf": "postgres/postgresql.conf.j2",
                    "pg_hba.conf": "postgres/pg_hba.conf.j2",
                    "pg_ident.conf": "postgres/pg_ident.conf.j2",
                    "start-sized": "postgres/start-sized.j2",
                    "owner-login.sh": "postgres/owner-login.j2",
                    "rotate-login": "postgres/rotate-login.j2",
                    "backup": "postgres/backup.j2",
                },
                "arguments": {"max_connections": 200},
            },
            "cpus": 2,
            "memory": "8 GiB",
            "working_set": "512 MiB",
            "shared_memory": "256 MiB",
            "port": 5432,
            "environment": {
                "POSTGRES_USER": "nautilus",
                "POSTGRES_DB": "nautilus",
                "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
            },
            "secrets": ("postgres_password",),
            "rotate": {
                "postgres_password": ("rotate-login", "nautilus"),
                "backend_database_password": ("rotate-login", "backend"),
                **{secret: ("rotate-login", role) for role, secret in _ROLE_SECRETS.items()},
            },
            "volumes": {"postgres-data": "/var/lib/postgresql/data"},
            "backup": {**_BACKUP, "load_while": "running"},
            "tmpfs": ("/tmp", "/var/run/postgresql"),
            "health": {
                "test": ("pg_isready", "-q", "-h", "127.0.0.1", "-U", "nautilus"),
                "start_interval_s": 0.5,
            },
            "latency_class": "latency",
            "sized_at_start": True,
            "stop_grace_s": 60,
        },
        "redis": {
            "phase": "infrastructure",
            "build": {
                "dockerfile": "redis",
                "bases": ("redis",),
                "rendered": {
                    "redis.conf": "redis/redis.conf.j2",
                    "start-sized": "redis/start-sized.j2",
                    "healthy": "redis/healthy.j2",
                    "rotate-login": "redis/rotate-login.j2",
                    "backup": "redis/backup.j2",
                },
            },
            "cpus": 0.5,
            "memory": "1 GiB",
            "working_set": "128 MiB",
            "port": 6379,
            "environment": {"REDIS_PASSWORD_FILE": "/run/secrets/redis_password"},
            "secrets": ("redis_password",),
            "rotate": {"redis_password": ("rotate-login",)},
            "volumes": {"redis-data": "/data"},
            "backup": _BACKUP,
            "health": {"test": ("healthy",), "start_interval_s": 0.5},
            "latency_class": "latency",
            "sized_at_start": True,
            "stop_grace_s": 30,
        },
        "backend": {
            "phase": "core",
            "build": {
                "dockerfile": "engine",
                "bases": ("engine-base",),
                "context": (
                    *_CODE,
                    "nautilus/nautilus/backend",
                    "nautilus/requirements/backend.txt",
                ),
                "arguments": {"requirements": "nautilus/requirements/backend.txt"},
            },
            "cpus": 2,
            "memory": "4 GiB",
            "working_set": "192 MiB",
            "page": "Backend API",
            "latency_class": "latency",
            **_python_service(
                "backend",
                8001,
                ("postgres", "redis"),
                # It makes the schema and the roles, so it has the owner's password and all others.
                secrets=("postgres_password", *_ROLE_SECRETS.values()),
                environment={
                    "SERVICES": ",".join(f"{k}={v}" for k, v in _WATCHED.items()),
                    "ENGINES": ",".join(f"{k}={v}" for k, v in _CALLED.items()),
                    "OWNER_DATABASE_URL": f"postgresql://nautilus@{_DATABASE}",
                    "OWNER_PASSWORD_FILE": "/run/secrets/postgres_password",
                    "ROLES_DIRECTORY": "/run/secrets",
                    "JOB_RETENTION_DAYS": "30",
                },
            ),
        },
        "prometheus": {
            "phase": "core",
            "build": {
                "dockerfile": "prometheus",
                "bases": ("prometheus",),
                "rendered": {
                    "prometheus.yml": "prometheus/prometheus.yml.j2",
                    "alerts.yml": "prometheus/alerts.yml.j2",
                },
                "arguments": {"scrape_interval_s": _SCRAPE_INTERVAL_S},
            },
            "cpus": 0.5,
            "memory": "2 GiB",
            "working_set": "256 MiB",
            "port": 9090,
            "page": "Prometheus",
            "volumes": {"prometheus-data": "/prometheus"},
            "health": {
                "test": ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9090/-/healthy"),
                "start_interval_s": 0.5,
            },
        },
        "alertmanager": {
            "phase": "core",
            "when": "alert_webhook",
            "build": {
                "dockerfile": "alertmanager",
                "bases": ("alertmanager",),
                "rendered": {"alertmanager.yml": "alertmanager/alertmanager.yml.j2"},
                # webhook, for what takes Alertmanager's own JSON, or slack.
                "arguments": {"receiver": "webhook", "group_wait_s": 10},
            },
            "cpus": 0.1,
            "memory": "128 MiB",
            "working_set": "64 MiB",
            "port": 9093,
            "page": "Alertmanager",
            "secrets": ("alert_webhook",),
            "volumes": {"alertmanager-data": "/alertmanager"},
            "health": {
                "test": ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9093/-/healthy"),
                "start_interval_s": 0.5,
            },
        },
        "grafana": {
            "phase": "core",
            "build": {
                "dockerfile": "grafana",
                "bases": ("grafana",),
                "context": ("templates/grafana/dashboards/*.json",),
                "rendered": {
                    "datasources.yml": "grafana/datasources.yml.j2",
                    "dashboards.yml": "grafana/dashboards.yml.j2",
                },
            },
            "needs": ("prometheus",),
            "cpus": 0.5,
            "memory": "1 GiB",
            "working_set": "256 MiB",
            "port": 3000,
            "host_port": 3002,
            "page": "Grafana",
            "environment": {
                # Grafana's own words: its image's __FILE would put the value into its environment.
                "GF_SECURITY_ADMIN_PASSWORD": "$__file{/run/secrets/grafana_admin_password}",
                "GF_AUTH_ANONYMOUS_ENABLED": "false",
                "GF_USERS_ALLOW_SIGN_UP": "false",
                "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{_DASHBOARDS}/overview.json",
                "GF_ANALYTICS_REPORTING_ENABLED": "false",
                "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                "GF_LOG_MODE": "console",
            },
            "secrets": ("grafana_admin_password",),
            "volumes": {"grafana-data": "/var/lib/grafana"},
            "health": {
                "test": ("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"),
                "start_interval_s": 0.5,
            },
        },
        **_ENGINES,
        "frontend": {
            "phase": "frontend",
            "build": {
                "dockerfile": "frontend",
                "bases": ("node", "nginx"),
                "context": (
                    "nautilus/frontend/*.json",
                    "nautilus/frontend/*.ts",
                    "nautilus/frontend/*.html",
                    "nautilus/frontend/.npmrc",
                    "nautilus/frontend/public",
                    "nautilus/frontend/src",
                ),
                "rendered": {"nginx.conf": "nginx/page.conf.j2"},
            },
            "needs": ("backend",),
            "cpus": 1,
            "memory": "2 GiB",
            "working_set": "32 MiB",
            "port": 3000,
            "page": "Frontend",
            "health": {
                "test": ("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:3000/"),
                "start_interval_s": 0.5,
            },
        },
        "nginx": {
            "phase": "frontend",
            "build": {
                "dockerfile": "nginx",
                "bases": ("nginx",),
                "rendered": {
                    "nginx.conf": "nginx/balancer.conf.j2",
                    "away.html": "nginx/away.html.j2",
                    "lead": "nginx/lead.j2",
                },
                # Of one client: what it may ask a second, ask at once, and hold open. Behind a
                # published port all clients have one address.
                "arguments": {
                    "port": 8080,
                    "requests_per_second": 200,
                    "burst": 400,
                    "connections": 2000,
                    "monitor_port": 9100,
                },
            },
            # metrics.prom of the monitor that runs on the host itself.
            "host_directories": {"monitor": "/srv/monitor"},
            "needs": ("frontend", "backend"),
            "cpus": 0.5,
            "memory": "512 MiB",
            "working_set": "64 MiB",
            "port": 8080,
            "host_port": 80,
            "page": "Nautilus, through nginx",
            "routes": {
                "services": ("backend", "frontend", *_ENGINES),
                "lead": ("lead", "{service}", "{host}"),
            },
            "health": {
                "test": ("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/nginx-health"),
                "start_interval_s": 0.5,
            },
            "latency_class": "latency",
        },
    },
}
