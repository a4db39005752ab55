"""Adjust one player's points manually."""

import datetime as dt

from django.db import connection, transaction

from audits.actions import Action
from audits.record import record, reserve_id
from common import database_clock
from common.amounts import points
from common.errors import NotAllowed, Refused
from common.time import micros
from players.active_policy import active
from players.models import CONSOLE, Approval, Decision, Player, Recommendation
from players.moderation import (
    approval_types,
    approvals,
    daily_limit,
    experience_bounds,
    velocity_limit,
)
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.audit_fields import target_of
from players.moderation.authorization import (
    ADJUSTMENT,
    Circumstances,
    Permission,
    past_own_limit,
    permission_for,
)
from players.moderation.command import ActionResult, Command
from players.moderation.daily_limit import Taken
from players.moderation.experience_bounds import Demand
from players.moderation.locks import check_not_taken_back, lock_player
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply

TRILLION = 10**12
LARGEST = 100 * TRILLION  # hundredths


def adjust(user_id: int, amount: int, command: Command) -> ActionResult:
    """Add `amount` hundredths to a player's adjusted part, or subtract if negative.

    Writes one ledger row and one audit event. Past the daily limit the adjustment waits for a
    second person. Past the bounds of its experience it waits for the named officer's confirmation.
    Raises Refused for an unknown player, a missing reason or an amount of 0, and NotAllowed.
    """
    command, by, now = command.checked(), command.by, command.now
    check_amount(amount)
    with audit_refusals(Act.ADJUST, user_id, by), transaction.atomic():
        tripped = command.counts_toward_limit and velocity_limit.is_tripped(by, now)
        day = daily_limit.day_of(now)
        taken = daily_limit.lock(by.person, day) if command.prepaid is None else command.prepaid
        player = lock_player(user_id)
        check_not_taken_back(command.reverts)
        found = permission_for(
            Act.ADJUST, player, by, Circumstances(now, amount=amount, taken=taken)
        )
        if not found.allowed:
            raise NotAllowed(found.reason)
        if tripped or (found.needs_second_person and not command.approved):
            return _request_approval(player, amount, found, command, tripped=tripped)
        if past := experience_bounds.take(
            command.experience, player, Demand(str(Act.ADJUST), amount), now
        ):
            return experience_bounds.request_confirmation(
                ApprovalRequest(str(Act.ADJUST), player, {"amount": amount}), past, command
            )
        if command.counts_toward_limit:
            velocity_limit.record_acts(by, now)
        if command.prepaid is None:
            daily_limit.charge(by.person, day, amount, approved=command.approved)
        return _adjust(player, amount, command)


def check_amount(amount: int) -> int:
    """Return the amount if an adjustment may move it, in hundredths. Raises Refused."""
    if amount == 0:
        raise Refused("amount: an adjustment of nothing changes nothing.")
    if abs(amount) >= LARGEST:
        raise Refused("amount: a trillion points and more cannot be kept.")
    return amount


def _request_approval(
    player: Player, amount: int, found: Permission, command: Command, *, tripped: bool
) -> ActionResult:
    reverts = {"reverts": command.reverts} if command.reverts else {}
    cause = Approval.Cause.VELOCITY if tripped else found.cause
    request = ApprovalRequest(str(Act.ADJUST), player, {"amount": amount} | reverts, cause)
    approval = approvals.request_approval(request, command)
    sentence = f"Nothing happened yet to {player.username}. {found.reason} It waits as request {approval.pk}."
    return ActionResult(sentence, approval.event, approval=approval, player=player)


def _adjust(player: Player, amount: int, command: Command) -> ActionResult:
    """Write an adjustment of a locked player, and evaluate their rank."""
    policy = active()
    if (
        abs(player.adjusted + points(amount)) >= TRILLION
        or abs(player.earned + player.adjusted) >= TRILLION
    ):
        raise Refused("amount: the sum would be past a trillion points.")
    event_id = reserve_id()
    before, total = player.points, player.adjusted + points(amount)
    write_adjustment(player, amount, command.by, event_id, command.now, ADJUSTMENT)
    player.refresh_from_db()
    record(
        Action.POINTS_ADJUSTED,
        actor=command.by.actor,
        target=target_of(player),
        event_id=event_id,
        reason=command.reason,
        before={"points": str(before)},
        after={"points": str(player.points), "amount": str(points(amount)), "adjusted": str(total)},
        details=command.details or None,
        policy_version=policy.bundle.version,
        reverts=command.reverts,
        experience=command.experience,
    )
    evaluate_and_apply(
        [candidate_for(player)],
        DecisionContext(
            policy, command.by.actor, command.now, Decision.Source.STAFF, reason=command.reason
        ),
    )
    return ActionResult(
        f"{player.username} has {player.points} points now.", event_id, player=player
    )


