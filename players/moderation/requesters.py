"""The requesters of waiting acts, with their present rank."""

from audits.models import AuditEvent, AuditPersonal
from audits.record import Actor
from common.errors import Refused, Unconfirmed
from players.models import Approval, Player
from players.moderation.actors import Staff, officer, unranked


def requester_of(approval: Approval) -> Staff:
    """Return the requester. Raises Refused if they may no longer act."""
    try:
        return requester_by_event(approval.requester, approval.event)
    except Unconfirmed:
        raise
    except Refused:
        raise Refused("Whoever asked for it may not act any more; reject it.") from None


def requester_by_event(requester: Player | None, event_id: int) -> Staff:
    """Return the actor of a request's audit event. Raises Refused.

    `requester` is None if they are not a player.
    """
    if requester is not None:
        return officer(requester.user_id)
    event = AuditEvent.objects.get(pk=event_id)
    name = AuditPersonal.objects.filter(event_id=event_id, field="actorName").first()
    value, subject = (name.value, name.subject) if name else ("", "")
    return unranked(Actor(event.actor_kind, event.actor_id, value, subject))


def requester_user_id(approval_id: int) -> int | None:
    """Return the requester's Roblox user id, or None if they are not a player."""
    rows = Approval.objects.filter(pk=approval_id)
    return rows.values_list("requester__user_id", flat=True).first()
