"""Store rank decisions: create, close and withdraw them, change ranks, write audit events.

Everything here runs in the transaction that holds the players' locks.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from django.db import connection

from audits.actions import Action
from audits.queries import PART_OF
from audits.record import Actor, NewEvent, Target, record_many
from common.amounts import points
from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.models import Decision, Player
from players.ranks.candidates import Candidate

APPLY = """
    UPDATE players p SET rank_id = c.to_rank, rank_since = %s, updated_at = %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, from_rank, to_rank)
    WHERE p.id = c.player AND p.rank_id = c.from_rank"""

KINDS = {
    "promotion": Action.RANK_PROMOTED,
    "demotion": Action.RANK_DEMOTED,
    "hand": Action.RANK_SET,
}

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """The policy, actor, moment, source and reason of rank decisions.

    `part_of`: the piece of work whose last event sums them up, as `import:12`.
    """

    policy: ActivePolicy
    actor: Actor
    now: dt.datetime
    source: Decision.Source
    reason: str = ""
    part_of: str = ""

    @property
    def details(self) -> dict[str, str]:
        """The details of their audit events."""
        return {PART_OF: self.part_of} if self.part_of else {}


def manual_change(candidate: Candidate, to_rank: int, context: DecisionContext) -> Decision:
    """Return an unsaved proposal for a manual rank change."""
    return Decision(
        player_id=candidate.id,
        kind=Decision.Kind.HAND,
        status=Decision.Status.PROPOSED,
        source=context.source,
        from_rank_id=candidate.rank_id,
        to_rank_id=to_rank,
        inputs={"points": str(points(candidate.points))},
        failed=[],
        policy_id=context.policy.id,
        reason=context.reason,
    )


def mark_applied(decision: Decision, decided_by: str, now: dt.datetime) -> None:
    """Mark an unsaved decision as applied."""
    decision.status = Decision.Status.APPLIED
    decision.decided_by, decision.decided_at = decided_by, now


def record_decisions(
    made: Iterable[tuple[Candidate, Decision]],
    context: DecisionContext,
    *,
    reverts: int | None = None,
) -> None:
    """Write the audit event of each applied or proposed decision.

    `reverts`: id of the event that they undo.
    """
    entries = [_entry(candidate, decision, context) for candidate, decision in made]
    record_many([replace(entry, reverts=reverts) for entry in entries])


def _entry(candidate: Candidate, decision: Decision, context: DecisionContext) -> NewEvent:
    applied = decision.status == Decision.Status.APPLIED
    return NewEvent(
        KINDS[decision.kind] if applied else Action.DECISION_PROPOSED,
        actor=context.actor,
        target=candidate.target,
        reason=decision.reason,
        before={"rank": rank_name(decision.from_rank_id, context.policy)},
        after={"rank": rank_name(decision.to_rank_id, context.policy), "decision": decision.pk},
        details=context.details,
        policy_version=context.policy.bundle.version,
    )


def change_ranks(moves: Sequence[tuple[Candidate, Decision]], now: dt.datetime) -> None:
    if not moves:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            APPLY,
            [
                now,
                now,
                [candidate.id for candidate, _ in moves],
                [decision.from_rank_id for _, decision in moves],
                [decision.to_rank_id for _, decision in moves],
            ],
        )


def open_proposals(player_ids: Sequence[int]) -> dict[int, Decision]:
    found = open_proposal_ids(player_ids)
    if not found:
        return {}
    return {
        proposal.player_id: proposal
        for proposal in Decision.objects.filter(pk__in=found.values()).select_related("to_rank")
    }


def open_proposal_ids(player_ids: Sequence[int]) -> dict[int, int]:
    """Return the open proposal's id by player id, for players who have one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT player_id, id FROM decisions WHERE status = 'proposed' AND player_id = ANY(%s::bigint[])",
            [numbers(player_ids)],
        )
        return dict(cursor.fetchall())


def withdraw_proposals(
    proposals: Sequence[Decision],
    policy: ActivePolicy,
    actor: Actor,
    now: dt.datetime,
    details: Mapping[str, str] = NO_DETAILS,
) -> None:
    """Withdraw proposals that no longer apply, with an audit event each, which has `details` too."""
    if not proposals:
        return
    why = "the player is no longer due for it"
    for proposal in proposals:
        close_decision(proposal, Decision.Status.WITHDRAWN, actor, why, now)
    players = Player.objects.filter(pk__in=[proposal.player_id for proposal in proposals])
    names = dict(players.values_list("pk", "username"))
    record_many(
        [
            NewEvent(
                Action.DECISION_WITHDRAWN,
                actor=actor,
                target=_target(proposal.player_id, names[proposal.player_id]),
                details={"decision": proposal.pk, "kind": proposal.kind, **details},
                policy_version=policy.bundle.version,
            )
            for proposal in proposals
        ]
    )


def _target(player_id: int, username: str) -> Target:
    return Target("player", str(player_id), username, f"player:{player_id}")


def close_decision(
    decision: Decision, status: Decision.Status, actor: Actor, reason: str, now: dt.datetime
) -> None:
    decision.status = status
    decision.reason = reason
    decision.decided_by = f"{actor.kind}:{actor.id}"
    decision.decided_at = now
    decision.save(update_fields=["status", "reason", "decided_by", "decided_at"])


def rank_name(rank_id: int, policy: ActivePolicy) -> str:
    rank = policy.ranks.get(rank_id)
    return rank.name if rank else f"rank {rank_id}"
