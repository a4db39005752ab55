"""Strike attendees from a hosted event, and add people who were missed."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from common.errors import NotAllowed, Refused
from players.hosted_events import audit, lookup, rights
from players.models import Approval, HostedEvent, HostedEventAttendance, HostedEventHost, Player
from players.moderation.actors import Staff
from players.moderation.command import ActionResult, Command
from players.moderation.refusals import audit_refusals

AWARD = "hosted_event.award"
CHANGEABLE = (HostedEvent.Status.RUNNING, HostedEvent.Status.ENDED)
MOST_ADDED = 50


def strike(event_id: int, user_id: int, command: Command) -> ActionResult:
    """Strike an attendee: they count as absent. Raises Refused, NotAllowed."""
    command = command.checked()
    with audit_refusals("host", user_id, command.by), transaction.atomic():
        event = _changeable(event_id, command.by)
        return strike_locked(event, _player(user_id), command)


def strike_locked(event: HostedEvent, player: Player, command: Command) -> ActionResult:
    """Strike an attendee of a locked event. Raises Refused if there is nothing to strike."""
    rows = HostedEventAttendance.objects.filter(event=event, player=player, struck_by="")
    if not rows.update(struck_by=command.by.person, struck_reason=command.reason):
        raise Refused(f"{player.username} is not listed as present, or is struck already.")
    written = audit.record_person(
        Action.HOSTED_EVENT_STRUCK, event, player, command.by.actor, command.reason
    )
    return ActionResult(f"{player.username} is struck.", written, player=player)


def add(event_id: int, user_id: int, command: Command) -> ActionResult:
    """Add somebody who attended, or list a struck one again. Raises Refused, NotAllowed."""
    command = command.checked()
    with audit_refusals("host", user_id, command.by), transaction.atomic():
        event = _changeable(event_id, command.by)
        return add_locked(event, _player(user_id), command)


def add_locked(event: HostedEvent, player: Player, command: Command) -> ActionResult:
    """Add somebody to a locked event. Raises Refused, NotAllowed."""
    _check_addition(event, player, command.by)
    HostedEventAttendance.objects.update_or_create(
        event=event,
        player=player,
        defaults={
            "added_by": command.by.person,
            "added_reason": command.reason,
            "struck_by": "",
            "struck_reason": "",
            "attended": event.status == HostedEvent.Status.ENDED,
        },
        create_defaults={
            "added_by": command.by.person,
            "added_reason": command.reason,
            "attended": event.status == HostedEvent.Status.ENDED,
            "reported_at": command.now,
        },
    )
    written = audit.record_person(
        Action.HOSTED_EVENT_ADDED, event, player, command.by.actor, command.reason
    )
    return ActionResult(f"{player.username} is added.", written, player=player)


def _check_addition(event: HostedEvent, player: Player, by: Staff) -> None:
    if by.is_player(player):
        raise NotAllowed("You may not: nobody adds themselves.")
    if HostedEventHost.objects.filter(event=event, player=player).exists():
        raise Refused(f"{player.username} hosts it, so they cannot attend it too.")
    rows = HostedEventAttendance.objects.filter(event=event)
    if rows.filter(player=player, struck_by="", attended=True).exists():
        raise Refused(f"{player.username} is listed already.")
    if rows.exclude(added_by="").count() >= MOST_ADDED:
        raise Refused(f"{MOST_ADDED} people were added by hand; that is the most for one event.")


def _changeable(event_id: int, by: Staff) -> HostedEvent:
    event = lookup.locked(event_id)
    if why := rights.why_not_manage(event, by):
        raise NotAllowed(why)
    check_changeable(event)
    return event


def check_changeable(event: HostedEvent) -> None:
    """Raises Refused if a locked event's attendance is settled or waits for a decision."""
    if event.status not in CHANGEABLE:
        why = "undo the award first" if event.status == event.Status.AWARDED else "it has no list"
        raise Refused(f"The event is {event.status}; {why}.")
    if waiting(event.pk) is not None:
        raise Refused("Its award waits for a decision; decide on that request first.")


def waiting(event_id: int) -> Approval | None:
    """Return the request to award an event that waits for a decision."""
    rows = Approval.objects.filter(act=AWARD, status=Approval.Status.WAITING)
    return rows.filter(arguments__hostedEvent=event_id).first()


def _player(user_id: int) -> Player:
    player = Player.objects.filter(user_id=user_id, erased_at=None).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return player


def roster(event: HostedEvent) -> list[HostedEventAttendance]:
    """Return the attendances of an event with their players, longest present first."""
    rows = HostedEventAttendance.objects.filter(event=event).select_related("player__rank")
    return list(rows.order_by("-seconds", "pk"))


def seen_for(event: HostedEvent, row: HostedEventAttendance) -> dt.timedelta:
    """Return for how long GRPS itself knew of an attendee while the event's reports came."""
    until = event.last_report_at or row.reported_at
    return max(dt.timedelta(), until - row.reported_at)
