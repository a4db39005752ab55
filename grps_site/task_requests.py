"""Celery's requests: tasks that a worker received."""

import datetime as dt
from typing import Any

from celery.worker import request

from common import database_clock


class Request(request.Request):
    """Moves the delay and the expiry of a task from the database's to the local clock.

    Celery compares both with the local clock.
    """

    _eta: dt.datetime | None
    _expires: dt.datetime | None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._eta = _by_the_local_clock(self._eta)
        self._expires = _by_the_local_clock(self._expires)


def _by_the_local_clock(moment: dt.datetime | None) -> dt.datetime | None:
    return moment and moment + dt.timedelta(seconds=database_clock.skew())
