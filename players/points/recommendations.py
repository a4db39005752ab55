"""Recommend a player in the console. It counts toward the next rank and adds the policy's points."""

import datetime as dt
from dataclasses import replace

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import record, reserve_id
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from players.actions import preconditions
from players.actions.facts import facts_for
from players.active_policy import active
from players.models import CONSOLE, Approval, Decision, LedgerEntry, Player, Recommendation
from players.moderation import approval_types, experience_bounds, velocity_limit
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.authorization import Circumstances, permission_for
from players.moderation.command import ActionResult, Command
from players.moderation.experience_bounds import Demand
from players.moderation.locks import lock_player
from players.moderation.refusals import audit_refusals
from players.points import adjustments
from players.policy.multipliers import Occasion
from players.policy.permissions import Act
from players.policy.points import award_at
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply

KIND = "recommendation"
BY_EVENT = "byEvent"  # argument of a held recommendation: the game gave its points


def recommend(user_id: int, command: Command) -> ActionResult:
    """Recommend a player, once for each rank that they hold. Raises Refused, NotAllowed."""
    command, by = command.checked(), command.by
    with audit_refusals(Act.RECOMMEND, user_id, by), transaction.atomic():
        if command.counts_toward_limit and velocity_limit.is_tripped(by, command.now):
            raise Refused(
                "You acted very often lately: wait, or ask an owner to let you act again."
            )
        player = lock_player(user_id)
        officer = _officer(by)
        found = permission_for(Act.RECOMMEND, player, by, Circumstances(command.now))
        if not found.allowed:
            raise NotAllowed(found.reason)
        award = _multiplied(check_recommender(by), command)
        preconditions.require(preconditions.recommend(facts_for(player, by, command.now), None))
        if past := experience_bounds.take(
            command.experience, player, Demand(str(Act.RECOMMEND), award), command.now
        ):
            return experience_bounds.request_confirmation(
                ApprovalRequest(str(Act.RECOMMEND), player, {}), past, command
            )
        done = _recommend(player, officer, award, command)
        if command.counts_toward_limit:
            velocity_limit.record_acts(by, command.now)
        return done


def _recommend(player: Player, officer: Player, award: int, command: Command) -> ActionResult:
    try:
        with transaction.atomic():
            Recommendation.objects.create(
                player=player, officer=officer, rank_id=player.rank_id, created_at=command.now
            )
    except IntegrityError:
        raise Refused("You recommended them at this rank already.") from None
    event = _move_points(Action.PLAYER_RECOMMENDED, player, award, command)
    return ActionResult(
        f"{player.username} is recommended (+{points(award)} points).", event, player=player
    )


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    found = permission_for(Act.RECOMMEND, approval.player, by, Circumstances(approval.created_at))
    return "" if found.allowed else found.reason


@approval_types.executes(
    str(Act.RECOMMEND),
    judged=_judged,
    needs_second_person=lambda by, approval: "",
    sentence=lambda approval: (
        f"Recommend {approval.player.username if approval.player else 'somebody'}"
    ),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    """Carry out a held recommendation.

    If it came as an event, the game gave its points already, so only the recommendation is counted.
    """
    player = approval.player
    assert player is not None
    if why_not := _judged(requester, approval):
        raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
    command = Command(by=requester, reason=approval.reason, now=now, experience=approval.experience)
    award = 0 if approval.arguments.get(BY_EVENT) else worth(requester)
    if award is None or player.banned or not player.rank.can_earn:
        raise Refused("It counts for nothing now; reject it.")
    award = _multiplied(award, command)
    return _recommend(player, _officer(requester), award, command).event


def take_back(recommendation_id: int, command: Command) -> ActionResult:
    """Withdraw a recommendation and the points it gave in the console. Raises Refused, NotAllowed."""
    command, by = command.checked(), command.by
    found = Recommendation.objects.select_related("player").filter(pk=recommendation_id).first()
    if found is None:
        raise Refused(f"There is no recommendation {recommendation_id}.")
    with audit_refusals(Act.RECOMMEND, found.player.user_id, by), transaction.atomic():
        player = lock_player(found.player.user_id)
        judged = permission_for(Act.RECOMMEND, player, by, Circumstances(command.now))
        if not judged.allowed:
            raise NotAllowed(judged.reason)
        row = _row(found)
        if not Recommendation.objects.filter(pk=found.pk).delete()[0]:
            raise Refused("The recommendation was taken back already.")
        amount = -hundredths(row.awarded) if row else 0
        command = replace(command, reverts=command.reverts or (row.batch if row else None))
        event = _move_points(Action.RECOMMENDATION_WITHDRAWN, player, amount, command)
        return ActionResult(
            f"The recommendation of {player.username} is taken back.", event, player=player
        )


def worth(by: Staff) -> int | None:
    """Return the hundredths that a recommendation by this person adds, or None.

    None means that the policy counts no recommendations of their level.
    """
    bundle = active().bundle
    kind = next((kind for kind in bundle.points.events.values() if kind.recommends), None)
    return kind.per_unit(by.rank.level if by.rank else None) if kind else None


def check_recommender(by: Staff) -> int:
    """Return the hundredths that a recommendation by this person adds.

    Raises NotAllowed if the policy counts none from them.
    """
    _officer(by)
    award = worth(by)
    if award is None:
        raise NotAllowed("You may not: the policy counts no recommendation of your level.")
    return award


def _multiplied(award: int, command: Command) -> int:
    """Return the award with the highest multiplier of the moment."""
    policy = active().bundle.points
    type_ = next(name for name, kind in policy.events.items() if kind.recommends)
    return award_at(award, Occasion(type_, command.now, command.experience), policy)


def _officer(by: Staff) -> Player:
    officer = Player.objects.filter(user_id=by.user_id).first() if by.user_id else None
    if officer is None:
        raise NotAllowed("You may not: only an officer who is a player recommends.")
    return officer


def _row(found: Recommendation) -> LedgerEntry | None:
    """Return the ledger row of a recommendation given in the console."""
    rows = LedgerEntry.objects.filter(
        player=found.player_id, origin=CONSOLE, type=KIND, actor=found.officer_id, awarded__gt=0
    )
    return (
        rows.filter(occurred_at__gte=found.created_at - dt.timedelta(seconds=1))
        .order_by("occurred_at")
        .first()
    )


def _move_points(action: Action, player: Player, amount: int, command: Command) -> int:
    """Adjust by `amount` hundredths, record the event and evaluate the rank; return the event's id."""
    event = reserve_id()
    if amount:
        adjustments.write_adjustment(player, amount, command.by, event, command.now, KIND)
        player.refresh_from_db()
    record(
        action,
        actor=command.by.actor,
        target=target_of(player),
        event_id=event,
        reason=command.reason,
        after={"points": str(player.points), "amount": str(points(amount))},
        policy_version=policy_version(),
        reverts=command.reverts,
        experience=command.experience,
    )
    evaluate_and_apply(
        [candidate_for(player)],
        DecisionContext(
            active(), command.by.actor, command.now, Decision.Source.STAFF, reason=command.reason
        ),
    )
    return event
