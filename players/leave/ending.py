"""End granted leaves of locked players."""

import datetime as dt

from players.leave import resting
from players.leave.queries import days_of
from players.models import Leave

Status = Leave.Status


def finish(leave: Leave, now: dt.datetime) -> None:
    """End a granted leave: before its time, or because its last day is over.

    An end on a day of the leave counts this day as the last one. A leave that has not begun is
    withdrawn. Time in rank goes on.
    """
    today = now.astimezone(dt.UTC).date()
    until = min(now, days_of(leave).ends)
    leave.status = Status.WITHDRAWN if leave.first_day > today else Status.ENDED
    if leave.first_day <= today < leave.last_day:
        leave.last_day = today
    leave.extension_to, leave.extension_reason = None, ""
    leave.save()
    resting.resume(leave.player, until, now)
