"""The Celery application. Tasks get the id of the request that started them."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

import celery
import structlog
from celery import Celery, signals
from celery.loaders.app import AppLoader
from django.db import connection

from common import database_clock, database_errors
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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            if not database_errors.is_unavailable(error):
                raise
            log.warning("the database is unavailable; the task waits", error=str(error))
            connection.close()
            raise self.retry(exc=error, countdown=RETRY, max_retries=None) from error


app = Application("grps", loader="grps_site.celery:Loader", task_cls=Task)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Prevent Celery from configuring logging. Any receiver of this signal does."""


@signals.before_task_publish.connect
def send_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id and headers is not None:
        headers["request_id"] = request_id


@signals.task_prerun.connect
def bind_request_id(task: Any = None, task_id: str = "", **_: Any) -> None:
    structlog.contextvars.clear_contextvars()
    request_id = getattr(task.request, "request_id", None) or f"task-{task_id}"
    structlog.contextvars.bind_contextvars(request_id=request_id, task=task.name)


@signals.task_prerun.connect
def check_connection(**_: Any) -> None:
    reconnecting.connect_patiently()


@signals.task_postrun.connect
def unbind_request_id(**_: Any) -> None:
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
