"""The time of the database's clock, which all machines share.

Whatever is stored, or compared with a time from another machine, uses it. The local clock may be
wrong by hours, so it only measures durations. A test keeps `timezone.now()` and `time.time()` out
of the other packages.
"""

import datetime as dt
import time
from typing import NamedTuple

import psycopg
import structlog
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DEFAULT_DB_ALIAS, Error, connection
from psycopg.pq import PipelineStatus, TransactionStatus

from common.time import EPOCH

FRESH = 10.0  # seconds until an open connection measures again
STALE = 600.0  # seconds until a connection is opened to measure
USABLE = (TransactionStatus.IDLE, TransactionStatus.INTRANS)
# Unlike the monotonic clock, it continues while the machine is suspended.
STEADY_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
log = structlog.get_logger("grps.clock")


class _Measurement(NamedTuple):
    """Bounds of the database's time (seconds since 1970) minus the steady clock."""

    low: float
    high: float
    at: float

    @property
    def offset(self) -> float:
        return (self.low + self.high) / 2

    def narrowed(self, newer: "_Measurement") -> "_Measurement":
        """Return the bounds that both allow, or `newer` if a clock was set since."""
        low, high = max(self.low, newer.low), min(self.high, newer.high)
        return _Measurement(low, high, newer.at) if low <= high else newer


_last: _Measurement | None = None
_retry_at = 0.0  # of the steady clock: after a failure, so that nobody waits for each try


def now() -> dt.datetime:
    """Return the database's time, measured within the last seconds, without a query of its own.

    The local clock is used only while the database has never been reachable.
    """
    steady = _steady()
    if _last is None or steady - _last.at > FRESH:
        _measure()
        steady = _steady()
    seconds = time.time() if _last is None else steady + _last.offset
    return EPOCH + dt.timedelta(seconds=seconds)


def timestamp() -> float:
    """Return the database's time in seconds since 1970."""
    return (now() - EPOCH).total_seconds()


def skew() -> float:
    """Return by how many seconds this machine's clock is ahead of the database's."""
    shared = timestamp()
    return time.time() - shared


def database_time() -> dt.datetime:
    """Ask the database for its current time, not the start of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: dt.datetime = cursor.fetchone()[0]
    return found


def _measure() -> None:
    """Compare the clocks, if this thread has a usable connection or the last time is long ago."""
    global _last, _retry_at
    if _steady() < _retry_at:
        return
    try:
        if _last is None or _steady() - _last.at > STALE:
            _connect()
        raw = connection.connection
        if raw is None or connection.alias != DEFAULT_DB_ALIAS or not _is_usable(raw):
            return
        before = _steady()
        row = raw.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        after = _steady()
    except (Error, psycopg.Error, SynchronousOnlyOperation) as error:
        _retry_at = _steady() + FRESH
        log.warning("the database's clock cannot be read", error=str(error))
        return
    measured = _Measurement(row[0] - after, row[0] - before, after)
    _last = measured if _last is None else _last.narrowed(measured)


def _connect() -> None:
    """Open the connection of this thread, also if it was lost. A transaction is left alone."""
    raw = connection.connection
    if raw is not None and raw.closed and not connection.in_atomic_block:
        connection.close()
    connection.ensure_connection()


def _is_usable(raw: "psycopg.Connection[tuple[float]]") -> bool:
    status = raw.info
    return (
        not raw.closed
        and status.transaction_status in USABLE
        and status.pipeline_status == PipelineStatus.OFF
    )


def _steady() -> float:
    return time.clock_gettime(STEADY_CLOCK)
