"""Set the database's clock, as the code under test reads it."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from common import database_clock


@contextmanager
def clock_at(moment: dt.datetime | float) -> Iterator[None]:
    """Let `database_clock.now()` return `moment` (seconds since 1970 if it is a number)."""
    stopped = (
        moment if isinstance(moment, dt.datetime) else dt.datetime.fromtimestamp(moment, dt.UTC)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_clock, "now", lambda: stopped)
        yield
