"""What officers do about ranks: approve or reject what was proposed, and give a rank by hand.

The player is locked first and the decision after it, in the order in which ingestion takes them.
"""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, record
from players.amounts import points
from players.decisions import (
    KINDS,
    Candidate,
    assess,
    candidate_of,
    close,
    lock_one,
    move,
    open_proposals,
    rank_name_of,
    target_id_of,
    withdraw,
)
from players.models import Decision, Player
from players.policies import ActivePolicy, active
from players.policy.permissions import Act, may
from players.staff import Refused, Staff


def approve(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Apply a proposal. Raises Refused when it is settled already, no longer holds, or `by` may not."""
    with transaction.atomic():
        decision, candidate, policy = _open_for(decision_id, by, reason)
        if decision.kind == Decision.Kind.HAND:
            return _approve_hand(decision, candidate, policy, by, reason, now)
        evaluation = assess([candidate], policy, now).get(candidate.id)
        if target_id_of(evaluation, policy) != decision.to_rank_id or candidate.rank_id != decision.from_rank_id:
            failed = ", ".join(evaluation.failed) if evaluation else "permitted"
            raise Refused(
                f"The player is no longer due for it (failed: {failed or 'rank changed'}). Reject it instead."
            )
        close(decision, Decision.Status.APPLIED, by.actor, reason, now)
        move([(candidate, decision)], now)
        _tell(KINDS[decision.kind], decision, candidate, policy, by.actor)
        return decision


def reject(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Close a proposal without effect; it is not proposed again for the policy's `reproposeDays`. Raises Refused."""
    with transaction.atomic():
        decision, candidate, policy = _open_for(decision_id, by, reason)
        close(decision, Decision.Status.REJECTED, by.actor, reason, now)
        record(
            Action.DECISION_REJECTED,
            actor=by.actor,
            target=candidate.target,
            reason=reason,
            details={"decision": decision.pk, "kind": decision.kind},
            policy_version=policy.bundle.version,
        )
        return decision


def set_rank(user_id: int, rank_name: str, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Give a rank by hand. Raises Refused when there is no such player or rank, or `by` may not."""
    with transaction.atomic():
        policy = active()
        candidate = lock_one(user_id)
        if rank_name not in policy.rank_ids:
            raise Refused(f"There is no rank {rank_name!r}. The ranks are: {', '.join(policy.rank_ids)}.")
        to_rank = policy.rank_ids[rank_name]
        _check_hand(by, candidate, policy, to_rank, reason)
        withdraw(list(open_proposals([candidate.id]).values()), policy, by.actor, now)
        decision = Decision.objects.create(
            player_id=candidate.id,
            kind=Decision.Kind.HAND,
            status=Decision.Status.APPLIED,
            source=Decision.Source.STAFF,
            from_rank_id=candidate.rank_id,
            to_rank_id=to_rank,
            inputs={"points": str(points(candidate.points))},
            failed=[],
            policy_id=policy.id,
            reason=reason,
            decided_by=by.name,
            decided_at=now,
        )
        move([(candidate, decision)], now)
        _tell(Action.RANK_SET, decision, candidate, policy, by.actor)
        return decision


def adopt(user_id: int, rank_name: str, *, actor: Actor, now: dt.datetime) -> Decision | None:
    """Take over a rank that somebody gave by hand on Roblox: at once, or as a proposal where the rank is privileged,
    since such a rank brings powers here. None when it is held or proposed already.

    Raises Refused when there is no such player or rank.
    """
    with transaction.atomic():
        policy = active()
        candidate = lock_one(user_id)
        if rank_name not in policy.rank_ids:
            raise Refused(f"There is no rank {rank_name!r}. The ranks are: {', '.join(policy.rank_ids)}.")
        to_rank = policy.rank_ids[rank_name]
        standing = open_proposals([candidate.id]).get(candidate.id)
        if to_rank == candidate.rank_id or (standing is not None and standing.to_rank_id == to_rank):
            return None
        withdraw([standing] if standing else [], policy, actor, now)
        applied = not policy.bundle.by_name[rank_name].privileged
        decision = Decision.objects.create(
            player_id=candidate.id,
            kind=Decision.Kind.HAND,
            status=Decision.Status.APPLIED if applied else Decision.Status.PROPOSED,
            source=Decision.Source.ROBLOX,
            from_rank_id=candidate.rank_id,
            to_rank_id=to_rank,
            inputs={"points": str(points(candidate.points))},
            failed=[],
            policy_id=policy.id,
            reason="changed by hand on Roblox",
            decided_by=f"{actor.kind}:{actor.id}" if applied else "",
            decided_at=now if applied else None,
        )
        if applied:
            move([(candidate, decision)], now)
        _tell(Action.RANK_SET if applied else Action.DECISION_PROPOSED, decision, candidate, policy, actor)
        return decision


def _approve_hand(
    decision: Decision, candidate: Candidate, policy: ActivePolicy, by: Staff, reason: str, now: dt.datetime
) -> Decision:
    if candidate.rank_id != decision.from_rank_id:
        raise Refused("The player's rank changed since it was proposed. Reject it instead.")
    close(decision, Decision.Status.APPLIED, by.actor, reason, now)
    move([(candidate, decision)], now)
    _tell(Action.RANK_SET, decision, candidate, policy, by.actor)
    return decision


def _tell(action: Action, decision: Decision, candidate: Candidate, policy: ActivePolicy, actor: Actor) -> None:
    record(
        action,
        actor=actor,
        target=candidate.target,
        reason=decision.reason,
        before={"rank": rank_name_of(decision.from_rank_id, policy)},
        after={"rank": rank_name_of(decision.to_rank_id, policy), "decision": decision.pk},
        policy_version=policy.bundle.version,
    )


def _open_for(decision_id: int, by: Staff, reason: str) -> tuple[Decision, Candidate, ActivePolicy]:
    player_id = Decision.objects.filter(pk=decision_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise Refused(f"There is no decision {decision_id}.")
    # The player first, then the decision: the order in which ingestion takes them.
    player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    if decision.status != Decision.Status.PROPOSED:
        raise Refused(f"The decision is {decision.status} already.")
    policy = active()
    candidate = candidate_of(player)
    act = Act.PROMOTE if _leads_up(decision, policy) else Act.DEMOTE
    _check(by, act, candidate, policy, decision.to_rank_id, reason)
    return decision, candidate, policy


def _leads_up(decision: Decision, policy: ActivePolicy) -> bool:
    before, after = policy.ranks.get(decision.from_rank_id), policy.ranks.get(decision.to_rank_id)
    return before is None or after is None or after.position > before.position


def _check_hand(by: Staff, candidate: Candidate, policy: ActivePolicy, to_rank: int, reason: str) -> None:
    if to_rank == candidate.rank_id:
        raise Refused("The player holds that rank already.")
    present = policy.ranks.get(candidate.rank_id)
    up = present is None or policy.ranks[to_rank].position > present.position
    _check(by, Act.PROMOTE if up else Act.DEMOTE, candidate, policy, to_rank, reason)


def _check(by: Staff, act: Act, candidate: Candidate, policy: ActivePolicy, to_rank: int, reason: str) -> None:
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    if by.rank is None:
        return
    target = policy.ranks.get(candidate.rank_id)
    if target is None:
        raise Refused("The player's rank is not part of the active policy.")
    verdict = may(act, by.rank, target, own=by.user_id == candidate.user_id, to=policy.ranks[to_rank])
    if not verdict.allowed:
        raise Refused(f"You may not: {verdict.reason}.")
    if verdict.second:
        raise Refused("This needs a second person's approval.")
