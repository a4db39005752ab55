"""Changes of rank: what the policy decides is applied at once or proposed, and every one keeps what
it was decided on.

`evaluate_and_apply` is the one way in for events, the schedule and the automation; what officers do stands in
officers.py. All of it runs in the transaction that holds the players' locks.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from audits.actions import Action
from audits.record import Actor, Entry, Target, record_many
from common.amounts import hundredths, points
from common.errors import Refused
from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.locking import PlayerRow
from players.membership.status import present
from players.models import Decision, Player
from players.policy.membership import Membership
from players.policy.ranks import Evaluation, RankState, evaluate

APPLY = """
    UPDATE players p SET rank_id = c.to_rank, rank_since = %s, updated_at = %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, from_rank, to_rank)
    WHERE p.id = c.player AND p.rank_id = c.from_rank"""

KINDS = {
    "promotion": Action.RANK_PROMOTED,
    "demotion": Action.RANK_DEMOTED,
    "hand": Action.RANK_SET,
}


GONE = (Membership.LEFT, Membership.GUEST)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A locked player, as far as a decision needs them. `points` in hundredths."""

    id: int
    user_id: int
    username: str
    rank_id: int
    rank_since: dt.datetime
    points: int
    banned: bool = False
    member: str = Membership.UNKNOWN

    @property
    def target(self) -> Target:
        return Target("player", str(self.id), self.username, f"player:{self.id}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the policy says of a candidate, and the decision that came of it (None when there is
    nothing to change).
    """

    candidate: Candidate
    evaluation: Evaluation
    decision: Decision | None


def assess(
    candidates: Iterable[Candidate], policy: ActivePolicy, now: dt.datetime
) -> dict[int, Evaluation]:
    """What the policy says of each candidate, by player id. Changes nothing."""
    known = [candidate for candidate in candidates if candidate.rank_id in policy.ranks]
    recommended = _recommendations(known, policy)
    return {
        candidate.id: evaluate(
            _standing(candidate, policy, recommended.get(candidate.id, 0)), policy.bundle, now
        )
        for candidate in known
    }


def may_change_rank(
    candidates: Sequence[Candidate], policy: ActivePolicy, now: dt.datetime
) -> list[Candidate]:
    """Candidates whose rank may change: points and days enough for the next rank, points too few
    for the present one, or an open proposal that may not hold any more.

    One query, and for most batches there is nothing more to do.
    """
    open_ones = _open_proposal_ids([candidate.id for candidate in candidates])
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
    return now - candidate.rank_since >= dt.timedelta(days=target.min_time_days)


def evaluate_and_apply(
    candidates: Sequence[Candidate],
    *,
    source: Decision.Source,
    policy: ActivePolicy,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
) -> list[Outcome]:
    """Evaluate locked players; apply what is automatic, propose what is privileged, withdraw what
    no longer holds.
    """
    evaluations = assess(candidates, policy, now)
    standing_proposals = open_proposals([candidate.id for candidate in candidates])
    due = [
        candidate
        for candidate in candidates
        if candidate.id in evaluations and evaluations[candidate.id].kind
    ]
    refused = _lately_rejected(
        [candidate for candidate in due if not _automatic(evaluations[candidate.id])], policy, now
    )
    stale, made = [], {}
    for candidate in candidates:
        evaluation = evaluations.get(candidate.id)
        proposal = standing_proposals.get(candidate.id)
        target_id = target_rank_id(evaluation, policy)
        if proposal is not None and _still_stands(proposal, candidate, target_id, policy):
            continue
        if proposal is not None:
            stale.append(proposal)
        if evaluation is None or target_id is None or (candidate.id, target_id) in refused:
            continue
        made[candidate.id] = _decision(
            candidate, evaluation, target_id, source, policy, now, reason
        )
    withdraw_proposals(stale, policy, actor, now)
    _write(made, {candidate.id: candidate for candidate in due}, policy, actor, now)
    return [
        Outcome(candidate, evaluations[candidate.id], made.get(candidate.id))
        for candidate in candidates
        if candidate.id in evaluations
    ]


def _still_stands(
    proposal: Decision, candidate: Candidate, target_id: int | None, policy: ActivePolicy
) -> bool:
    """Whether a proposal still applies to the player.

    An automatic one needs the policy to say the same. One made by hand ends when the player's rank
    changes, when they leave or are banned, and when the proposed rank is retired.
    """
    if proposal.from_rank_id != candidate.rank_id or proposal.to_rank_id not in policy.ranks:
        return False
    if proposal.kind != Decision.Kind.HAND:
        return proposal.to_rank_id == target_id
    return not candidate.banned and candidate.member not in GONE


def lock_candidate(user_id: int) -> Candidate:
    """Lock one player by Roblox user id. Raises Refused when there is none."""
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return candidate_for(player)


def candidate_for(player: Player) -> Candidate:
    return Candidate(
        player.pk,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        hundredths(player.points),
        player.banned,
        player.member,
    )


def candidate_for_row(player: PlayerRow) -> Candidate:
    return Candidate(
        player.id,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        player.points,
        player.banned,
        player.member,
    )


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


def open_proposals(player_ids: Sequence[int]) -> dict[int, Decision]:
    found = _open_proposal_ids(player_ids)
    if not found:
        return {}
    return {
        proposal.player_id: proposal
        for proposal in Decision.objects.filter(pk__in=found.values()).select_related("to_rank")
    }


def _open_proposal_ids(player_ids: Sequence[int]) -> dict[int, int]:
    """The open proposal's id of each player who has one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT player_id, id FROM decisions WHERE status = 'proposed' AND player_id = ANY(%s::bigint[])",
            [numbers(player_ids)],
        )
        return dict(cursor.fetchall())


