"""Plan, change and cancel hosted events."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import transaction

from audits.actions import Action
from common.errors import NotAllowed, Refused
from common.visible_text import clean_text
from players.active_policy import active
from players.hosted_events import audit, kinds, lookup, rights
from players.membership.status import present
from players.models import HostedEvent, HostedEventHost, Player
from players.moderation.actors import Staff
from players.moderation.command import ActionResult, Command
from players.moderation.refusals import audit_refusals
from players.policy.hosting import why_not_host
from roblox.models import Experience

FURTHEST = dt.timedelta(days=366)
LONGEST_TITLE, LONGEST_DESCRIPTION = 80, 1000
MOST_MINUTES = 24 * 60
MOST_PLANNED = 200  # of one experience
Status = HostedEvent.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is planned. `host_user_id` and `co_hosts` are Roblox user ids; 0: whoever plans it."""

    kind: str
    experience: str
    starts_at: dt.datetime
    minutes: int = 60
    host_user_id: int = 0
    co_hosts: Sequence[int] = ()
    title: str = ""
    description: str = ""


def plan(it: Plan, command: Command) -> HostedEvent:
    """Plan an event. Raises Refused, NotAllowed."""
    with audit_refusals("host", it.host_user_id or None, command.by), transaction.atomic():
        check(it, command.by)
        _check_time(it, command.now)
        open_ones = HostedEvent.objects.filter(experience=it.experience, status=Status.PLANNED)
        if open_ones.count() >= MOST_PLANNED:
            raise Refused(f"{MOST_PLANNED} events are planned in it; cancel some first.")
        event = HostedEvent(status=Status.PLANNED, host=host_of(it, command.by))
        _write(event, it)
        audit.record_event(
            Action.HOSTED_EVENT_PLANNED, event, command.by.actor, reason=command.reason
        )
        return event


def change(event_id: int, it: Plan, command: Command) -> HostedEvent:
    """Change a planned event. Raises Refused, NotAllowed."""
    with audit_refusals("host", None, command.by), transaction.atomic():
        event = _planned(event_id, command.by)
        check(it, command.by)
        _check_time(it, command.now)
        event.host, event.told_at = host_of(it, command.by), None
        _write(event, it)
        audit.record_event(
            Action.HOSTED_EVENT_CHANGED, event, command.by.actor, reason=command.reason
        )
        return event


def cancel(event_id: int, command: Command) -> ActionResult:
    """Cancel an event that is planned, runs, or ended without an award. Raises Refused, NotAllowed."""
    command = command.checked()
    with audit_refusals("host", None, command.by), transaction.atomic():
        event = lookup.locked(event_id)
        if why := rights.why_not_manage(event, command.by):
            raise NotAllowed(why)
        if event.status in (Status.AWARDED, Status.CANCELLED):
            raise Refused(f"The event is {event.status}; it cannot be cancelled.")
        event.status = Status.CANCELLED
        event.save(update_fields=["status"])
        written = audit.record_event(
            Action.HOSTED_EVENT_CANCELLED, event, command.by.actor, reason=command.reason
        )
    return ActionResult(f"{kinds.title_of(event.kind)} {event.pk} is cancelled.", written)


def _planned(event_id: int, by: Staff) -> HostedEvent:
    event = lookup.locked(event_id)
    if why := rights.why_not_manage(event, by):
        raise NotAllowed(why)
    if event.status != Status.PLANNED:
        raise Refused(f"The event is {event.status}; only planned ones can be changed.")
    return event


def check(it: Plan, by: Staff) -> None:
    """Raises Refused naming the field, NotAllowed."""
    kinds.find(it.kind)
    if why := rights.why_not_plan(it.kind, by):
        raise NotAllowed(why)
    if not Experience.objects.filter(key=it.experience).exists():
        raise Refused(f"experience: {it.experience!r} is no experience.")
    if not 1 <= it.minutes <= MOST_MINUTES:
        raise Refused(f"minutes: from 1 to {MOST_MINUTES}.")
    if len(it.title) > LONGEST_TITLE or len(it.description) > LONGEST_DESCRIPTION:
        raise Refused(f"title: {LONGEST_TITLE} characters; description: {LONGEST_DESCRIPTION}.")
    if "\0" in it.title + it.description:
        raise Refused("title: it holds a NUL character; take it out.")


def _check_time(it: Plan, now: dt.datetime) -> None:
    if not now < it.starts_at <= now + FURTHEST:
        raise Refused("startsAt: give a moment within the next year.")


def in_zone(moment: dt.datetime, zone: str) -> dt.datetime:
    """Return the moment at which clocks of a zone show the time of `moment`."""
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


def host_of(it: Plan, by: Staff) -> Player:
    """Return who hosts: the named player, or whoever plans it. Raises Refused."""
    user_id = it.host_user_id or by.user_id
    if not user_id:
        raise Refused("host: name one; you are no player.")
    return _host(user_id, it.kind)


def _host(user_id: int, kind: str) -> Player:
    player = Player.objects.filter(user_id=user_id, erased_at=None).first()
    if player is None:
        raise Refused(f"host: no player has the user id {user_id}.")
    rank = active().ranks.get(player.rank_id)
    hosts = kinds.find(kind).hosts
    if rank is None or player.banned or why_not_host(rank, present(player.member), hosts):
        raise Refused(f"host: {player.username}'s rank does not host this kind of event.")
    return player


def _write(event: HostedEvent, it: Plan) -> None:
    """Save what is planned, with its hosts."""
    event.kind, event.experience = it.kind, it.experience
    event.starts_at, event.minutes = it.starts_at, it.minutes
    event.title, event.description = clean_text(it.title), clean_text(it.description)
    event.save()
    hosts = [event.host, *(_host(user_id, it.kind) for user_id in it.co_hosts)]
    HostedEventHost.objects.filter(event=event).exclude(player__in=hosts).delete()
    HostedEventHost.objects.bulk_create(
        [HostedEventHost(event=event, player=host) for host in dict.fromkeys(hosts)],
        ignore_conflicts=True,
    )
