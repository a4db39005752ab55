"""Retry while GRPS or its database is unavailable for a moment, as in tests that kill them."""

import time
from collections.abc import Callable

TIMEOUT = 120.0  # seconds


def retry[T](call: Callable[[], T]) -> T:
    """Call until it succeeds. Raises the last error after TIMEOUT."""
    import httpx
    from django.db import InterfaceError, OperationalError, connection

    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            return call()
        except (OperationalError, InterfaceError, httpx.HTTPError):
            if time.monotonic() > deadline:
                raise
            connection.close()
            time.sleep(0.5)
