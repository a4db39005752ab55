"""Evaluate ranks by the policy: apply automatic changes, propose the others.

`evaluate_and_apply` serves events, the schedule and the automation. Officers' decisions are in
`players.ranks.decisions`. Everything here runs in the transaction that holds the players' locks.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import connection, transaction

from common.amounts import points
from players.active_policy import ActivePolicy
from players.membership.status import present
from players.models import Decision
from players.policy.membership import MembershipStatus
from players.policy.ranks import Evaluation, RankState, counted_until, evaluate
from players.ranks import restrictions
from players.ranks.candidates import Candidate, lock_candidate
from players.ranks.decision_records import (
    DecisionContext,
    change_ranks,
    open_proposal_ids,
    open_proposals,
    record_decisions,
    withdraw_proposals,
)

GONE = (MembershipStatus.LEFT, MembershipStatus.GUEST)


@dataclass(frozen=True, slots=True)
class EvaluationOutcome:
    """A candidate's evaluation, and the decision made from it (None without a change)."""

    candidate: Candidate
    evaluation: Evaluation
    decision: Decision | None


def assess(
    candidates: Iterable[Candidate], policy: ActivePolicy, now: dt.datetime
) -> dict[int, Evaluation]:
    """Evaluate each candidate without changing anything; return evaluations by player id."""
    known = [candidate for candidate in candidates if candidate.rank_id in policy.ranks]
    recommended, locked = _recommendations(known, policy), restrictions.locked(known, policy, now)
    return {
        candidate.id: evaluate(
            replace(
                _standing(candidate, policy, recommended.get(candidate.id, 0)),
                locked=candidate.id in locked,
            ),
            policy.bundle,
            now,
        )
        for candidate in known
    }


def may_change_rank(
    candidates: Sequence[Candidate], policy: ActivePolicy, now: dt.datetime
) -> list[Candidate]:
    """Return the candidates whose rank may change.

    They have enough points and days for the next rank, too few points for the present one, or an
    open proposal that may no longer apply. It takes one query. For most batches the list is empty.
    """
    open_ones = open_proposal_ids([candidate.id for candidate in candidates])
    return [
        candidate
        for candidate in candidates
        if candidate.id in open_ones or _is_promising(candidate, policy, now)
    ]


def _is_promising(candidate: Candidate, policy: ActivePolicy, now: dt.datetime) -> bool:
    rank = policy.ranks.get(candidate.rank_id)
    if rank is None:
        return False
    if candidate.points < rank.min_points:
        return True
    target = policy.bundle.next_after(rank)
    if target is None or candidate.points < target.min_points:
        return False
    until = counted_until(candidate.rank_since, candidate.resting_since, now)
    return until - candidate.rank_since >= dt.timedelta(days=target.min_time_days)


def evaluate_and_apply(
    candidates: Sequence[Candidate], context: DecisionContext
) -> list[EvaluationOutcome]:
    """Evaluate locked players; apply, propose or withdraw rank changes.

    Automatic changes are applied, privileged ones are proposed, and proposals that no longer apply
    are withdrawn.
    """
    if not candidates:
        return []
    evaluations = assess(candidates, context.policy, context.now)
    proposals = open_proposals([candidate.id for candidate in candidates])
    refused = _lately_rejected(candidates, evaluations, context)
    stale, made = [], {}
    for candidate in candidates:
        evaluation, proposal = evaluations.get(candidate.id), proposals.get(candidate.id)
        target = target_rank_id(evaluation, context.policy)
        if proposal is not None and _still_stands(proposal, candidate, target, context.policy):
            continue
        if proposal is not None:
            stale.append(proposal)
        if evaluation is not None and target is not None and (candidate.id, target) not in refused:
            made[candidate.id] = candidate, _decision(candidate, evaluation, target, context)
    withdraw_proposals(stale, context.policy, context.actor, context.now, context.details)
    _store(list(made.values()), context)
    return [
        EvaluationOutcome(
            candidate, evaluations[candidate.id], made.get(candidate.id, (None, None))[1]
        )
        for candidate in candidates
        if candidate.id in evaluations
    ]


