"""What officers do about ranks: approve or reject what was proposed, and give a rank by hand.

The player is locked first and the decision after it, in the order in which ingestion takes them.
"""

import datetime as dt
from contextlib import AbstractContextManager
from dataclasses import replace
from math import inf

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import Actor, record
from common.amounts import points
from common.errors import NotAllowed, Refused
from players.active_policy import ActivePolicy, active
from players.models import Approval, Decision, Player
from players.moderation import approvals, experience_bounds, velocity_limit
from players.moderation.actors import Staff
from players.moderation.authorization import (
    Done,
    Verdict,
    check_not_taken_back,
    check_reason,
    kept_rank,
    telling_refusals,
    verdict,
)
from players.moderation.command import Command
from players.moderation.experience_bounds import Demand
from players.policy.bundle import Rank
from players.policy.permissions import Act
from players.ranks.evaluation import (
    KINDS,
    Candidate,
    assess,
    candidate_for,
    change_ranks,
    close_decision,
    lock_candidate,
    open_proposals,
    rank_name,
    target_rank_id,
    withdraw_proposals,
)

RETIRED = "The rank is not part of the active policy any more. Reject the proposal."


def approve(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Apply a proposal. Raises Refused when it is settled already, no longer holds, or `by` may
    not.
    """
    with _settling(decision_id, by), transaction.atomic():
        decision, candidate, policy = _open_for(decision_id, by, reason, now)
        if decision.to_rank_id not in policy.ranks:
            raise Refused(RETIRED)
        if by.is_named(decision.proposed_by):
            raise NotAllowed(
                "You may not: you proposed it yourself, a second officer must approve."
            )
        if decision.kind == Decision.Kind.HAND:
            return _approve_hand(decision, candidate, policy, by, reason, now)
        evaluation = assess([candidate], policy, now).get(candidate.id)
        if (
            target_rank_id(evaluation, policy) != decision.to_rank_id
            or candidate.rank_id != decision.from_rank_id
        ):
            failed = ", ".join(evaluation.failed) if evaluation else "permitted"
            raise Refused(
                f"The player is no longer due for it (failed: {failed or 'rank changed'}). Reject it instead."
            )
        _apply(decision, by, reason, now)
        change_ranks([(candidate, decision)], now)
        _tell(KINDS[decision.kind], decision, candidate, policy, by.actor)
        return decision


def reject(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Close a proposal without effect; it is not proposed again for the policy's `reproposeDays`.
    Raises Refused.
    """
    with _settling(decision_id, by), transaction.atomic():
        decision, candidate, policy = _open_for(decision_id, by, reason, now)
        close_decision(decision, Decision.Status.REJECTED, by.actor, reason, now)
        record(
            Action.DECISION_REJECTED,
            actor=by.actor,
            target=candidate.target,
            reason=reason,
            details={"decision": decision.pk, "kind": decision.kind},
            policy_version=policy.bundle.version,
        )
        return decision


def set_rank(user_id: int, rank_name: str, command: Command) -> Decision:
    """Give a rank by hand; to somebody suspended none is given. Whoever acted too often lately only
    proposes it.

    Raises Refused when there is no such player or rank, NotAllowed when `by` may not.
    """
    by, now = command.by, command.now
    with telling_refusals("rank", user_id, by), transaction.atomic():
        tripped = command.counts_toward_limit and velocity_limit.is_tripped(by, now)
        policy, candidate, to_rank = _for_hand(user_id, rank_name)
        check_not_taken_back(command.reverts)
        _check_hand(command, candidate, policy, to_rank)
        withdraw_proposals(list(open_proposals([candidate.id]).values()), policy, by.actor, now)
        decision = _by_hand(candidate, to_rank, policy, command, applied=not tripped)
        if tripped:
            _tell(Action.DECISION_PROPOSED, decision, candidate, policy, by.actor)
            return decision
        if command.counts_toward_limit:
            velocity_limit.note(by, now)
        change_ranks([(candidate, decision)], now)
        _tell(Action.RANK_SET, decision, candidate, policy, by.actor, command.reverts)
        return decision


def propose(user_id: int, rank_name: str, command: Command) -> Decision:
    """Propose a rank for somebody; another officer, who is entitled to give it, decides. Raises
    Refused, NotAllowed.
    """
    with telling_refusals(Act.PROPOSE, user_id, command.by), transaction.atomic():
        policy, candidate, to_rank = _proposable(user_id, rank_name, command)
        check_not_taken_back(command.reverts)
        decision = _by_hand(
            candidate, to_rank, policy, replace(command, reverts=None), applied=False
        )
        actor, reverts = command.by.actor, command.reverts
        _tell(Action.DECISION_PROPOSED, decision, candidate, policy, actor, reverts)
        return decision


def propose_in_game(user_id: int, rank_name: str, command: Command) -> Decision | Done:
    """The same for a game server's proposal; past its bounds it waits for the named officer's
    confirmation.
    """
    with telling_refusals(Act.PROPOSE, user_id, command.by), transaction.atomic():
        policy, candidate, to_rank = _proposable(user_id, rank_name, command)
        player = Player.objects.get(pk=candidate.id)
        past = experience_bounds.take(
            command.experience,
            player,
            Demand(str(Act.PROPOSE), to=policy.ranks[to_rank]),
            command.now,
        )
        if past:
            return experience_bounds.request_confirmation(
                str(Act.PROPOSE), player, {"rank": rank_name}, past, command
            )
        return propose(user_id, rank_name, command)


def _proposable(
    user_id: int, rank_name: str, command: Command
) -> tuple[ActivePolicy, Candidate, int]:
    """The policy, the locked player and the rank's id, where the rank may be proposed. Raises
    Refused, NotAllowed.
    """
    policy, candidate, to_rank = _for_hand(user_id, rank_name)
    if to_rank == candidate.rank_id:
        raise Refused("rank: the player holds that rank already.")
    _check(Act.PROPOSE, command, candidate, policy, to_rank)
    if open_proposals([candidate.id]):
        raise Refused("A change of their rank is proposed already; decide on that first.")
    return policy, candidate, to_rank


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    to = active().bundle.by_name.get(approval.arguments["rank"])
    found = verdict(Act.PROPOSE, approval.player, by, now=approval.created_at, to=to)
    return "" if found.allowed else found.reason


@approvals.carries_out(
    str(Act.PROPOSE),
    judged=_judged,
    second=lambda by, approval: "",
    sentence=lambda approval: (
        f"Propose {approval.arguments['rank']} for {approval.player.username if approval.player else 'somebody'}"
    ),
)
def _proposal_approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    assert approval.player is not None
    propose(
        approval.player.user_id,
        approval.arguments["rank"],
        Command(by=requester, reason=approval.reason, now=now),
    )
    return None


def reopen(decision_id: int, command: Command) -> Decision:
    """Open a rejected proposal again: a new one like it, for somebody to decide. Raises Refused,
    NotAllowed.
    """
    former = Decision.objects.select_related("player", "to_rank").filter(pk=decision_id).first()
    if former is None or former.status != Decision.Status.REJECTED:
        raise Refused("Only a rejected proposal is opened again.")
    return propose(former.player.user_id, former.to_rank.name, command)


def _for_hand(user_id: int, rank_name: str) -> tuple[ActivePolicy, Candidate, int]:
    """The policy, the locked player and the rank's id. Raises Refused."""
    policy = active()
    candidate = lock_candidate(user_id)
    if rank_name not in policy.rank_ids:
        raise Refused(
            f"rank: there is no rank {rank_name!r}. The ranks are: {', '.join(policy.rank_ids)}."
        )
    if policy.bundle.by_name[rank_name].is_punishment:
        raise Refused("rank: nobody is given that by hand; suspend them instead.")
    held = policy.ranks.get(candidate.rank_id)
    if held is not None and held.is_punishment:
        raise Refused("The player is suspended: lift that first, then give them a rank.")
    return policy, candidate, policy.rank_ids[rank_name]


def _by_hand(
    candidate: Candidate, to_rank: int, policy: ActivePolicy, command: Command, *, applied: bool
) -> Decision:
    """Store a change by hand, applied or proposed."""
    by, now = command.by, command.now
    return Decision.objects.create(
        player_id=candidate.id,
        kind=Decision.Kind.HAND,
        status=Decision.Status.APPLIED if applied else Decision.Status.PROPOSED,
        source=Decision.Source.STAFF,
        from_rank_id=candidate.rank_id,
        to_rank_id=to_rank,
        inputs={"points": str(points(candidate.points))},
        failed=[],
        policy_id=policy.id,
        reason=command.reason,
        reverts=command.reverts,
        proposed_by="" if applied else by.name,
        decided_by=by.name if applied else "",
        decided_at=now if applied else None,
    )


def adopt(user_id: int, rank_name: str, *, actor: Actor, now: dt.datetime) -> Decision | None:
    """Take over a rank that somebody gave by hand on Roblox: at once, or as a proposal where the
    rank is privileged and brings powers here that they have not. None when it is held or proposed
    already.

    Raises Refused when there is no such player or rank, and where it would suspend somebody or free
    them.
    """
    with transaction.atomic():
        policy = active()
        candidate = lock_candidate(user_id)
        if rank_name not in policy.rank_ids:
            raise Refused(
                f"There is no rank {rank_name!r}. The ranks are: {', '.join(policy.rank_ids)}."
            )
        to_rank = policy.rank_ids[rank_name]
        held = policy.ranks.get(candidate.rank_id)
        if policy.bundle.by_name[rank_name].is_punishment or (
            held is not None and held.is_punishment
        ):
            raise Refused("Nobody is suspended or freed by a role on Roblox: staff must say.")
        standing = open_proposals([candidate.id]).get(candidate.id)
        if to_rank == candidate.rank_id or (
            standing is not None and standing.to_rank_id == to_rank
        ):
            return None
        withdraw_proposals([standing] if standing else [], policy, actor, now)
        applied = _brings_nothing(policy.bundle.by_name[rank_name], held)
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
            change_ranks([(candidate, decision)], now)
        _tell(
            Action.RANK_SET if applied else Action.DECISION_PROPOSED,
            decision,
            candidate,
            policy,
            actor,
        )
        return decision


def _brings_nothing(to: Rank, held: Rank | None) -> bool:
    """Whether a rank brings no powers beyond those of the one that is held: then it is a demotion,
    or nothing.
    """
    if not to.privileged:
        return True
    if held is None or to.position > held.position:
        return False
    limits = [inf if rank.adjust_limit is None else rank.adjust_limit for rank in (to, held)]
    return limits[0] <= limits[1] and all(
        has <= had
        for has, had in (
            (to.can_warn, held.can_warn),
            (to.can_adjust, held.can_adjust),
            (to.can_ban, held.can_ban),
        )
    )


def _approve_hand(
    decision: Decision,
    candidate: Candidate,
    policy: ActivePolicy,
    by: Staff,
    reason: str,
    now: dt.datetime,
) -> Decision:
    if candidate.rank_id != decision.from_rank_id:
        raise Refused("The player's rank changed since it was proposed. Reject it instead.")
    check_not_taken_back(decision.reverts)
    _apply(decision, by, reason, now)
    change_ranks([(candidate, decision)], now)
    since = decision.inputs.get("restoresSince")
    if since:  # the rank of somebody who came back: they held it before
        Player.objects.filter(pk=candidate.id).update(rank_since=dt.datetime.fromisoformat(since))
    _tell(Action.RANK_SET, decision, candidate, policy, by.actor, decision.reverts)
    return decision


def _apply(decision: Decision, by: Staff, reason: str, now: dt.datetime) -> None:
    """Raises NotAllowed where the database knows both for one person: their accounts were linked
    this moment.
    """
    try:
        with transaction.atomic():
            close_decision(decision, Decision.Status.APPLIED, by.actor, reason, now)
    except IntegrityError:
        raise NotAllowed(
            "You may not: you proposed it by another account of yours; somebody else decides."
        ) from None


def _settling(decision_id: int, by: Staff) -> AbstractContextManager[None]:
    user_id = (
        Decision.objects.filter(pk=decision_id).values_list("player__user_id", flat=True).first()
    )
    return telling_refusals("decide", user_id, by)


def _tell(
    action: Action,
    decision: Decision,
    candidate: Candidate,
    policy: ActivePolicy,
    actor: Actor,
    reverts: int | None = None,
) -> None:
    record(
        action,
        actor=actor,
        target=candidate.target,
        reason=decision.reason,
        before={"rank": rank_name(decision.from_rank_id, policy)},
        after={"rank": rank_name(decision.to_rank_id, policy), "decision": decision.pk},
        policy_version=policy.bundle.version,
        reverts=reverts,
    )


def _open_for(
    decision_id: int, by: Staff, reason: str, now: dt.datetime
) -> tuple[Decision, Candidate, ActivePolicy]:
    player_id = Decision.objects.filter(pk=decision_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise Refused(f"There is no decision {decision_id}.")
    # The player first, then the decision: the order in which ingestion takes them.
    player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    if decision.status != Decision.Status.PROPOSED:
        raise Refused(f"The decision is {decision.status} already.")
    policy = active()
    candidate = candidate_for(player)
    check_reason(reason)
    found = may_decide(decision, player, by, policy, now)
    if not found.allowed:
        raise NotAllowed(found.reason)
    return decision, candidate, policy


def may_decide(
    decision: Decision, player: Player, by: Staff, policy: ActivePolicy, now: dt.datetime
) -> Verdict:
    """Whether `by` may approve or reject a proposal. A rank that left the policy counts as the
    nearest one below it.
    """
    to = kept_rank(decision.to_rank, policy)
    held = policy.ranks.get(decision.from_rank_id)
    up = held is None or to.position >= held.position
    return verdict(Act.PROMOTE if up else Act.DEMOTE, player, by, now=now, to=to, policy=policy)


def _check_hand(command: Command, candidate: Candidate, policy: ActivePolicy, to_rank: int) -> None:
    if to_rank == candidate.rank_id:
        raise Refused("rank: the player holds that rank already.")
    present = policy.ranks.get(candidate.rank_id)
    up = present is None or policy.ranks[to_rank].position > present.position
    _check(Act.PROMOTE if up else Act.DEMOTE, command, candidate, policy, to_rank)


def _check(
    act: Act, command: Command, candidate: Candidate, policy: ActivePolicy, to_rank: int
) -> None:
    check_reason(command.reason)
    player = Player.objects.get(pk=candidate.id)
    found = verdict(act, player, command.by, now=command.now, to=policy.ranks[to_rank])
    if not found.allowed:
        raise NotAllowed(found.reason)
