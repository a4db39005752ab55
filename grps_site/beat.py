"""Celery's beat: the database's clock decides what is due, and one beat at a time sends tasks."""

import datetime as dt
import secrets
import time
from typing import Any

import structlog
from django.db import Error, connection
from django.db.models import Q
from django.db.models.functions import Now
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from psycopg.pq import TransactionStatus

from common import database_clock, database_errors, leases
from grps_site.models import BeatLease

LEASE = dt.timedelta(seconds=15)  # a killed beat is replaced after this time
RENEWAL = 5.0  # seconds between two renewals
WAIT = 2.0  # seconds until a beat without the lease, or without a database, tries again
log = structlog.get_logger("grps.beat")


class Entry(ModelEntry):  # type: ignore[misc]
    """A periodic task. A last run in the future, left by a wrong clock, counts as now."""

    last_run_at: dt.datetime

    def __init__(self, model: Any, app: Any = None) -> None:
        super().__init__(model, app)
        self.schedule.nowfun = self._default_now
        now = self._default_now()
        if self.last_run_at > now:
            log.warning("a last run in the future is repaired", task=self.name, at=self.last_run_at)
            self.last_run_at = model.last_run_at = now

    def _default_now(self) -> dt.datetime:
        return database_clock.now().astimezone(getattr(self.schedule, "tz", self.app.timezone))

    default_now = _default_now


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """Sends due tasks while this process holds the lease of beats."""

    Entry = Entry

    def __init__(self, *args: Any, **options: Any) -> None:
        self._lease = secrets.token_hex(16)
        self._holds: bool | None = None  # whether this process holds it, as far as is known
        self._renewed_at = 0.0
        super().__init__(*args, **options)

    def tick(self, *args: Any, **options: Any) -> float:
        """Send one due task; return the seconds until the next call.

        Waits for an unavailable database.
        """
        try:
            if self._holds_lease():
                return float(super().tick(*args, **options))
        except Error as error:
            if not database_errors.is_temporary(error):
                raise
            log.warning("the database is unavailable; beat waits", error=str(error))
            connection.close()
            self._forget()
        return WAIT

    def close(self) -> None:
        """Write the last runs and free the lease for the next beat.

        Celery calls it in its signal handler, and again at its end. The handler may interrupt a
        statement, which then must not wait for another one on the same connection.
        """
        raw = connection.connection
        if raw is not None and raw.lock.locked():
            return
        if raw is not None and raw.info.transaction_status != TransactionStatus.IDLE:
            connection.close()  # interrupted
        super().close()
        try:
            BeatLease.objects.filter(lease=self._lease).update(lease_until=None)
        except Error as error:  # the lease ends by itself
            log.warning("the lease of beats is not freed", error=str(error))

    def _holds_lease(self) -> bool:
        now = time.monotonic()
        if self._holds and now - self._renewed_at < RENEWAL:
            return True
        held = self._take_lease()
        if held != self._holds:
            self._forget()
            log.info(f"{'this' if held else 'another'} beat sends the periodic tasks")
        self._holds, self._renewed_at = held, now
        return held

    def _take_lease(self) -> bool:
        BeatLease.objects.get_or_create(pk=BeatLease.ONLY)
        free = Q(lease=self._lease) | Q(lease_until=None) | leases.over()
        until = Now() + LEASE
        return bool(BeatLease.objects.filter(free).update(lease=self._lease, lease_until=until))

    def _forget(self) -> None:
        """Read the schedule again before the next task. Another beat may have sent tasks since."""
        self._dirty.clear()
        self._heap, self._initial_read, self._holds = None, True, None
