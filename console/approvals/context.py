"""What a person who decides on a request sees beside it: about whom it is, and who asked."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from audits.models import AuditEvent
from audits.queries import PlacedEvent, events_by_id
from players.actions.facts import facts_for
from players.actions.registry import BY_NAME
from players.models import Approval, Sanction
from players.moderation.actors import Staff
from webhooks.messages import payloads

SHOWN = 5


@dataclass(frozen=True, slots=True)
class ApprovalContext:
    """`follows`: what the act would do now. `acts`: the requester's latest events, as sentences."""

    follows: str = ""
    sanctions: list[Sanction] = field(default_factory=list)
    warnings: int = 0
    acts: list[tuple[dt.datetime, str]] = field(default_factory=list)


def context_of(approval: Approval, by: Staff, user: Any, now: dt.datetime) -> ApprovalContext:
    """Return what `user` may see beside an open request, in a fixed number of queries."""
    if approval.status != Approval.Status.WAITING:
        return ApprovalContext()
    acts = _acts(approval.event) if user.has_perm("audits.view_auditevent") else []
    if approval.player is None or not user.has_perm("players.view_player"):
        return ApprovalContext(acts=acts)
    facts, action = facts_for(approval.player, by, now), BY_NAME.get(approval.act)
    return ApprovalContext(
        follows=action.consequence(facts) if action else "",
        sanctions=list(approval.player.sanctions.order_by("-pk")[:SHOWN]),
        warnings=len(facts.active_warnings),
        acts=acts,
    )


def _acts(request: int) -> list[tuple[dt.datetime, str]]:
    """Return the latest events of the person whose event is a request, without that one."""
    asked: PlacedEvent | None = events_by_id([request]).get(request)
    if asked is None:
        return []
    rows = AuditEvent.objects.filter(actor_kind=asked.actor_kind, actor_id=asked.actor_id)
    ids = list(rows.exclude(pk=request).order_by("-pk").values_list("pk", flat=True)[:SHOWN])
    found = events_by_id(ids)
    told = payloads.for_events(found.values())
    return [(told[pk].at, told[pk].message) for pk in ids]
