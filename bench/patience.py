"""Asking again while something is away for a moment, as in a test that kills what it asks."""

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds


def patiently[T](ask: Callable[[], T]) -> T:
    """The answer, once the database or the server gives one. Raises what still stands after
    PATIENCE.
    """
    import httpx
    from django.db import InterfaceError, OperationalError, connection

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)
