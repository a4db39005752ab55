"""Lock a player's promotions for a time, and deny them ranks."""

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, record, reserve_id
from common.errors import NotAllowed
from common.visible_text import isolated
from players.actions import preconditions
from players.actions.facts import facts_for
from players.actions.params import RankName, Until, check_rank
from players.active_policy import active
from players.models import Approval, Decision, Player, Rank, RankRestriction
from players.moderation import approval_types, experience_bounds
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.input import check_moment
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply
from players.ranks.lock_ending import end_over
from players.ranks.restrictions import described, until

LOCK, UNLOCK, DENY, ALLOW = "lock-promotions", "unlock-promotions", "deny-rank", "allow-rank"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the name of the act, and its rank or end."""

    act: str
    rank: str = ""
    until: dt.datetime | None = None

    @property
    def arguments(self) -> dict[str, str]:
        end = self.until.isoformat() if self.until else ""
        return {"act": self.act, "rank": self.rank, "until": end}


def lock_promotions(user_id: int, end: dt.datetime | None, command: Command) -> ActionResult:
    """Lock a player's promotions until `end`, or until somebody unlocks them.

    Open proposals of the policy are withdrawn. Raises Refused, NotAllowed.
    """
    return _act(user_id, Wish(LOCK, until=check_moment(end)), command)


def unlock_promotions(user_id: int, command: Command) -> ActionResult:
    """Unlock a player's promotions; one that is due follows at once. Raises Refused, NotAllowed."""
    return _act(user_id, Wish(UNLOCK), command)


def deny_rank(user_id: int, rank: str, command: Command) -> ActionResult:
    """Deny a player one rank, by the policy and by hand. Raises Refused, NotAllowed."""
    return _act(user_id, Wish(DENY, check_rank(rank)), command)


def allow_rank(user_id: int, rank: str, command: Command) -> ActionResult:
    """Allow a player a rank that was denied. Raises Refused, NotAllowed."""
    return _act(user_id, Wish(ALLOW, rank), command)


def _act(user_id: int, wish: Wish, command: Command) -> ActionResult:
    command = command.checked()
    with audit_refusals(Act.LOCK, user_id, command.by), transaction.atomic():
        player = lock_player(user_id)
        _check(player, wish, command)
        past = experience_bounds.take(
            command.experience, player, Demand(str(Act.LOCK)), command.now
        )
        if past:
            request = ApprovalRequest(str(Act.LOCK), player, wish.arguments)
            return experience_bounds.request_confirmation(request, past, command)
        return _perform(player, wish, command)


def _check(player: Player, wish: Wish, command: Command) -> None:
    """Raises Refused, NotAllowed."""
    to = active().bundle.by_name.get(wish.rank)
    found = permission_for(Act.LOCK, player, command.by, Circumstances(command.now, to=to))
    if not found.allowed:
        raise NotAllowed(found.reason)
    facts = facts_for(player, command.by, command.now)
    checks = {
        LOCK: lambda: preconditions.lock_promotions(facts, Until(until=wish.until)),
        UNLOCK: lambda: preconditions.unlock_promotions(facts, None),
        DENY: lambda: preconditions.deny_rank(facts, RankName(wish.rank)),
        ALLOW: lambda: preconditions.allow_rank(facts, RankName(wish.rank)),
    }
    preconditions.require(checks[wish.act]())


def _perform(player: Player, wish: Wish, command: Command) -> ActionResult:
    if wish.act in (LOCK, DENY):
        sentence, event = _restrict(player, wish, command)
    else:
        sentence, event = _lift(player, wish, command)
    _evaluate(player, command)
    return ActionResult(sentence, event, player=player)


def _restrict(player: Player, wish: Wish, command: Command) -> tuple[str, int]:
    rank = Rank.objects.get(name=wish.rank) if wish.rank else None
    end_over(player, rank, command.now)
    event = reserve_id()
    made = RankRestriction.objects.create(
        player=player,
        rank=rank,
        reason=command.reason,
        issued_by=_name(command.by.actor),
        starts_at=command.now,
        ends_at=wish.until,
        event=event,
    )
    record(
        Action.RANK_DENIED if rank else Action.PROMOTIONS_LOCKED,
        actor=command.by.actor,
        target=target_of(player),
        event_id=event,
        reason=command.reason,
        after=described(made),
        policy_version=policy_version(),
        reverts=command.reverts,
        experience=command.experience,
    )
    who = isolated(player.username)
    if rank:
        return f"{who} is denied the rank {rank}.", event
    return f"Promotions of {who} are locked {until(made)}.", event


def _lift(player: Player, wish: Wish, command: Command) -> tuple[str, int]:
    rows = RankRestriction.objects.select_for_update(of=("self",)).select_related("rank")
    held = rows.get(player=player, rank__name=wish.rank or None, lifted_at=None)
    held.lifted_at, held.lifted_by = command.now, _name(command.by.actor)
    held.save(update_fields=["lifted_at", "lifted_by"])
    event = record(
        Action.RANK_ALLOWED if held.rank else Action.PROMOTIONS_UNLOCKED,
        actor=command.by.actor,
        target=target_of(player),
        reason=command.reason,
        before=described(held),
        policy_version=policy_version(),
        reverts=command.reverts or held.event,
        experience=command.experience,
    )
    who = isolated(player.username)
    if held.rank:
        return f"{who} may get the rank {held.rank} again.", event
    return f"Promotions of {who} are unlocked.", event


def _evaluate(player: Player, command: Command) -> None:
    evaluate_and_apply(
        [candidate_for(player)],
        DecisionContext(
            active(), command.by.actor, command.now, Decision.Source.STAFF, reason=command.reason
        ),
    )


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    to = active().bundle.by_name.get(approval.arguments["rank"])
    circumstances = Circumstances(approval.created_at, to=to)
    found = permission_for(Act.LOCK, approval.player, by, circumstances)
    return "" if found.allowed else found.reason


def _sentence(approval: Approval) -> str:
    who = approval.player.username if approval.player else "somebody"
    rank = approval.arguments["rank"]
    return {
        LOCK: f"Lock the promotions of {who}",
        UNLOCK: f"Unlock the promotions of {who}",
        DENY: f"Deny {who} the rank {rank}",
        ALLOW: f"Allow {who} the rank {rank}",
    }[approval.arguments["act"]]


@approval_types.executes(
    str(Act.LOCK),
    judged=_judged,
    needs_second_person=lambda by, approval: "",
    sentence=_sentence,
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    assert approval.player is not None
    end = approval.arguments["until"]
    wish = Wish(
        approval.arguments["act"],
        approval.arguments["rank"],
        dt.datetime.fromisoformat(end) if end else None,
    )
    # Its experience counted it when it asked.
    command = Command(by=requester, reason=approval.reason, now=now, experience=approval.experience)
    player = lock_player(approval.player.user_id)
    _check(player, wish, command)
    return _perform(player, wish, command).event
