"""Run a service: its code is loaded once, then forked into the workers, on one socket."""

import gc
from typing import Any, ClassVar

from fastapi import FastAPI
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from prometheus_client import multiprocess
from typing_extensions import override
from uvicorn_worker import UvicornWorker

from nautilus.frame.app import create_app
from nautilus.frame.service import Service
from nautilus.frame.threads import ThreadPlan

STOP_TIMEOUT_S = 8
# A worker whose event loop is stuck for so long is replaced.
STUCK_TIMEOUT_S = 60


class ServiceWorker(UvicornWorker):
    """Uvicorn with its quick parts, and no line in the log for a request or a connection."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "http": "httptools",
        "lifespan": "on",
        "access_log": False,
        # Of each websocket it would write that it opened and that it closed.
        "log_level": "warning",
    }


class Supervisor(BaseApplication):
    """Gunicorn, configured for one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        super().__init__()

    @override
    def load_config(self) -> None:
        settings = self._service.settings
        options: dict[str, Any] = {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.workers,
            "worker_class": ServiceWorker,
            "preload_app": True,
            "timeout": STUCK_TIMEOUT_S,
            # Nobody talks to the supervisor, and its socket would need a writable home.
            "control_socket_disable": True,
            "graceful_timeout": STOP_TIMEOUT_S,
            "proc_name": f"nautilus-{settings.service}",
            "pre_fork": self._choose_row,
            "post_fork": self._settle,
            "child_exit": _forget,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    @override
    def load(self) -> FastAPI:
        return create_app(self._service)

    def _choose_row(self, arbiter: Arbiter, worker: Worker) -> None:
        taken = {other.shared_row for other in arbiter.WORKERS.values()}
        worker.shared_row = next(row for row in range(len(taken) + 1) if row not in taken)

    def _settle(self, _: Arbiter, worker: Worker) -> None:
        self._service.shared.row = worker.shared_row
        # The affinity may have changed since the supervisor started.
        ThreadPlan.current(self._service.settings.workers).preset()
        # What is loaded by now stays: a request's many small objects make the collector look at all
        # that may be garbage, and each look would take longer than most requests.
        gc.freeze()


def _forget(_: Arbiter, worker: Worker) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def serve(service: Service) -> None:
    """Serve until told to stop."""
    Supervisor(service).run()
