"""Read hosted events: one under its lock, lists for pages, and those of one player."""

import datetime as dt

from django.db.models import Q, QuerySet

from common.errors import Refused
from players.models import HostedEvent, HostedEventAttendance, HostedEventHost, Player

Status = HostedEvent.Status
HELD = (Status.ENDED, Status.AWARDED)


def locked(event_id: int) -> HostedEvent:
    """Return an event, locked for a change. Raises Refused for an unknown id."""
    rows = HostedEvent.objects.select_for_update(no_key=True, of=("self",)).select_related("host")
    found = rows.filter(pk=event_id).first()
    if found is None:
        raise Refused(f"There is no hosted event {event_id}.")
    return found


def upcoming(now: dt.datetime, experience: str = "") -> QuerySet[HostedEvent]:
    """Return what runs or is planned, soonest first. It stays for an hour past its planned time."""
    found = HostedEvent.objects.filter(
        Q(status=Status.RUNNING)
        | Q(status=Status.PLANNED, starts_at__gt=now - dt.timedelta(hours=1))
    )
    if experience:
        found = found.filter(experience=experience)
    return found.select_related("host").order_by("starts_at", "pk")


def past(status: str = "") -> QuerySet[HostedEvent]:
    """Return what is over, newest first."""
    found = (
        HostedEvent.objects.filter(status=status)
        if status
        else HostedEvent.objects.exclude(status__in=[Status.PLANNED, Status.RUNNING])
    )
    return found.select_related("host").order_by("-started_at", "-pk")


def attended_by(player: Player) -> QuerySet[HostedEventAttendance]:
    """Return the attendances of a player at events that are over, newest first."""
    rows = HostedEventAttendance.objects.filter(player=player, event__status__in=HELD)
    return rows.select_related("event__host").order_by("-event__started_at", "-pk")


def hosted_by(player: Player) -> QuerySet[HostedEventHost]:
    """Return what a player hosted or co-hosted, newest first."""
    rows = HostedEventHost.objects.filter(player=player, event__status__in=HELD)
    return rows.select_related("event__host").order_by("-event__started_at", "-pk")
