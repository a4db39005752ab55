"""Time awards of hosted events of the database at DATABASE_URL, and the same rows in bare SQL.

A line of input asks for one: `award` or `bare`.

python -m bench.hosted_awards PLAYERS
"""

import datetime as dt
import os
import subprocess
import sys
import time
from itertools import count
from typing import Any

import django
import psycopg

from bench.bare import BareBatch
from bench.batches import batch_of
from common.environment import BASE_DIR
from common.pg_arrays import numbers

ATTENDEES = 100
NUMBERS = count(1)


class HostedAwards:
    """The awards of one database, in a process of their own."""

    def __init__(self, environment: dict[str, str], players: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.hosted_awards", str(players)],
            env={**os.environ, **environment},
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, how: str) -> float:
        """Return the seconds of one award, made `award` or `bare`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(how, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.communicate()


def main(players: int) -> None:
    django.setup()
    for line in sys.stdin:
        event = _ended_event(players)
        seconds = _award(event) if line.strip() == "award" else _bare(event)
        print(seconds, flush=True)


def _ended_event(players: int) -> Any:
    """Create an event that ended, with ATTENDEES other attendees each time."""
    from django.utils import timezone

    from players.models import HostedEvent, HostedEventAttendance, HostedEventHost

    first = next(NUMBERS) * ATTENDEES % (players - 2 * ATTENDEES) + 1
    now = timezone.now()
    event = HostedEvent.objects.create(
        kind="training",
        experience="nexus",
        host_id=first,
        status=HostedEvent.Status.ENDED,
        started_at=now - dt.timedelta(hours=1),
        ended_at=now,
    )
    HostedEventHost.objects.create(event=event, player_id=first)
    HostedEventAttendance.objects.bulk_create(
        HostedEventAttendance(event=event, player_id=first + n, seconds=3000, attended=True)
        for n in range(1, ATTENDEES + 1)
    )
    return event


def _award(event: Any) -> float:
    from django.utils import timezone

    from players.hosted_events import awarding
    from players.moderation.actors import at_the_shell
    from players.moderation.command import Command

    command = Command(by=at_the_shell(), reason="bench", now=timezone.now())
    started = time.perf_counter()
    awarding.award(event.pk, command)
    return time.perf_counter() - started


def _bare(event: Any) -> float:
    from players.models import HostedEventAttendance

    ids = HostedEventAttendance.objects.filter(event=event).order_by("player_id")
    user_ids = list(ids.values_list("player__user_id", flat=True))
    at = dt.datetime.now(dt.UTC)
    template = batch_of(0, event.pk, 1, at)[0]
    rows = [template | {"userId": user_id, "awarded": 0.25, "total": 0.25} for user_id in user_ids]
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        bare = BareAward(connection, rows, event.pk)
        started = time.perf_counter()
        bare.store()
        return time.perf_counter() - started


class BareAward(BareBatch):
    """The rows of an award: those of a batch, the attendees' marks and the event's state."""

    def __init__(self, connection: Any, rows: list[dict[str, Any]], event: int) -> None:
        super().__init__(connection, rows)
        self.event = event

    def store(self) -> None:
        from players.hosted_events.ledger_rows import ATTENDANCES, MARK

        with self.connection.transaction():
            super().store()
            with self.connection.cursor() as cursor:
                marks = [self.days[1], numbers(15_00 for _ in range(ATTENDEES)), self.event]
                cursor.execute(MARK.format(table=ATTENDANCES).encode(), marks)
                cursor.execute(
                    "UPDATE hosted_events SET status = 'awarded', award_event = %s, awarded_at = now()"
                    " WHERE id = %s",
                    [self.batch, self.event],
                )


if __name__ == "__main__":
    main(int(sys.argv[1]))