def _lately_rejected(
    candidates: Sequence[Candidate], policy: ActivePolicy, now: dt.datetime
) -> set[tuple[int, int]]:
    if not candidates:
        return set()
    since = now - dt.timedelta(days=policy.bundle.repropose_days)
    rejected = Decision.objects.filter(
        status=Decision.Status.REJECTED,
        player_id__in=[candidate.id for candidate in candidates],
        decided_at__gt=since,
    )
    return set(rejected.values_list("player_id", "to_rank_id"))


def _decision(
    candidate: Candidate,
    evaluation: Evaluation,
    to_rank: int,
    source: Decision.Source,
    policy: ActivePolicy,
    now: dt.datetime,
    reason: str,
) -> Decision:
    applied = _automatic(evaluation)
    return Decision(
        player_id=candidate.id,
        kind=str(evaluation.kind),
        status=Decision.Status.APPLIED if applied else Decision.Status.PROPOSED,
        source=source,
        from_rank_id=candidate.rank_id,
        to_rank_id=to_rank,
        inputs={
            "points": str(points(candidate.points)),
            "rankSince": candidate.rank_since.isoformat(),
        },
        failed=[str(condition) for condition in evaluation.failed],
        policy_id=policy.id,
        reason=reason,
        decided_by="system:policy" if applied else "",
        decided_at=now if applied else None,
        created_at=now,
    )


def _write(
    made: Mapping[int, Decision],
    candidates: Mapping[int, Candidate],
    policy: ActivePolicy,
    actor: Actor,
    now: dt.datetime,
) -> None:
    if not made:
        return
    Decision.objects.bulk_create(made.values())
    applied = [
        (candidates[player_id], decision)
        for player_id, decision in made.items()
        if decision.status == Decision.Status.APPLIED
    ]
    change_ranks(applied, now)
    record_many(
        [
            _entry(candidates[player_id], decision, policy, actor)
            for player_id, decision in made.items()
        ]
    )


def _entry(candidate: Candidate, decision: Decision, policy: ActivePolicy, actor: Actor) -> Entry:
    applied = decision.status == Decision.Status.APPLIED
    return Entry(
        KINDS[decision.kind] if applied else Action.DECISION_PROPOSED,
        actor=actor,
        target=candidate.target,
        reason=decision.reason,
        before={"rank": rank_name(decision.from_rank_id, policy)},
        after={"rank": rank_name(decision.to_rank_id, policy), "decision": decision.pk},
        policy_version=policy.bundle.version,
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


def withdraw_proposals(
    proposals: Sequence[Decision], policy: ActivePolicy, actor: Actor, now: dt.datetime
) -> None:
    if not proposals:
        return
    for proposal in proposals:
        close_decision(
            proposal, Decision.Status.WITHDRAWN, actor, "the player is no longer due for it", now
        )
    names = dict(
        Player.objects.filter(pk__in=[p.player_id for p in proposals]).values_list("pk", "username")
    )
    record_many(
        [
            Entry(
                Action.DECISION_WITHDRAWN,
                actor=actor,
                target=Target(
                    "player", str(p.player_id), names[p.player_id], f"player:{p.player_id}"
                ),
                details={"decision": p.pk, "kind": p.kind},
                policy_version=policy.bundle.version,
            )
            for p in proposals
        ]
    )


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
