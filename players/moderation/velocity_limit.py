"""The velocity limit: too many acts of one person in a short time need a second person.

Only applied acts count. Owners are notified once when somebody reaches the limit. It ends when the
window has passed, or when an owner releases the person.
"""

import datetime as dt
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from players.models import BULK_ALONE, Approval, GuardTrip, StaffAct
from players.moderation.actors import Staff
from players.moderation.authorization import Permission, past_limit
from players.moderation.daily_limit import Taken, Volume
from players.moderation.input import check_reason
from players.moderation.locks import take_turn

KEPT = dt.timedelta(days=1)


def is_tripped(by: Staff, now: dt.datetime) -> bool:
    """Return whether this person's next act must be held. Call it first in the act's transaction."""
    take_turn(by.person)
    if not _binds(by):
        return False
    limit = settings.INTEGRATIONS.moderation.guard
    count = recent(by, now)
    if count < limit.acts:
        GuardTrip.objects.filter(person=by.person, ended_at=None).update(ended_at=now)
        return False
    _notify_once(by, count, limit.window_seconds, now)
    return True


def recent(by: Staff, now: dt.datetime) -> int:
    """Return the number of this person's acts that count now, at most the limit."""
    limit = settings.INTEGRATIONS.moderation.guard
    since = max(
        now - dt.timedelta(seconds=limit.window_seconds), _released_at(by.person) or now - KEPT
    )
    return StaffAct.objects.filter(person=by.person, at__gt=since)[: limit.acts].count()


def record_acts(by: Staff, now: dt.datetime, acts: int = 1) -> None:
    """Count acts that were carried out."""
    if _binds(by):
        StaffAct.objects.bulk_create(
            StaffAct(person=by.person, at=now) for _ in range(min(acts, BULK_ALONE))
        )


@dataclass(frozen=True, slots=True)
class JobVolume:
    """A bulk job or file that is about to start.

    `rows`: the number of rows that it changes. `volume`: the points that it moves. `taken`: today's
    use so far, locked. `tripped`: the result of `is_tripped`.
    """

    rows: int
    volume: Volume = field(default_factory=Volume)
    taken: Taken = field(default_factory=Taken)
    tripped: bool = False


def second_person_for(by: Staff, load: JobVolume, now: dt.datetime) -> Permission | None:
    """Return why a job or file needs a second person as a whole, or None."""
    if load.tripped:
        return Permission(True, True, "You acted very often lately.", Approval.Cause.VELOCITY)
    many = _too_many(by, now, load.rows)
    if many:
        return Permission(True, True, many)
    return past_limit(by, load.volume, load.taken) if load.volume.players else None


def _too_many(by: Staff, now: dt.datetime, rows: int) -> str:
    if not _binds(by):
        return ""
    if rows > BULK_ALONE:
        return f"It changes more than {BULK_ALONE} players at once."
    if rows + recent(by, now) > BULK_ALONE:
        return f"With what you did in the last minutes it is more than {BULK_ALONE} acts."
    return ""


def _binds(by: Staff) -> bool:
    """Return whether somebody is limited. The machine's operator and programs are not."""
    return not by.bypasses_second_person and by.actor.kind != "system"


def release(person: str, *, by: Staff, reason: str, now: dt.datetime) -> None:
    """Let somebody act again. Raises Refused if they are not held, NotAllowed for oneself."""
    reason = check_reason(reason)
    if not by.has("console.roles"):
        raise NotAllowed("You may not: only an owner lets somebody act again.")
    if by.is_person(person):
        raise NotAllowed("You may not: another owner must let you act again.")
    with transaction.atomic():
        trip = GuardTrip.objects.select_for_update().filter(person=person, ended_at=None).first()
        if trip is None:
            raise Refused("Nothing holds them up.")
        trip.ended_at, trip.released_by = now, by.person
        trip.save(update_fields=["ended_at", "released_by"])
        record(Action.GUARD_RELEASED, actor=by.actor, target=_target(trip), reason=reason)


def purge(now: dt.datetime) -> None:
    """Delete acts that are older than any window."""
    StaffAct.objects.filter(at__lt=now - KEPT).delete()


def _released_at(person: str) -> dt.datetime | None:
    released = (
        GuardTrip.objects.filter(person=person).exclude(ended_at=None).exclude(released_by="")
    )
    return released.order_by("-ended_at").values_list("ended_at", flat=True).first()


def _notify_once(by: Staff, acts: int, seconds: int, now: dt.datetime) -> None:
    trip, created = GuardTrip.objects.get_or_create(
        person=by.person, ended_at=None, defaults={"name": by.actor.name[:80], "tripped_at": now}
    )
    if created:
        details = {"acts": acts, "seconds": seconds}
        record(Action.GUARD_TRIPPED, actor=by.actor, target=_target(trip), details=details)


def _target(trip: GuardTrip) -> Target:
    subject = trip.person if trip.person.startswith(("player:", "staff:")) else ""
    return Target("person", trip.person, trip.name, subject)