def evaluate_now(
    user_id: int, context: DecisionContext, *, apply: bool
) -> EvaluationOutcome | None:
    """Evaluate one player. `apply`: also apply or propose the change.

    Returns None if their rank is not part of the policy. Raises Refused for an unknown player.
    """
    with transaction.atomic():
        candidate = lock_candidate(user_id)
        if apply:
            return next(iter(evaluate_and_apply([candidate], context)), None)
        evaluation = assess([candidate], context.policy, context.now).get(candidate.id)
        return EvaluationOutcome(candidate, evaluation, None) if evaluation else None


def _still_stands(
    proposal: Decision, candidate: Candidate, target_id: int | None, policy: ActivePolicy
) -> bool:
    """Return whether a proposal still applies to the player.

    An automatic proposal needs the policy to lead to the same rank. A manual one ends if the
    player's rank changes, if they leave or are banned, and if the proposed rank is retired.
    """
    if proposal.from_rank_id != candidate.rank_id or proposal.to_rank_id not in policy.ranks:
        return False
    if proposal.kind != Decision.Kind.HAND:
        return proposal.to_rank_id == target_id
    return not candidate.banned and candidate.member not in GONE


def _standing(candidate: Candidate, policy: ActivePolicy, recommendations: int) -> RankState:
    rank = policy.ranks[candidate.rank_id]
    sanctioned = rank.is_punishment or candidate.banned
    return RankState(
        rank,
        candidate.points,
        candidate.rank_since,
        recommendations,
        sanctioned,
        membership=present(candidate.member),
        resting_since=candidate.resting_since,
    )


def _automatic(evaluation: Evaluation) -> bool:
    if not evaluation.automatic:
        return False
    return evaluation.kind != "promotion" or settings.INTEGRATIONS.features.automatic_promotions


def target_rank_id(evaluation: Evaluation | None, policy: ActivePolicy) -> int | None:
    if evaluation is None or evaluation.kind is None or evaluation.target is None:
        return None
    return policy.rank_ids[evaluation.target.name]


def _recommendations(candidates: Sequence[Candidate], policy: ActivePolicy) -> dict[int, int]:
    asked = []
    for candidate in candidates:
        target = policy.bundle.next_after(policy.ranks[candidate.rank_id])
        if target is not None and target.required_recommendations:
            asked.append(candidate)
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.player_id, count(*) FROM unnest(%s::bigint[], %s::bigint[]) AS c(player, rank) "
            "JOIN recommendations r ON r.player_id = c.player AND r.rank_id = c.rank GROUP BY r.player_id",
            [[candidate.id for candidate in asked], [candidate.rank_id for candidate in asked]],
        )
        return dict(cursor.fetchall())


def _lately_rejected(
    candidates: Iterable[Candidate],
    evaluations: Mapping[int, Evaluation],
    context: DecisionContext,
) -> set[tuple[int, int]]:
    """Return player and rank ids of recently rejected proposals that would be made again."""
    proposed = [
        candidate.id
        for candidate in candidates
        if (found := evaluations.get(candidate.id)) and found.kind and not _automatic(found)
    ]
    if not proposed:
        return set()
    since = context.now - dt.timedelta(days=context.policy.bundle.repropose_days)
    rejected = Decision.objects.filter(
        status=Decision.Status.REJECTED, player_id__in=proposed, decided_at__gt=since
    )
    return set(rejected.values_list("player_id", "to_rank_id"))


def _decision(
    candidate: Candidate, evaluation: Evaluation, to_rank: int, context: DecisionContext
) -> Decision:
    applied = _automatic(evaluation)
    return Decision(
        player_id=candidate.id,
        kind=str(evaluation.kind),
        status=Decision.Status.APPLIED if applied else Decision.Status.PROPOSED,
        source=context.source,
        from_rank_id=candidate.rank_id,
        to_rank_id=to_rank,
        inputs={
            "points": str(points(candidate.points)),
            "rankSince": candidate.rank_since.isoformat(),
        },
        failed=[str(condition) for condition in evaluation.failed],
        policy_id=context.policy.id,
        reason=context.reason,
        decided_by="system:policy" if applied else "",
        decided_at=context.now if applied else None,
        created_at=context.now,
    )


def _store(made: Sequence[tuple[Candidate, Decision]], context: DecisionContext) -> None:
    if not made:
        return
    Decision.objects.bulk_create([decision for _, decision in made])
    applied = [
        (candidate, decision)
        for candidate, decision in made
        if decision.status == Decision.Status.APPLIED
    ]
    change_ranks(applied, context.now)
    record_decisions(made, context)
