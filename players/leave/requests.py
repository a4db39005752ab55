"""What members do about their own leave: ask, withdraw, ask for more days, end it.

Each function is one transaction with the member's row locked. Nobody approves their own.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from audits.actions import Action
from common.errors import Refused
from players.active_policy import active
from players.leave import records
from players.leave.ending import finish
from players.leave.queries import days_of, others
from players.membership.status import present
from players.models import Leave, Player
from players.moderation.input import check_reason
from players.moderation.locks import lock_player
from players.policy.community import LeaveRules
from players.policy.leave import DAY, LeaveDays, why_not, why_not_extended
from players.policy.membership import belongs

MOST_A_DAY = 5  # requests of one member in 24 hours
MOST_FROM_GAMES = 200  # waiting requests, since a game server vouches for who asks
OFF = "This community's policy offers no leave of absence."

Status = Leave.Status


@dataclass(frozen=True, slots=True)
class Wish:
    """The days that a member asks for, with their reason, and where they asked."""

    days: LeaveDays
    reason: str
    source: Leave.Source = Leave.Source.PAGE


def rules() -> LeaveRules:
    """Return the policy's rules of leave. Raises Refused if it offers none."""
    found = active().bundle.community.leave
    if found is None:
        raise Refused(OFF)
    return found


def from_today(days: int, now: dt.datetime) -> LeaveDays:
    """Return so many days from today on. Raises Refused for a number out of bounds."""
    most = rules().max_days
    if not 1 <= days <= most:
        raise Refused(f"days: give a number from 1 to {most}.")
    today = now.astimezone(dt.UTC).date()
    return LeaveDays(today, today + (days - 1) * DAY)


def ask(user_id: int, wish: Wish, *, now: dt.datetime) -> Leave:
    """Ask for a leave. Raises Refused."""
    reason, offered = check_reason(wish.reason), rules()
    with transaction.atomic():
        player = _lock_member(user_id)
        if player.leaves.filter(status=Status.ASKED).exists():
            raise Refused("You asked for a leave already; withdraw that request first.")
        _check_often(player, now)
        _check_games(wish.source)
        today = now.astimezone(dt.UTC).date()
        _require(why_not(wish.days, others(player), today, offered.max_days))
        leave = Leave(
            player=player,
            status=Status.ASKED,
            source=wish.source,
            first_day=wish.days.first,
            last_day=wish.days.last,
            reason=reason,
            created_at=now,
        )
        leave.save()
        records.record_own(Action.LEAVE_REQUESTED, leave, records.member_actor(player))
        return leave


def ask_for_more(
    leave_id: int, user_id: int, last: dt.date, reason: str, now: dt.datetime
) -> Leave:
    """Ask that a granted leave ends on the later day `last`. Raises Refused."""
    reason, offered = check_reason(reason), rules()
    with transaction.atomic():
        player = _lock_member(user_id)
        leave = own(player, leave_id, Status.APPROVED)
        if last <= leave.last_day:
            raise Refused("last: give a later day; to come back sooner, end the leave.")
        _check_often(player, now)
        today, rest = now.astimezone(dt.UTC).date(), others(player, leave)
        _require(why_not_extended(days_of(leave), last, rest, today, offered.max_days))
        leave.extension_to, leave.extension_reason = last, reason
        leave.save(update_fields=["extension_to", "extension_reason"])
        records.record_own(Action.LEAVE_EXTENSION_REQUESTED, leave, records.member_actor(player))
        return leave


def withdraw(leave_id: int, user_id: int, now: dt.datetime) -> Leave:
    """Withdraw a request of one's own, for a leave or for more days. Raises Refused."""
    with transaction.atomic():
        player = lock_player(user_id)
        leave = own(player, leave_id, Status.ASKED, Status.APPROVED)
        if leave.status == Status.APPROVED and leave.extension_to is None:
            raise Refused("It is granted already; end the leave instead.")
        records.record_own(Action.LEAVE_WITHDRAWN, leave, records.member_actor(player))
        if leave.status == Status.ASKED:
            leave.status, leave.decided_at = Status.WITHDRAWN, now
        leave.extension_to, leave.extension_reason = None, ""
        leave.save()
        return leave


def end(leave_id: int, user_id: int, now: dt.datetime) -> Leave:
    """End one's own granted leave now. Raises Refused."""
    with transaction.atomic():
        player = lock_player(user_id)
        leave = own(player, leave_id, Status.APPROVED)
        finish(leave, now)
        records.record_own(Action.LEAVE_ENDED, leave, records.member_actor(player))
        return leave


def own(player: Player, leave_id: int, *statuses: Leave.Status) -> Leave:
    """Return a leave of the locked player that has one of the statuses. Raises Refused."""
    leave = Leave.objects.filter(pk=leave_id, player=player).first()
    if leave is None:
        raise Refused("There is no such leave of yours.")
    if leave.status not in statuses:
        raise Refused(f"The leave is {leave.get_status_display()} already.")
    leave.player = player
    return leave


def _lock_member(user_id: int) -> Player:
    player = lock_player(user_id)
    if player.erased_at is not None or player.banned or not belongs(present(player.member)):
        raise Refused("Only members of the group take leave.")
    return player


def _check_often(player: Player, now: dt.datetime) -> None:
    since = now - DAY
    asked = player.leaves.filter(created_at__gt=since).exclude(source=Leave.Source.STAFF)
    if asked.count() >= MOST_A_DAY:
        raise Refused("You asked very often today; try again tomorrow.")


def _check_games(source: Leave.Source) -> None:
    waiting = Leave.objects.filter(status=Status.ASKED, source=Leave.Source.GAME)
    if source == Leave.Source.GAME and waiting[:MOST_FROM_GAMES].count() >= MOST_FROM_GAMES:
        raise Refused("Too many requests from games wait now; ask on the website.")


def _require(why_not: str) -> None:
    if why_not:
        raise Refused(why_not)
