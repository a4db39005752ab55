"""Run attempts at once over real connections. All reach their first write before one may write."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from common.errors import Refused
from webhooks.formats.base import BadEndpoint

REFUSALS = (Refused, BadEndpoint)
PATIENCE = 60  # seconds until a race that hangs is a failure
LOOK = 0.02  # seconds between two checks of who waits

Attempt = Callable[[], Any]

WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid = ANY(%s::int[]) AND wait_event_type = 'Lock'"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt: its return value, or the message of the refusal in `refused`."""

    value: Any = None
    refused: str = ""

    @property
    def done(self) -> bool:
        return not self.refused


def at_once(*attempts: Attempt) -> list[Outcome]:
    """Run attempts at once. Returns their outcomes; raises exceptions that are no refusals.

    Nobody may write an audit event until every attempt waits for a lock or has ended, so all of
    them have read before any of them writes. This is the worst case, and the same each time.
    """
    barrier, pids = threading.Barrier(len(attempts) + 1), list[int]()

    def run(attempt: Attempt) -> Outcome:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
            barrier.wait(PATIENCE)
            return Outcome(attempt())
        except REFUSALS as refusal:
            return Outcome(refused=str(refusal))
        finally:
            connection.close()

    with ThreadPoolExecutor(len(attempts)) as pool:
        running = [pool.submit(run, attempt) for attempt in attempts]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE audits IN SHARE MODE")
            barrier.wait(PATIENCE)
            for _ in range(int(PATIENCE / LOOK)):
                ended = len(wait(running, LOOK).done)
                cursor.execute(WAITING, [pids])
                if cursor.fetchone()[0] + ended == len(attempts):
                    break
            else:
                raise TimeoutError("some attempts neither wait nor end")
        return [one.result(PATIENCE) for one in running]


def won(outcomes: Sequence[Outcome]) -> list[Any]:
    """Return the values of the successful attempts."""
    return [one.value for one in outcomes if one.done]


def lost(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the messages of the refused attempts."""
    return [one.refused for one in outcomes if not one.done]
