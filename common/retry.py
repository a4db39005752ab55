"""Repeat a transaction that PostgreSQL aborted because of another one."""

import time
from collections.abc import Callable
from functools import wraps

from django.db import OperationalError
from psycopg import errors

ATTEMPTS = 5
CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure)
PAUSE = 0.02  # seconds; doubles with each attempt


def on_contention[**P, T](transaction: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that is one transaction, to repeat it after contention.

    It runs up to ATTEMPTS times while it ends in a deadlock or a serialization failure.
    """

    @wraps(transaction)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        attempt = 1
        while True:
            try:
                return transaction(*args, **kwargs)
            except OperationalError as error:
                pause_or_raise(error, attempt)
                attempt += 1

    return run


def pause_or_raise(error: OperationalError, attempt: int) -> None:
    """Wait before the next attempt. Raises `error` unless another attempt may succeed."""
    if attempt >= ATTEMPTS or not isinstance(error.__cause__, CONTENTION):
        raise error
    time.sleep(PAUSE * 2**attempt)
