"""What a person moves of others' points on a UTC day: one row a person and day, whichever way they
act.

An amount is charged when it is let go: a single adjustment and an event given in a game when they
happen, a mass change or a file as a whole when it begins, and what waited for a second person once
that one approves. So what is under way counts. What of a mass change or a file comes to nothing is
given back to the day that it was charged to.

A person's turn (`acts.take_turn`) is taken before the row is locked, and both before any player.
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
    """What a day's row says, in hundredths. `alone`: of `spent`, what nobody else approved;
    `players`: of those.
    """

    spent: int = 0
    alone: int = 0
    players: int = 0

    def plus(self, amount: int) -> "Taken":
        """The same with one more player moved by `amount`, without a second person."""
        return Taken(self.spent + abs(amount), self.alone + abs(amount), self.players + 1)

    def less(self, amount: int, *, players: int, approved: bool) -> "Taken":
        """The same without something that was charged."""
        if approved:
            return Taken(max(0, self.spent - amount), self.alone, self.players)
        return Taken(
            max(0, self.spent - amount),
            max(0, self.alone - amount),
            max(0, self.players - players),
        )


@dataclass(frozen=True, slots=True)
class Volume:
    """What is moved as one act, in hundredths without signs; `largest` is one player's."""

    moved: int = 0
    players: int = 0
    largest: int = 0

    @classmethod
    def of(cls, amount: int) -> "Volume":
        """A single adjustment."""
        return cls(abs(amount), 1, abs(amount))


def day_of(now: dt.datetime) -> dt.date:
    return now.astimezone(dt.UTC).date()


def lock(person: str, day: dt.date) -> Taken:
    """The row of a person's day, locked until the transaction ends; made where there is none yet."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [person, day])
        spent, alone, players = cursor.fetchone()
    return Taken(hundredths(spent), hundredths(alone), players)


def taken(by: Staff, now: dt.datetime) -> Taken:
    """What a person has moved today, as far as it is known without waiting: for what is shown
    before an act.
    """
    row = Spending.objects.filter(person=by.person, day=day_of(now)).first()
    return Taken(hundredths(row.spent), hundredths(row.alone), row.players) if row else Taken()


def charge(
    person: str, day: dt.date, amount: int, *, players: int = 1, approved: bool = False
) -> None:
    """Count hundredths, without their signs, for a day whose row is locked. `approved`: by a second
    person.
    """
    _move(person, day, points(abs(amount)), players, approved)


def give_back(
    person: str, day: dt.date, amount: int, *, players: int = 1, approved: bool = False
) -> None:
    """Take back a charge for what came to nothing."""
    _move(person, day, -points(abs(amount)), -players, approved)


def purge(now: dt.datetime) -> None:
    """Forget days that nothing is charged to any more."""
    Spending.objects.filter(day__lt=day_of(now - KEPT)).delete()


def _move(person: str, day: dt.date, amount: Decimal, players: int, approved: bool) -> None:
    alone, people = (ZERO, 0) if approved else (amount, players)
    Spending.objects.filter(person=person, day=day).update(
        spent=Greatest(F("spent") + amount, ZERO),
        alone=Greatest(F("alone") + alone, ZERO),
        players=Greatest(F("players") + people, 0),
    )