def _judged(by: Staff, approval: Approval) -> str:
    """Return why somebody may not approve an adjustment, or an empty string."""
    assert approval.player is not None
    found = permission_for(
        Act.ADJUST, approval.player, by, Circumstances(approval.created_at, taken=Taken())
    )
    return past_own_limit(by, int(approval.arguments["amount"])) if found.allowed else found.reason


def _second(by: Staff, approval: Approval) -> str:
    """Return why the officer named by a game server cannot confirm it alone, or an empty string."""
    assert approval.player is not None
    amount = int(approval.arguments["amount"])
    found = permission_for(
        Act.ADJUST, approval.player, by, Circumstances(database_clock.now(), amount=amount)
    )
    return f"{found.reason} A second person must decide." if found.needs_second_person else ""


@approval_types.executes(
    str(Act.ADJUST),
    judged=_judged,
    needs_second_person=_second,
    sentence=lambda approval: (
        f"Adjust {approval.player.username if approval.player else 'somebody'} "
        f"by {points(int(approval.arguments['amount'])):+} points"
    ),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    assert approval.player is not None
    amount, day = int(approval.arguments["amount"]), daily_limit.day_of(now)
    taken = daily_limit.lock(approval.requested_by, day)
    found = permission_for(
        Act.ADJUST, approval.player, requester, Circumstances(now, amount=amount, taken=taken)
    )
    if not found.allowed:
        raise Refused(f"Whoever asked for it may not do it any more ({found.reason}); reject it.")
    alone = approver.person == approval.requested_by  # the officer confirms a game server's request
    daily_limit.charge(approval.requested_by, day, amount, approved=not alone)
    command = Command(
        by=requester,
        reason=approval.reason,
        now=now,
        reverts=approval.arguments.get("reverts"),
        experience=approval.experience,
        approved=True,
        approval=approval.pk,
    )
    return _adjust(approval.player, amount, command).event


def recommendations_of(player: Player) -> int:
    """Return the number of officers who recommended a player at their present rank."""
    return Recommendation.objects.filter(player=player, rank=player.rank_id).count()


def number_past(user_id: int, through: int, *, by: Staff, reason: str, now: dt.datetime) -> None:
    """Number the player's next adjustment past `through`, by an adjustment that moves no points.

    Games count the total of the highest number, also one from before the database was restored.
    """
    with transaction.atomic():
        player = lock_player(user_id)
        if player.adjusted_sequence < through:
            Player.objects.filter(pk=player.pk).update(adjusted_sequence=through)
        event_id = reserve_id()
        write_adjustment(player, 0, by, event_id, now, ADJUSTMENT)
        record(
            Action.POINTS_ADJUSTED,
            actor=by.actor,
            target=target_of(player),
            event_id=event_id,
            reason=reason,
            after={"points": str(player.points), "amount": "0", "adjusted": str(player.adjusted)},
            policy_version=active().bundle.version,
        )


def write_adjustment(
    player: Player, amount: int, by: Staff, event_id: int, now: dt.datetime, kind: str
) -> None:
    """Change the adjusted part of a locked player and write its ledger row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE players SET adjusted = adjusted + %s * 0.01, adjusted_sequence = adjusted_sequence + 1,"
            " updated_at = %s, synced_at = %s WHERE id = %s RETURNING adjusted_sequence, adjusted",
            [amount, now, now, player.pk],
        )
        sequence, total = cursor.fetchone()
        cursor.execute(
            "INSERT INTO ledger"
            " (player_id, origin, session, sequence, type, actor_id, awarded, total, occurred_at, batch)"
            " VALUES (%s, %s, 0, %s, %s, (SELECT id FROM players WHERE user_id = %s), %s * 0.01, %s,"
            " 'epoch'::timestamptz + %s * interval '1 microsecond', %s)",
            [player.pk, CONSOLE, sequence, kind, by.user_id, amount, total, micros(now), event_id],
        )
