"""Begin, remind of and end leaves when their days come.

Each leave is a transaction of its own. A run that is killed or repeated does nothing twice.
"""

import datetime as dt
from collections.abc import Callable

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from audits.actions import Action
from common import database_errors
from players.active_policy import active
from players.leave import records, resting
from players.leave.ending import finish
from players.leave.queries import days_of
from players.models import Leave, Player
from players.policy.leave import DAY

STEP = 1000  # leaves in one run of each kind
log = structlog.get_logger("grps.leave")


def run(now: dt.datetime) -> int:
    """Do what is due; return the number of changes."""
    today = now.astimezone(dt.UTC).date()
    approved = Leave.objects.filter(status=Leave.Status.APPROVED, player__erased_at=None)
    done = _each(approved.filter(last_day__lt=today), _end, now)
    begun = approved.filter(first_day__lte=today, last_day__gte=today)
    done += _each(begun.filter(started_at=None), _start, now)
    return done + _each(_to_remind(begun, today), _remind, now)


def _to_remind(begun: QuerySet[Leave], today: dt.date) -> QuerySet[Leave]:
    rules = active().bundle.community.leave
    if rules is None or not rules.remind_days:
        return begun.none()
    unseen = Q(reminded_for=None) | ~Q(reminded_for=F("last_day"))
    return begun.filter(unseen, last_day__lt=today + rules.remind_days * DAY)


def _each(due: QuerySet[Leave], act: Callable[[Leave, dt.datetime], None], now: dt.datetime) -> int:
    done = 0
    for pk, player_id in due.order_by("pk").values_list("pk", "player_id")[:STEP]:
        try:
            done += _one(due, (pk, player_id), act, now)
        except Exception as error:  # one failure must not stop the others
            if database_errors.is_temporary(error):
                raise
            log.exception("a leave could not be handled", leave=pk)
    return done


def _one(
    due: QuerySet[Leave],
    keys: tuple[int, int],
    act: Callable[[Leave, dt.datetime], None],
    now: dt.datetime,
) -> bool:
    leave_id, player_id = keys
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
        leave = due.filter(pk=leave_id).first()
        if leave is None:  # somebody changed it meanwhile
            return False
        leave.player = player
        act(leave, now)
        return True


def _start(leave: Leave, now: dt.datetime) -> None:
    leave.started_at = now
    leave.save(update_fields=["started_at"])
    if resting.rests():
        resting.rest(leave.player, max(days_of(leave).begins, _granted_at(leave)), now)
    records.record_own(Action.LEAVE_STARTED, leave, records.SCHEDULE)


def _granted_at(leave: Leave) -> dt.datetime:
    """Return when the leave was granted: what passed before it counts as time in rank."""
    return leave.decided_at or leave.created_at


def _remind(leave: Leave, now: dt.datetime) -> None:
    leave.reminded_for = leave.last_day
    leave.save(update_fields=["reminded_for"])
    records.record_own(Action.LEAVE_REMINDED, leave, records.SCHEDULE)


def _end(leave: Leave, now: dt.datetime) -> None:
    finish(leave, now)
    records.record_own(Action.LEAVE_ENDED, leave, records.SCHEDULE)
