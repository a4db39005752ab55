"""Give imported ranks, held since the date in the file."""

from collections.abc import Sequence

from django.db import connection

from common.pg_arrays import numbers, texts
from players.imports.plans import Plan
from players.models import Decision, Player
from players.ranks.candidates import Candidate, candidate_for
from players.ranks.decision_records import (
    DecisionContext,
    change_ranks,
    manual_change,
    mark_applied,
    open_proposals,
    record_decisions,
    withdraw_proposals,
)

SINCE = """
    UPDATE players p SET rank_since = c.since::timestamptz, updated_at = %s
    FROM unnest(%s::bigint[], %s::text[]) AS c(player, since) WHERE p.id = c.player"""


def apply(items: Sequence[tuple[Player, Plan]], context: DecisionContext) -> None:
    """Give ranks to locked players: one applied decision and audit event for each change."""
    moved = [(candidate_for(player), plan) for player, plan in items if plan.rank is not None]
    if moved:
        _change(moved, context)
    since = [(player.pk, plan.since) for player, plan in items if plan.since is not None]
    if since:
        with connection.cursor() as cursor:
            moments = texts(at.isoformat() for _, at in since)
            cursor.execute(SINCE, [context.now, numbers(pk for pk, _ in since), moments])


def _change(moved: Sequence[tuple[Candidate, Plan]], context: DecisionContext) -> None:
    proposals = open_proposals([candidate.id for candidate, _ in moved])
    withdraw_proposals(
        list(proposals.values()), context.policy, context.actor, context.now, context.details
    )
    made = []
    for candidate, plan in moved:
        assert plan.rank is not None
        decision = manual_change(candidate, context.policy.rank_ids[plan.rank.name], context)
        mark_applied(decision, f"{context.actor.kind}:{context.actor.id}", context.now)
        made.append((candidate, decision))
    Decision.objects.bulk_create(decision for _, decision in made)
    change_ranks(made, context.now)
    record_decisions(made, context)
