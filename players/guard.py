"""The guard against a moderator who runs wild: too many acts of one person in a short time need a second one.

Only what was carried out counts. Whoever trips it is told of once, to the owners; it ends when the window has passed,
or when an owner lets the person act again.
"""

import datetime as dt
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction

from audits.actions import Action
from audits.record import Target, record
from players.acts import check_reason
from players.models import ZERO, GuardTrip, StaffAct
from players.staff import NotAllowed, Refused, Staff

KEPT = dt.timedelta(days=1)


def is_tripped(by: Staff, now: dt.datetime) -> bool:
    """Whether this person's next act must be held. In the act's transaction, before anything else is locked."""
    if by.alone:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"acts of {by.person}"])
    limit = settings.INTEGRATIONS.moderation.guard
    count = recent(by, now)
    if count < limit.acts:
        GuardTrip.objects.filter(person=by.person, ended_at=None).update(ended_at=now)
        return False
    _tell_once(by, count, limit.window_seconds, now)
    return True


def recent(by: Staff, now: dt.datetime) -> int:
    """How many acts of this person count now: those within the window, at most as many as the guard lets pass."""
    limit = settings.INTEGRATIONS.moderation.guard
    since = max(now - dt.timedelta(seconds=limit.window_seconds), _released_at(by.person) or now - KEPT)
    return StaffAct.objects.filter(person=by.person, at__gt=since)[: limit.acts].count()


def note(by: Staff, now: dt.datetime, acts: int = 1, spent: Decimal = ZERO) -> None:
    """Count acts that were carried out; each took `spent` of what the person may adjust in a day."""
    if not by.alone:
        StaffAct.objects.bulk_create(StaffAct(person=by.person, at=now, spent=spent) for _ in range(acts))


def release(person: str, *, by: Staff, reason: str, now: dt.datetime) -> None:
    """Let somebody act again. Raises Refused for themselves, and where nothing holds them."""
    reason = check_reason(reason)
    if not by.has("console.roles"):
        raise NotAllowed("You may not: only an owner lets somebody act again.")
    if by.person == person:
        raise NotAllowed("You may not: another owner must let you act again.")
    with transaction.atomic():
        trip = GuardTrip.objects.select_for_update().filter(person=person, ended_at=None).first()
        if trip is None:
            raise Refused("Nothing holds them up.")
        trip.ended_at, trip.released_by = now, by.person
        trip.save(update_fields=["ended_at", "released_by"])
        record(Action.GUARD_RELEASED, actor=by.actor, target=_target(trip), reason=reason)


def purge(now: dt.datetime) -> None:
    """Forget acts that no window reaches back to."""
    StaffAct.objects.filter(at__lt=now - KEPT).delete()


def _released_at(person: str) -> dt.datetime | None:
    released = GuardTrip.objects.filter(person=person).exclude(ended_at=None).exclude(released_by="")
    return released.order_by("-ended_at").values_list("ended_at", flat=True).first()


def _tell_once(by: Staff, acts: int, seconds: int, now: dt.datetime) -> None:
    trip, created = GuardTrip.objects.get_or_create(
        person=by.person, ended_at=None, defaults={"name": by.actor.name[:80], "tripped_at": now}
    )
    if created:
        details = {"acts": acts, "seconds": seconds}
        record(Action.GUARD_TRIPPED, actor=by.actor, target=_target(trip), details=details)


def _target(trip: GuardTrip) -> Target:
    subject = trip.person if trip.person.startswith(("player:", "staff:")) else ""
    return Target("person", trip.person, trip.name, subject)
