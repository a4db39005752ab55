"""Officers' decisions about ranks: approve, reject, propose, set a rank manually.

The player is locked before the decision, in the same order as in ingestion.
"""

import datetime as dt
from contextlib import AbstractContextManager
from dataclasses import replace

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import record
from common.errors import NotAllowed, Refused
from players.actions import preconditions
from players.actions.facts import Facts, facts_for
from players.actions.params import RankName, check_rank
from players.active_policy import ActivePolicy, active
from players.models import Approval, Decision, Player
from players.moderation import approval_types, experience_bounds, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.authorization import Circumstances, Permission, kept_rank, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.input import check_reason
from players.moderation.locks import check_not_taken_back
from players.moderation.refusals import audit_refusals
from players.policy.bundle import RankRule
from players.policy.permissions import Act
from players.ranks import restrictions
from players.ranks.candidates import Candidate, candidate_for, lock_candidate
from players.ranks.decision_records import (
    DecisionContext,
    change_ranks,
    close_decision,
    manual_change,
    mark_applied,
    open_proposals,
    record_decisions,
    withdraw_proposals,
)
from players.ranks.evaluation import assess, target_rank_id


def approve(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Apply a proposal.

    Raises Refused if it is decided already or no longer applies, and NotAllowed.
    """
    with _audited(decision_id, by), transaction.atomic():
        decision, candidate, policy = _open_for(decision_id, by, reason, now)
        if decision.to_rank_id not in policy.ranks:
            raise Refused(preconditions.RETIRED)
        if by.is_named(decision.proposed_by):
            raise NotAllowed(
                "You may not: you proposed it yourself, a second officer must approve."
            )
        _check_holds(decision, candidate, policy, now)
        _close_as_applied(decision, by, reason, now)
        change_ranks([(candidate, decision)], now)
        _restore_time(decision)
        context = DecisionContext(policy, by.actor, now, Decision.Source.STAFF)
        record_decisions([(candidate, decision)], context, reverts=decision.reverts)
        return decision


def _check_holds(
    decision: Decision, candidate: Candidate, policy: ActivePolicy, now: dt.datetime
) -> None:
    """Raises Refused if the proposal no longer fits the player."""
    unchanged = candidate.rank_id == decision.from_rank_id
    if decision.kind == Decision.Kind.HAND:
        if not unchanged:
            raise Refused("The player's rank changed since it was proposed. Reject it instead.")
        _check_restrictions(decision, candidate, policy, now)
        check_not_taken_back(decision.reverts)
        return
    evaluation = assess([candidate], policy, now).get(candidate.id)
    if target_rank_id(evaluation, policy) != decision.to_rank_id or not unchanged:
        failed = ", ".join(evaluation.failed) if evaluation else "permitted"
        raise Refused(
            f"The player is no longer due for it (failed: {failed or 'rank changed'})."
            " Reject it instead."
        )


def _check_restrictions(
    decision: Decision, candidate: Candidate, policy: ActivePolicy, now: dt.datetime
) -> None:
    """Raises Refused if locked promotions or a denied rank keep the player from the rank."""
    held = policy.ranks.get(candidate.rank_id)
    up = held is None or policy.ranks[decision.to_rank_id].position > held.position
    found = restrictions.in_force([candidate.id], now).get(candidate.id, [])
    preconditions.require(restrictions.why_not(found, decision.to_rank_id, up=up))


def _restore_time(decision: Decision) -> None:
    """Restore the time in a rank for somebody who held it before they left the group."""
    if since := decision.inputs.get("restoresSince"):
        Player.objects.filter(pk=decision.player_id).update(
            rank_since=dt.datetime.fromisoformat(since)
        )


def reject(decision_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Decision:
    """Close a proposal without effect. Raises Refused, NotAllowed.

    The policy does not propose it again for its `reproposeDays`.
    """
    with _audited(decision_id, by), transaction.atomic():
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
    """Set a rank manually. Somebody who acted too often lately only proposes it.

    Raises Refused if there is no such player or rank or the player is suspended, and NotAllowed.
    """
    by, now = command.by, command.now
    with audit_refusals("rank", user_id, by), transaction.atomic():
        tripped = command.counts_toward_limit and velocity_limit.is_tripped(by, now)
        policy, candidate, to_rank = _for_hand(user_id, rank_name)
        check_not_taken_back(command.reverts)
        _check_hand(command, candidate, policy, to_rank)
        withdraw_proposals(list(open_proposals([candidate.id]).values()), policy, by.actor, now)
        decision = manual_change(candidate, to_rank, _context(policy, command))
        decision.reverts = command.reverts
        if tripped:
            return _store_proposal(decision, candidate, policy, replace(command, reverts=None))
        if command.counts_toward_limit:
            velocity_limit.record_acts(by, now)
        mark_applied(decision, by.name, now)
        decision.save()
        change_ranks([(candidate, decision)], now)
        context = _context(policy, command)
        record_decisions([(candidate, decision)], context, reverts=command.reverts)
        return decision


def propose(user_id: int, rank_name: str, command: Command) -> Decision:
    """Propose a rank. Another officer who may give it decides. Raises Refused, NotAllowed."""
    with audit_refusals(Act.PROPOSE, user_id, command.by), transaction.atomic():
        policy, candidate, to_rank = _proposable(user_id, rank_name, command)
        check_not_taken_back(command.reverts)
        decision = manual_change(candidate, to_rank, _context(policy, command))
        return _store_proposal(decision, candidate, policy, command)


def _store_proposal(
    decision: Decision, candidate: Candidate, policy: ActivePolicy, command: Command
) -> Decision:
    decision.proposed_by = command.by.name
    decision.save()
    context = _context(policy, command)
    record_decisions([(candidate, decision)], context, reverts=command.reverts)
    return decision


def _context(policy: ActivePolicy, command: Command) -> DecisionContext:
    source = Decision.Source.STAFF
    return DecisionContext(policy, command.by.actor, command.now, source, command.reason)


def propose_in_game(user_id: int, rank_name: str, command: Command) -> Decision | ActionResult:
    """Propose a rank from a game server.

    Past the experience's bounds it waits for the named officer's confirmation. Raises Refused,
    NotAllowed.
    """
    with audit_refusals(Act.PROPOSE, user_id, command.by), transaction.atomic():
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
                ApprovalRequest(str(Act.PROPOSE), player, {"rank": rank_name}), past, command
            )
        return propose(user_id, rank_name, command)


def _proposable(
    user_id: int, rank_name: str, command: Command
) -> tuple[ActivePolicy, Candidate, int]:
    """Return the policy, the locked player and the rank's id if the rank may be proposed.

    Raises Refused, NotAllowed.
    """
    policy, candidate, to_rank = _for_hand(user_id, rank_name)
    facts = _check(Act.PROPOSE, command, candidate, policy.ranks[to_rank])
    preconditions.require(preconditions.propose(facts, RankName(rank_name)))
    return policy, candidate, to_rank


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    to = active().bundle.by_name.get(approval.arguments["rank"])
    found = permission_for(
        Act.PROPOSE, approval.player, by, Circumstances(approval.created_at, to=to)
    )
    return "" if found.allowed else found.reason


@approval_types.executes(
    str(Act.PROPOSE),
    judged=_judged,
    needs_second_person=lambda by, approval: "",
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
    """Propose the rank of a rejected proposal again. Raises Refused, NotAllowed."""
    former = Decision.objects.select_related("player", "to_rank").filter(pk=decision_id).first()
    if former is None or former.status != Decision.Status.REJECTED:
        raise Refused("Only a rejected proposal is opened again.")
    return propose(former.player.user_id, former.to_rank.name, command)


def _for_hand(user_id: int, rank_name: str) -> tuple[ActivePolicy, Candidate, int]:
    """Return the policy, the locked player and the rank's id. Raises Refused."""
    policy = active()
    candidate = lock_candidate(user_id)
    return policy, candidate, policy.rank_ids[check_rank(rank_name)]


def _close_as_applied(decision: Decision, by: Staff, reason: str, now: dt.datetime) -> None:
    """Close a decision as applied.

    Raises NotAllowed if the database finds that proposer and approver are one person. That happens
    if their accounts were linked just now.
    """
    try:
        with transaction.atomic():
            close_decision(decision, Decision.Status.APPLIED, by.actor, reason, now)
    except IntegrityError:
        raise NotAllowed(
            "You may not: you proposed it by another account of yours; somebody else decides."
        ) from None


def _audited(decision_id: int, by: Staff) -> AbstractContextManager[None]:
    user_id = (
        Decision.objects.filter(pk=decision_id).values_list("player__user_id", flat=True).first()
    )
    return audit_refusals("decide", user_id, by)


def _open_for(
    decision_id: int, by: Staff, reason: str, now: dt.datetime
) -> tuple[Decision, Candidate, ActivePolicy]:
    player_id = Decision.objects.filter(pk=decision_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise Refused(f"There is no decision {decision_id}.")
    # Lock the player first, then the decision: the same order as in ingestion.
    player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
    decision = Decision.objects.select_for_update().get(pk=decision_id)
    if decision.status != Decision.Status.PROPOSED:
        raise Refused(f"The decision is {decision.status} already.")
    policy = active()
    candidate = candidate_for(player)
    reason = check_reason(reason)
    decision.player = player
    found = may_decide(decision, by, policy, now)
    if not found.allowed:
        raise NotAllowed(found.reason)
    return decision, candidate, policy


def may_decide(decision: Decision, by: Staff, policy: ActivePolicy, now: dt.datetime) -> Permission:
    """Return whether `by` may approve or reject a proposal.

    A rank that is no longer in the policy counts as the nearest one below it.
    """
    to = kept_rank(decision.to_rank, policy)
    held = policy.ranks.get(decision.from_rank_id)
    up = held is None or to.position >= held.position
    return permission_for(
        Act.PROMOTE if up else Act.DEMOTE,
        decision.player,
        by,
        Circumstances(now, to=to, policy=policy),
    )


def _check_hand(command: Command, candidate: Candidate, policy: ActivePolicy, to_rank: int) -> None:
    to, held = policy.ranks[to_rank], policy.ranks.get(candidate.rank_id)
    up = held is None or to.position > held.position
    facts = _check(Act.PROMOTE if up else Act.DEMOTE, command, candidate, to)
    preconditions.require(preconditions.rank(facts, RankName(to.name)))


def _check(act: Act, command: Command, candidate: Candidate, to: RankRule) -> Facts:
    """Return the facts of a locked player if `by` may give the rank. Raises Refused, NotAllowed."""
    check_reason(command.reason)
    player = Player.objects.select_related("rank").get(pk=candidate.id)
    found = permission_for(act, player, command.by, Circumstances(command.now, to=to))
    if not found.allowed:
        raise NotAllowed(found.reason)
    return facts_for(player, command.by, command.now)
