"""Celery's requests: tasks that a worker received."""

import datetime as dt

from celery.worker import request

from common import database_clock


class Request(request.Request):  # type: ignore[misc]
    """Moves the delay and the expiry of a task from the database's to the local clock.

    Celery compares both with the local clock.
    """

    @property
    def eta(self) -> dt.datetime | None:
        return _by_the_local_clock(self._eta)

    @property
    def expires(self) -> dt.datetime | None:
        return _by_the_local_clock(self._expires)


def _by_the_local_clock(moment: dt.datetime | None) -> dt.datetime | None:
    return moment and moment + dt.timedelta(seconds=database_clock.skew())
