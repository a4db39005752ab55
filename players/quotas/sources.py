"""What other packages say about players in a period."""

from collections.abc import Collection

from players.hosted_events.counts import counts
from players.leave.queries import leaves_in
from players.policy.quotas import Span


def hosted_events(player_ids: Collection[int], span: Span) -> dict[int, tuple[int, int]]:
    """Return hosted events attended and hosted, by our player id."""
    return counts(player_ids, span.first, span.end)


def leaves(player_ids: Collection[int], span: Span) -> dict[int, list[Span]]:
    """Return the days of approved leave, by our player id."""
    found = leaves_in(player_ids, span.first, span.end)
    return {player_id: [Span(*days) for days in spans] for player_id, spans in found.items()}
