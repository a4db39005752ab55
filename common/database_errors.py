"""Classify database errors: whether the same statement can succeed later.

The classes of SQLSTATE are those of PostgreSQL's appendix A. Poolers use class 08 too.
"""

import re
from collections.abc import Iterator

import django.db
import psycopg

UNAVAILABLE_CLASSES = ("08", "53")  # the connection; resources (disk, memory, connections)
UNAVAILABLE = frozenset(
    {
        "25P03",  # idle for too long within a transaction
        "25006",  # read-only: a standby after a failover, or default_transaction_read_only
        "57P01",  # shut down by an administrator
        "57P02",  # another server process crashed
        "57P03",  # starting up or shutting down
        "57P05",  # idle for too long
        "58000",  # an error of the system
        "58030",  # reading or writing a file failed
    }
)
CONTENTION_CLASS = "40"  # deadlocks and serialization failures
TIMEOUTS = frozenset({"25P04", "55P03", "57014"})  # of a transaction, of a lock, of a statement
DRIVER_ERRORS = (django.db.OperationalError, psycopg.OperationalError)
# Django and psycopg also raise these when a program misuses a cursor or a result.
INTERFACE_ERRORS = (django.db.InterfaceError, psycopg.InterfaceError)
LOST = re.compile(r"connection (is|was|already) (closed|lost|bad)", re.IGNORECASE)


def is_unavailable(error: BaseException) -> bool:
    """Return whether the database is unreachable, read-only, full or not accepting connections."""
    code = _code(error)
    if code is None:
        return any(_is_of_connection(cause) for cause in _causes(error))
    return code.startswith(UNAVAILABLE_CLASSES) or code in UNAVAILABLE


def is_temporary(error: BaseException) -> bool:
    """Return whether the database is unavailable, or too busy for this statement."""
    code = _code(error) or ""
    return is_unavailable(error) or code.startswith(CONTENTION_CLASS) or code in TIMEOUTS


def _is_of_connection(cause: BaseException) -> bool:
    """Return whether the driver has no connection."""
    if isinstance(cause, INTERFACE_ERRORS):
        return bool(LOST.search(str(cause)))
    return isinstance(cause, DRIVER_ERRORS)


def _code(error: BaseException) -> str | None:
    """Return the SQLSTATE that the server sent, None for errors of the driver."""
    found = (cause.sqlstate for cause in _causes(error) if isinstance(cause, psycopg.Error))
    return next((code for code in found if code), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
