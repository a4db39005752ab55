"""Find the ended events that wait for their award, for those who may give it."""

from typing import Any

from django.db.models import BigIntegerField, Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from players.active_policy import active
from players.hosted_events import attendance, kinds, rights
from players.models import (
    Approval,
    HostedEvent,
    HostedEventAttendance,
    HostedEventHost,
    Quarantine,
)
from players.moderation.actors import Staff


def to_award(by: Staff) -> QuerySet[HostedEvent]:
    """Return the ended events with attendees that somebody may award now.

    Without those whose award waits for a decision, and those held by a quarantine.
    """
    attended = HostedEventAttendance.objects.filter(
        event=OuterRef("pk"), attended=True, struck_by=""
    )
    held = Quarantine.objects.exclude(status=Quarantine.Status.RELEASED)
    ended = HostedEvent.objects.filter(Exists(attended), status=HostedEvent.Status.ENDED)
    return (
        ended.filter(_manageable(by))
        .exclude(quarantine__in=held)
        .exclude(pk__in=_decided_elsewhere())
        .select_related("host")
    )


def _decided_elsewhere() -> Any:
    """Return the ids of events whose award waits for a decision."""
    waiting = Approval.objects.filter(act=attendance.AWARD, status=Approval.Status.WAITING)
    number = Cast(KeyTextTransform("hostedEvent", "arguments"), BigIntegerField())
    return waiting.annotate(number=number).values("number")


def _manageable(by: Staff) -> Q:
    """Return the condition by which `rights.why_not_manage` is empty."""
    if by.rank is None:
        return Q()
    hosted = [kind for kind in kinds.kinds() if not rights.why_not_plan(kind, by)]
    below = [pk for pk, rank in active().ranks.items() if rank.position < by.rank.position]
    ours = [person.partition(":")[2] for person in by.persons if person.startswith("player:")]
    mine = HostedEventHost.objects.filter(event=OuterRef("pk")).filter(
        Q(player__user_id=by.user_id) | Q(player__in=ours)
    )
    return Q(kind__in=hosted) & (Exists(mine) | Q(host__rank__in=below))
