"""Audit events of hosted events. They name the kind, and no text that people wrote."""

import datetime as dt
from typing import Any

from audits.actions import Action
from audits.models import AuditEvent
from audits.record import Actor, Target, record
from common.amounts import points
from players.active_policy import active
from players.hosted_events import kinds
from players.hosted_events.ledger_rows import Writing
from players.hosted_events.shares import Shares
from players.models import HostedEvent, Player
from players.moderation.audit_fields import target_of as player_target
from players.moderation.command import Command

TARGET = "hosted_event"


def target_of(event: HostedEvent) -> Target:
    return Target(TARGET, str(event.pk), "")


def record_event(
    action: Action, event: HostedEvent, actor: Actor, *, reason: str = "", **details: Any
) -> int:
    """Write one audit event about a hosted event."""
    return record(
        action,
        actor=actor,
        target=target_of(event),
        experience=event.experience,
        reason=reason,
        details=common_details(event) | details,
    )


def record_person(
    action: Action, event: HostedEvent, player: Player, actor: Actor, reason: str
) -> int:
    """Write one audit event about an attendee of a hosted event."""
    return record(
        action,
        actor=actor,
        target=player_target(player),
        experience=event.experience,
        reason=reason,
        details=common_details(event),
    )


def record_award(
    action: Action, writing: Writing, command: Command, found: Shares, digest: str
) -> int:
    """Write the one audit event of an award, or of its undo."""
    event = writing.event
    return record(
        action,
        actor=command.by.actor,
        target=target_of(event),
        event_id=writing.id,
        experience=event.experience,
        reason=command.reason,
        policy_version=active().bundle.version,
        reverts=command.reverts,
        details=common_details(event)
        | {
            "count": len(found.attendees),
            "hosts": len(found.hosts),
            "skipped": len(found.skipped),
            "sum": str(points(found.moved)),
            "digest": digest,
        }
        | command.details,
    )


def was_undone(event: HostedEvent) -> bool:
    """Return whether an award of the event was taken back before."""
    rows = AuditEvent.objects.filter(target_kind=TARGET, target_id=str(event.pk))
    return rows.filter(action=Action.HOSTED_EVENT_UNDONE).exists()


def common_details(event: HostedEvent) -> dict[str, Any]:
    starts = event.starts_at or event.started_at
    return {
        "hostedEvent": event.pk,
        "kind": event.kind,
        "title": kinds.title_of(event.kind),
        "startsAt": _text(starts),
    }


def _text(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat() if moment else ""
