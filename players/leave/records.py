"""Write the audit events of leaves. No event holds a reason that a member gave."""

import datetime as dt
from typing import Any

from audits.actions import Action
from audits.record import Actor, record
from players.models import Leave, Player
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.command import Command

SCHEDULE = Actor("system", "schedule", "schedule")


def member_actor(player: Player) -> Actor:
    """Return a member who acts on their own leave."""
    return Actor("player", str(player.pk), player.username, player.subject)


def record_own(action: Action, leave: Leave, actor: Actor) -> int:
    """Record what a member or the schedule did to a leave."""
    return record(
        action,
        actor=actor,
        target=target_of(leave.player),
        after=described(leave),
        policy_version=policy_version(),
    )


def record_act(
    action: Action, leave: Leave, command: Command, before: dt.date | None = None
) -> int:
    """Record what staff did to a leave. `before`: its former last day."""
    return record(
        action,
        actor=command.by.actor,
        target=target_of(leave.player),
        reason=command.reason,
        before={"lastDay": before.isoformat()} if before else None,
        after=described(leave),
        details=command.details,
        reverts=command.reverts,
        experience=command.experience,
        policy_version=policy_version(),
    )


def described(leave: Leave) -> dict[str, Any]:
    found: dict[str, Any] = {
        "leave": leave.pk,
        "firstDay": leave.first_day.isoformat(),
        "lastDay": leave.last_day.isoformat(),
    }
    if leave.player.resting_since is not None:
        found["timeRests"] = True
    if leave.extension_to is not None:
        found["extensionTo"] = leave.extension_to.isoformat()
    return found
