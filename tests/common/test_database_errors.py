import django.db
import psycopg
import pytest
from django.db import connection, transaction
from psycopg import errors

from common import database_errors

REFUSED = psycopg.OperationalError("connection refused")


@pytest.mark.parametrize(
    "cause",
    [
        REFUSED,
        errors.ConnectionTimeout("timeout expired"),
        psycopg.InterfaceError("the connection is closed"),
        errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction"),
        errors.DiskFull("could not extend file"),
        errors.TooManyConnections("too many clients already"),
        errors.AdminShutdown("terminating connection"),
        errors.CannotConnectNow("the database system is starting up"),
        errors.ProtocolViolation("query_wait_timeout"),
        errors.IdleInTransactionSessionTimeout("terminating connection"),
        errors.IdleSessionTimeout("terminating connection"),
        django.db.InterfaceError("connection already closed"),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_an_unavailable_database_is_recognised(cause: psycopg.Error) -> None:
    assert database_errors.is_unavailable(cause)
    assert database_errors.is_unavailable(_raised(cause))
    assert database_errors.is_temporary(cause)


@pytest.mark.parametrize(
    "cause",
    [
        errors.DeadlockDetected("deadlock detected"),
        errors.SerializationFailure("could not serialize"),
        errors.TransactionTimeout("terminating connection due to transaction timeout"),
        errors.LockNotAvailable("canceling statement due to lock timeout"),
        errors.QueryCanceled("canceling statement due to statement timeout"),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_contention_is_temporary_while_the_database_is_available(cause: psycopg.Error) -> None:
    assert database_errors.is_temporary(_raised(cause))
    assert not database_errors.is_unavailable(_raised(cause))


@pytest.mark.parametrize(
    "error",
    [
        errors.UniqueViolation("duplicate key"),
        errors.InFailedSqlTransaction("current transaction is aborted"),
        errors.UndefinedTable("no such table"),
        ValueError("no error of the database"),
        psycopg.InterfaceError("the cursor is closed"),
        psycopg.InterfaceError("result not set"),
        django.db.InterfaceError("the cursor is closed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_are_not_temporary(error: Exception) -> None:
    assert not database_errors.is_temporary(error)
    assert not database_errors.is_temporary(_raised(error))


@pytest.mark.django_db
def test_a_read_only_transaction_is_unavailable() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(django.db.InternalError) as caught:
            cursor.execute("CREATE TABLE made_by_a_test ()")
        transaction.set_rollback(True)
    assert database_errors.is_unavailable(caught.value)


def _raised(cause: Exception) -> Exception:
    error = RuntimeError("the act failed")
    error.__cause__ = cause
    return error
