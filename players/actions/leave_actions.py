"""The acts of staff on leaves of absence, for the registry."""

import datetime as dt

from audits.actions import Action
from players.actions import consequences, inverses, preconditions
from players.actions.consequences import says
from players.actions.inverses import Inverse
from players.actions.params import LastDay, LeaveId, LeavePeriod
from players.actions.staff_action import StaffAction
from players.leave import decisions
from players.moderation.command import ActionResult, Command
from players.policy.leave import LeaveDays
from players.policy.permissions import Act


def _grant(user_id: int, params: LeavePeriod, command: Command) -> ActionResult:
    first = params.first or command.now.astimezone(dt.UTC).date()
    return decisions.grant(user_id, LeaveDays(first, params.last), command)


LEAVE_ACTIONS: tuple[StaffAction, ...] = (
    StaffAction(
        name="grant-leave",
        title="Grant leave",
        phrase="Grant leave to",
        right="players.leave",
        permission=Act.LEAVE,
        params=LeavePeriod,
        perform=_grant,
        precondition=preconditions.grant_leave,
        consequence=consequences.leave,
        events={
            Action.LEAVE_GRANTED: Inverse("end-leave", inverses.granted_leave),
        },
        bulk=False,
        in_game=False,
    ),
    StaffAction(
        name="extend-leave",
        title="Move the end of the leave",
        phrase="Move the end of the leave of",
        right="players.leave",
        permission=Act.LEAVE,
        params=LastDay,
        perform=lambda user_id, it, command: decisions.extend(user_id, it.last, command),
        precondition=preconditions.granted_leave,
        consequence=says("It ends on that day instead, later or sooner."),
        events={
            Action.LEAVE_EXTENDED: Inverse("extend-leave", inverses.moved_end, inverses.former_end)
        },
        bulk=False,
        in_game=False,
    ),
    StaffAction(
        name="end-leave",
        title="End the leave",
        phrase="End the leave of",
        right="players.leave",
        permission=Act.LEAVE,
        perform=lambda user_id, it, command: decisions.end(user_id, command),
        precondition=preconditions.granted_leave,
        consequence=says("Quotas apply from tomorrow, and their time in rank goes on now."),
        events={
            Action.LEAVE_ENDED: Inverse("grant-leave", inverses.lost_leave, inverses.lost_days)
        },
        bulk=False,
        in_game=False,
    ),
    StaffAction(
        name="approve-leave",
        title="Grant the leave they ask for",
        phrase="Grant the leave that was asked for by",
        right="players.leave",
        permission=Act.LEAVE,
        params=LeaveId,
        subject=lambda facts: facts.leave_request.pk if facts.leave_request else None,
        perform=lambda user_id, it, command: decisions.approve(it.leave, command),
        precondition=preconditions.leave_request,
        consequence=consequences.leave,
        bulk=False,
        in_game=False,
    ),
    StaffAction(
        name="turn-down-leave",
        title="Reject the leave they ask for",
        phrase="Reject the leave that was asked for by",
        right="players.leave",
        permission=Act.LEAVE,
        params=LeaveId,
        subject=lambda facts: facts.leave_request.pk if facts.leave_request else None,
        perform=lambda user_id, it, command: decisions.turn_down(it.leave, command),
        precondition=preconditions.leave_request,
        consequence=says("They read your reason."),
        events={
            Action.LEAVE_TURNED_DOWN: Inverse(
                "grant-leave", inverses.lost_leave, inverses.lost_days
            )
        },
        bulk=False,
        in_game=False,
    ),
)
