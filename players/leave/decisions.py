"""What staff do about leaves: approve and turn down requests, grant, move the end, end.

Each function is one transaction. The policy names the levels that may, and nobody decides on their
own leave or on that of somebody at or above their own position.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from audits.actions import Action
from common.errors import NotAllowed, Refused
from common.visible_text import isolated
from players.leave import records
from players.leave.ending import finish
from players.leave.queries import days_of, others
from players.leave.requests import rules
from players.membership.status import present
from players.models import Leave, Player
from players.moderation import velocity_limit
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.policy.leave import LeaveDays, why_not, why_not_extended
from players.policy.membership import belongs
from players.policy.permissions import Act

Status = Leave.Status
NO_MEMBER = "They are no member of the group any more; turn the request down."


def grant(user_id: int, days: LeaveDays, command: Command) -> ActionResult:
    """Grant a leave that nobody asked for here. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(user_id, command) as player:
        _require(_belongs(player))
        _require(why_not(days, others(player), _today(command), rules().max_days))
        leave = Leave(
            player=player,
            status=Status.APPROVED,
            source=Leave.Source.STAFF,
            first_day=days.first,
            last_day=days.last,
            reason=command.reason,
            decided_by=command.by.person,
            created_at=command.now,
            decided_at=command.now,
        )
        leave.save()
        return _granted(leave, command)


def approve(leave_id: int, command: Command) -> ActionResult:
    """Grant what a member asks for: the leave, or more days of it. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(_owner(leave_id), command) as player:
        leave = waiting(leave_id, player)
        _require(_belongs(player))
        if leave.extension_to is not None:
            return _extend(leave, leave.extension_to, command)
        wanted = days_of(leave)
        if wanted.last < _today(command):
            raise Refused("Its last day has passed; turn it down.")
        # A request that waited may begin in the past.
        today = min(_today(command), wanted.first)
        _require(why_not(wanted, others(player, leave), today, rules().max_days))
        leave.status = Status.APPROVED
        _decide(leave, command)
        return _granted(leave, command)


def turn_down(leave_id: int, command: Command) -> ActionResult:
    """Turn down what a member asks for; the member reads the reason. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(_owner(leave_id), command) as player:
        leave = waiting(leave_id, player)
        event = records.record_act(Action.LEAVE_TURNED_DOWN, leave, command)
        if leave.status == Status.ASKED:
            leave.status = Status.TURNED_DOWN
        leave.extension_to, leave.extension_reason = None, ""
        _decide(leave, command)
        return _result(leave, event, "reads that their request is rejected")


def extend(user_id: int, last: dt.date, command: Command) -> ActionResult:
    """Move the last day of a player's granted leave, later or sooner. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(user_id, command) as player:
        return _extend(granted(player), last, command)


def end(user_id: int, command: Command) -> ActionResult:
    """End a player's granted leave now. Raises Refused, NotAllowed."""
    command = command.checked()
    with _acting(user_id, command) as player:
        leave = granted(player)
        former = leave.last_day
        finish(leave, command.now)
        event = records.record_act(Action.LEAVE_ENDED, leave, command, former)
        return _result(leave, event, "is not on leave any more")


def granted(player: Player) -> Leave:
    """Return the player's running leave, or the next one. Raises Refused."""
    leave = player.leaves.filter(status=Status.APPROVED).order_by("first_day").first()
    if leave is None:
        raise Refused("They have no granted leave.")
    leave.player = player
    return leave


def waiting(leave_id: int, player: Player) -> Leave:
    """Return a leave of the locked player that waits for a decision. Raises Refused."""
    leave = Leave.objects.get(pk=leave_id)
    if leave.status != Status.ASKED and leave.extension_to is None:
        raise Refused(f"Nothing waits for a decision: it is {leave.get_status_display()}.")
    leave.player = player
    return leave


@contextmanager
def _acting(user_id: int, command: Command) -> Iterator[Player]:
    """Lock the player for an act that `command.by` may do. Raises Refused, NotAllowed."""
    with audit_refusals(Act.LEAVE, user_id, command.by), transaction.atomic():
        if command.counts_toward_limit and velocity_limit.is_tripped(command.by, command.now):
            raise Refused(
                "You acted very often lately: wait, or ask an owner to let you act again."
            )
        player = lock_player(user_id)
        found = permission_for(Act.LEAVE, player, command.by, Circumstances(command.now))
        if not found.allowed:
            raise NotAllowed(found.reason)
        yield player
        if command.counts_toward_limit:
            velocity_limit.record_acts(command.by, command.now)


def _granted(leave: Leave, command: Command) -> ActionResult:
    event = records.record_act(Action.LEAVE_GRANTED, leave, command)
    return _result(leave, event, f"is on leave {_span(leave)}")


def _extend(leave: Leave, last: dt.date, command: Command) -> ActionResult:
    rest, former = others(leave.player, leave), leave.last_day
    _require(why_not_extended(days_of(leave), last, rest, _today(command), rules().max_days))
    leave.last_day, leave.extension_to, leave.extension_reason = last, None, ""
    _decide(leave, command)
    event = records.record_act(Action.LEAVE_EXTENDED, leave, command, former)
    return _result(leave, event, f"is on leave {_span(leave)}")


def _decide(leave: Leave, command: Command) -> None:
    leave.answer, leave.decided_by = command.reason, command.by.person
    leave.decided_at = command.now
    leave.save()


def _owner(leave_id: int) -> int:
    user_id = Leave.objects.filter(pk=leave_id).values_list("player__user_id", flat=True).first()
    if user_id is None:
        raise Refused(f"There is no leave {leave_id}.")
    return user_id


def _belongs(player: Player) -> str:
    return "" if belongs(present(player.member)) else NO_MEMBER


def _today(command: Command) -> dt.date:
    return command.now.astimezone(dt.UTC).date()


def _span(leave: Leave) -> str:
    return f"from {leave.first_day} to {leave.last_day}"


def _result(leave: Leave, event: int, words: str) -> ActionResult:
    name = isolated(leave.player.username)
    return ActionResult(f"{name} {words}.", event, player=leave.player)


def _require(why_not: str) -> None:
    if why_not:
        raise Refused(why_not)
