"""Who may plan, run and award a hosted event."""

from players.active_policy import active
from players.hosted_events import kinds
from players.models import HostedEvent, HostedEventHost
from players.moderation.actors import Staff
from players.policy.hosting import why_not_host

NOT_YOURS = "You may not: only its hosts, or an officer above them, may do that."


def why_not_plan(kind: str, by: Staff) -> str:
    """Return why somebody may not plan or host events of a kind, or ""."""
    if by.rank is None:
        return ""
    refusal = why_not_host(by.rank, by.membership, kinds.find(kind).hosts)
    return f"You may not: {refusal}." if refusal else ""


def why_not_manage(event: HostedEvent, by: Staff) -> str:
    """Return why somebody may not change, end or award an event, or "".

    Its hosts may, owners may, and officers above the host whose level hosts such events.
    """
    if by.rank is None:
        return ""
    if why := why_not_plan(event.kind, by):
        return why
    if is_host(event, by):
        return ""
    host = active().ranks.get(event.host.rank_id)
    return "" if host is not None and by.rank.position > host.position else NOT_YOURS


def is_host(event: HostedEvent, by: Staff) -> bool:
    hosts = HostedEventHost.objects.filter(event=event).select_related("player")
    return any(by.is_player(row.player) for row in hosts)
