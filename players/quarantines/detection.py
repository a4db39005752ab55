"""Count what each key sends per minute and hour, and open a quarantine past a limit.

Counts are kept in PostgreSQL, since they must survive an emptied Valkey. Only unusual contents are
counted, so an ordinary batch writes nothing here.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from audits.actions import Action
from audits.record import Actor, Target, record, reserve_id
from players.models import KeyCount, PolicyVersion, Quarantine
from roblox.models import ExperienceKey

KEPT = dt.timedelta(days=1)
# Events older than this are counted, because each past day has its own caps.
LATE = dt.timedelta(days=7)
# Missing rows are counted if they represent more than the daily cap divided by this number.
HIDDEN_PART = 5
# After a change of policy, games may still award by the previous one for this long.
SETTLING = dt.timedelta(minutes=15)

# Returns the counts of this minute, this call included, and those of the rest of the hour before
# it.
COUNT = """
    INSERT INTO key_counts AS k (source, minute, acts, adjusted, renames, new_players, breaches, points)
    VALUES (%(source)s, date_trunc('minute', %(now)s), %(acts)s, %(adjusted)s, %(renames)s, %(new_players)s,
            %(breaches)s, %(points)s)
    ON CONFLICT (source, minute) DO UPDATE SET
        acts = k.acts + excluded.acts, adjusted = k.adjusted + excluded.adjusted,
        renames = k.renames + excluded.renames, new_players = k.new_players + excluded.new_players,
        breaches = k.breaches + excluded.breaches, points = k.points + excluded.points
    RETURNING ARRAY[acts, adjusted, renames, new_players, breaches, points],
        (SELECT ARRAY[sum(acts), sum(adjusted), sum(renames), sum(new_players), sum(breaches), sum(points)]::bigint[]
         FROM key_counts h WHERE h.source = k.source AND h.minute > k.minute - interval '1 hour'
           AND h.minute < k.minute)"""

NAMES = {
    "acts": "commands of moderators",
    "adjusted": "points that commands ask for",
    "renames": "new names",
    "new_players": "new players",
    "breaches": "breaches of the laws of points",
    "points": "points by breaches, by events of long ago and by rows that never came",
}
HUNDREDTHS = frozenset({"adjusted", "points"})


@dataclass(frozen=True, slots=True)
class Source:
    """The sender of a batch: a key of an experience, or the experience's queue (`key` None)."""

    experience: str
    key: int | None = None

    @property
    def name(self) -> str:
        return f"key:{self.key}" if self.key is not None else f"queue:{self.experience}"


@dataclass(slots=True)
class BatchTally:
    """What one call adds to the counts. `adjusted` and `points` are in hundredths."""

    acts: int = 0
    adjusted: int = 0
    renames: int = 0
    new_players: int = 0
    breaches: int = 0
    points: int = 0

    @property
    def counts(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in NAMES}


@dataclass(frozen=True, slots=True)
class Cause:
    """The exceeded limit: `count` of `what` within `seconds`."""

    what: str
    count: int
    limit: int
    seconds: int

    @property
    def told(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "count": self.count,
            "limit": self.limit,
            "seconds": self.seconds,
        }


class Tripped(Exception):
    """A limit is exceeded. The call's transaction is rolled back, so nothing of it counts."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(
            f"{cause.count} {NAMES[cause.what]} in {cause.seconds} s, more than {cause.limit}"
        )
        self.cause = cause


def note(source: Source, tally: BatchTally, now: dt.datetime) -> None:
    """Add a call's counts at the end of its transaction. Raises Tripped past a limit."""
    counts = tally.counts
    if not any(counts.values()):
        return
    with connection.cursor() as cursor:
        cursor.execute(COUNT, counts | {"source": source.name, "now": now})
        of_minute, before = cursor.fetchone()
    minute = dict(zip(NAMES, of_minute, strict=True))
    hour = {name: minute[name] + (rest or 0) for name, rest in zip(NAMES, before, strict=True)}
    limits = settings.INTEGRATIONS.key_guard
    for seconds, found, most in ((60, minute, limits.minute), (3600, hour, limits.hour)):
        for name, count in found.items():
            unit = 100 if name in HUNDREDTHS else 1
            if counts[name] and count > getattr(most, name) * unit:
                raise Tripped(Cause(name, count // unit, getattr(most, name), seconds))


def is_settling(now: dt.datetime) -> bool:
    """Return whether games may still award by the previous policy, which breaks laws by itself."""
    activated = PolicyVersion.objects.filter(activated_at__isnull=False).order_by("-activated_at")
    moments = activated.values_list("activated_at", flat=True)[:2]
    return len(moments) == 2 and moments[0] is not None and now - moments[0] < SETTLING


def open_quarantine(source: Source, cause: Cause, now: dt.datetime) -> Quarantine:
    """Open a quarantine for the source, or return the one that is open already."""
    with transaction.atomic():
        event = reserve_id()
        try:
            with transaction.atomic():
                made = Quarantine.objects.create(
                    experience=source.experience,
                    key_id=source.key,
                    source=source.name,
                    cause=cause.told,
                    event=event,
                    opened_at=now,
                )
        except IntegrityError:
            return Quarantine.objects.get(source=source.name, status=Quarantine.Status.OPEN)
        key = ExperienceKey.objects.get(pk=source.key) if source.key is not None else None
        record(
            Action.KEY_QUARANTINED,
            actor=Actor("system", "guard", "guard"),
            target=Target("quarantine", str(made.pk), ""),
            event_id=event,
            experience=source.experience,
            details=cause.told | {"key": key.prefix if key else "", "words": NAMES[cause.what]},
        )
        return made


def forget(source: str) -> None:
    """Reset a source's counts after owners decided on its quarantine."""
    KeyCount.objects.filter(source=source).delete()


def purge(now: dt.datetime) -> None:
    """Delete counts that are older than every limit."""
    KeyCount.objects.filter(minute__lt=now - KEPT).delete()
