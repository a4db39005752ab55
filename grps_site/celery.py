"""The Celery application. Tasks get the ids of the request that started them."""

import atexit
import datetime as dt
import logging
import os
from pathlib import Path
from typing import Any

import celery.apps.worker
import structlog
from celery import Celery, signals
from celery.loaders.app import AppLoader
from django.db import connection

from common import database_clock, database_errors, tracing
from grps_site.ops import pooling, reconnecting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grps_site.settings")

RETRY = 5  # seconds until a task asks again for an unavailable database
log = structlog.get_logger("grps.tasks")
LIVENESS_FILE = os.environ.get("LIVENESS_FILE")  # set by deploy/role.py


class Loader(AppLoader):
    """Check the database's pool before a worker or beat does anything."""

    def on_worker_init(self) -> None:
        pooling.refuse_mixed_statements()


class Application(Celery):
    def now(self) -> dt.datetime:
        """Return the database's time, from which delays and expiries are counted."""
        return database_clock.now()


class Task(celery.Task):  # type: ignore[type-arg]
    """A task that waits for an unavailable database until it expires, and does not fail."""

    Request = "grps_site.task_requests:Request"
    max_retries = None  # by default 3, after which the task would fail

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            if not database_errors.is_unavailable(error):
                raise
            log.warning("the database is unavailable; the task waits", error=str(error))
            connection.close()
            raise self.retry(exc=error, countdown=RETRY) from error


app = Application("grps", loader="grps_site.celery:Loader", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
OF_TASKS = "task-"  # begins the request ids of tasks that no request started

log = structlog.get_logger("grps.celery")

# Celery writes "Warm shutdown" as plain text into the log. `worker_stops` logs it.
celery.apps.worker.safe_say = lambda *_, **__: None  # type: ignore[attr-defined]


@signals.setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Prevent Celery from configuring logging. Any receiver of this signal does."""


@signals.worker_ready.connect
def worker_starts(sender: Any = None, **_: Any) -> None:
    log.info("worker is ready", hostname=sender.hostname)
    _start_exporter()


@signals.worker_shutting_down.connect
def worker_stops(how: str = "", **_: Any) -> None:
    """Log the stop at the end. This runs in a signal handler, which must not take a lock."""
    atexit.register(log.info, "worker has stopped", how=how)


@signals.beat_init.connect
def beat_starts(**_: Any) -> None:
    log.info("beat starts")
    atexit.register(log.info, "beat has stopped")
    _start_exporter()


def _start_exporter() -> None:
    from grps_site.ops import exporter

    exporter.start_if_configured()


@signals.before_task_publish.connect
def send_ids(headers: dict[str, Any] | None = None, **_: Any) -> None:
    ids = tracing.headers()
    if ids and headers is not None:
        headers |= {"request_id": ids["X-Request-ID"], "traceparent": ids["traceparent"]}


@signals.task_prerun.connect
def bind_ids(task: Any = None, task_id: str = "", **_: Any) -> None:
    request = task.request
    request_id = getattr(request, "request_id", None) or f"{OF_TASKS}{task_id}"
    tracing.bind(request_id, getattr(request, "traceparent", None) or "")
    structlog.contextvars.bind_contextvars(task=task.name)


@signals.task_prerun.connect
def check_connection(**_: Any) -> None:
    reconnecting.connect_patiently()


@signals.task_postrun.connect
def log_end(state: str = "", **_: Any) -> None:
    """Log the end of a task. Periodic ones run too often for more than LOG_LEVEL=DEBUG."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    is_periodic = request_id.startswith(OF_TASKS)
    log.log(logging.DEBUG if is_periodic else logging.INFO, "task ended", state=state)
    structlog.contextvars.clear_contextvars()


@signals.heartbeat_sent.connect
@signals.before_task_publish.connect(sender="grps_site.heartbeat")
def note_liveness(**_: Any) -> None:
    """Touch the file that `deploy.healthcheck` reads.

    A worker sends heartbeats to the broker while its main process works, also when another worker
    gets the task `grps_site.heartbeat`. Beat publishes that task.
    """
    if LIVENESS_FILE:
        Path(LIVENESS_FILE).touch()
