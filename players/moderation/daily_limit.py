"""Limit the points that a person moves on a UTC day, with one row for each person and day.

An amount is charged at the start: single adjustments and events given in a game immediately, a bulk
job or file as a whole when it begins, and held acts on approval. Amounts that a bulk job or file
skips are returned to the day that was charged.

A person's turn (`locks.take_turn`) is taken before the row is locked, and both before any player.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest

from common.amounts import hundredths, points
from players.models import ZERO, Spending
from players.moderation.actors import Staff

KEPT = dt.timedelta(days=7)

LOCK = """
    INSERT INTO spending (person, day) VALUES (%s, %s)
    ON CONFLICT (person, day) DO UPDATE SET person = excluded.person
    RETURNING spent, alone, players"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A day's row, in hundredths.

    `alone`: the part of `spent` that nobody else approved. `players`: the players changed by that
    part.
    """

    spent: int = 0
    alone: int = 0
    players: int = 0

    def plus(self, amount: int) -> "Taken":
        """Return a copy with one more player moved by `amount`, without a second person."""
        return Taken(self.spent + abs(amount), self.alone + abs(amount), self.players + 1)

    def less(self, amount: int, *, players: int, approved: bool) -> "Taken":
        """Return a copy without an earlier charge."""
        if approved:
            return Taken(max(0, self.spent - amount), self.alone, self.players)
        return Taken(
            max(0, self.spent - amount),
            max(0, self.alone - amount),
            max(0, self.players - players),
        )


@dataclass(frozen=True, slots=True)
class Volume:
    """What one act moves, in hundredths without signs. `largest`: the most for one player."""

    moved: int = 0
    players: int = 0
    largest: int = 0

    @classmethod
    def of(cls, amount: int) -> "Volume":
        """Return the volume of a single adjustment."""
        return cls(abs(amount), 1, abs(amount))


def day_of(now: dt.datetime) -> dt.date:
    return now.astimezone(dt.UTC).date()


def lock(person: str, day: dt.date) -> Taken:
    """Create the row of a person's day if missing, lock it for the transaction, and return it."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [person, day])
        spent, alone, players = cursor.fetchone()
    return Taken(hundredths(spent), hundredths(alone), players)


def taken(by: Staff, now: dt.datetime) -> Taken:
    """Return what a person has moved today. It is read without a lock, for pages."""
    row = Spending.objects.filter(person=by.person, day=day_of(now)).first()
    return Taken(hundredths(row.spent), hundredths(row.alone), row.players) if row else Taken()


def charge(
    person: str, day: dt.date, amount: int, *, players: int = 1, approved: bool = False
) -> None:
    """Add hundredths without signs to a locked day. `approved`: by a second person."""
    _move(person, day, points(abs(amount)), players, approved)


def give_back(
    person: str, day: dt.date, amount: int, *, players: int = 1, approved: bool = False
) -> None:
    """Subtract the charge of acts that were not done."""
    _move(person, day, -points(abs(amount)), -players, approved)


def purge(now: dt.datetime) -> None:
    """Delete days that nothing is charged to any more."""
    Spending.objects.filter(day__lt=day_of(now - KEPT)).delete()


def _move(person: str, day: dt.date, amount: Decimal, players: int, approved: bool) -> None:
    alone, people = (ZERO, 0) if approved else (amount, players)
    Spending.objects.filter(person=person, day=day).update(
        spent=Greatest(F("spent") + amount, ZERO),
        alone=Greatest(F("alone") + alone, ZERO),
        players=Greatest(F("players") + people, 0),
    )
