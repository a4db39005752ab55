"""An officer's recommendation, given in the console: it counts toward the next rank, and brings the
policy's points.
"""

import datetime as dt

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import record, reserve_id
from common.amounts import hundredths, points
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.models import CONSOLE, Approval, Decision, LedgerEntry, Player, Recommendation
from players.moderation import approvals, experience_bounds, velocity_limit
from players.moderation.actors import Staff
from players.moderation.authorization import (
    Done,
    check_reason,
    locked,
    policy_version,
    target_of,
    telling_refusals,
    verdict,
)
from players.points import adjustments
from players.policy.permissions import Act
from players.ranks.evaluation import candidate_for, evaluate_and_apply

KIND = "recommendation"
BY_EVENT = "byEvent"  # of a held one: the game gave its points


def recommend(
    user_id: int,
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
    reverts: int | None = None,
    counted: bool = True,
    experience: str = "",
) -> Done:
    """Recommend a player, once for each rank that they hold. Raises Refused, NotAllowed."""
    reason = check_reason(reason)
    with telling_refusals(Act.RECOMMEND, user_id, by), transaction.atomic():
        if counted and velocity_limit.is_tripped(by, now):
            raise Refused(
                "You acted very often lately: wait, or ask an owner to let you act again."
            )
        player = locked(user_id)
        officer = _officer(by)
        found = verdict(Act.RECOMMEND, player, by, now=now)
        if not found.allowed:
            raise NotAllowed(found.reason)
        award = worth(by)
        if award is None:
            raise NotAllowed("You may not: the policy counts no recommendation of your level.")
        if player.banned or not player.rank.can_earn:
            raise Refused("They cannot earn points now, so a recommendation would be lost.")
        if past := experience_bounds.take(
            experience, str(Act.RECOMMEND), player, now=now, amount=award
        ):
            brought = experience_bounds.Brought(experience, by, reason, now)
            return experience_bounds.hold(str(Act.RECOMMEND), player, {}, past, brought)
        done = _recommend(player, officer, award, by, reason, now, reverts, experience)
        if counted:
            velocity_limit.note(by, now)
        return done


def _recommend(
    player: Player,
    officer: Player,
    award: int,
    by: Staff,
    reason: str,
    now: dt.datetime,
    reverts: int | None = None,
    experience: str = "",
) -> Done:
    event = reserve_id()
    try:
        with transaction.atomic():
            Recommendation.objects.create(
                player=player, officer=officer, rank_id=player.rank_id, created_at=now
            )
    except IntegrityError:
        raise Refused("You recommended them at this rank already.") from None
    _tell_and_settle(
        Action.PLAYER_RECOMMENDED, player, award, by, reason, now, event, reverts, experience
    )
    return Done(
        f"{player.username} is recommended (+{points(award)} points).", event, player=player
    )


def _judged(by: Staff, approval: Approval) -> str:
    assert approval.player is not None
    found = verdict(Act.RECOMMEND, approval.player, by, now=approval.created_at)
    return "" if found.allowed else found.reason


@approvals.carries_out(
    str(Act.RECOMMEND),
    judged=_judged,
    second=lambda by, approval: "",
    sentence=lambda approval: (
        f"Recommend {approval.player.username if approval.player else 'somebody'}"
    ),
)
def _approved(
    approval: Approval, requester: Staff, approver: Staff, now: dt.datetime
) -> int | None:
    """A recommendation that came as an event brought its points in the game: then only the word
    itself is counted.
    """
    player = approval.player
    assert player is not None
    if why_not := _judged(requester, approval):
        raise Refused(f"Whoever asked for it may not do it any more ({why_not}); reject it.")
    award = 0 if approval.arguments.get(BY_EVENT) else worth(requester)
    if award is None or player.banned or not player.rank.can_earn:
        raise Refused("It counts for nothing now; reject it.")
    officer, reason = _officer(requester), approval.reason
    return _recommend(
        player, officer, award, requester, reason, now, experience=approval.experience
    ).event


def take_back(
    recommendation_id: int, *, by: Staff, reason: str, now: dt.datetime, reverts: int | None = None
) -> Done:
    """Take a recommendation back, with the points that it brought in the console. Raises Refused,
    NotAllowed.
    """
    reason = check_reason(reason)
    found = Recommendation.objects.select_related("player").filter(pk=recommendation_id).first()
    if found is None:
        raise Refused(f"There is no recommendation {recommendation_id}.")
    with telling_refusals(Act.RECOMMEND, found.player.user_id, by), transaction.atomic():
        player = locked(found.player.user_id)
        judged = verdict(Act.RECOMMEND, player, by, now=now)
        if not judged.allowed:
            raise NotAllowed(judged.reason)
        row = _row(found)
        if not Recommendation.objects.filter(pk=found.pk).delete()[0]:
            raise Refused("The recommendation was taken back already.")
        event = reserve_id()
        amount = -hundredths(row.awarded) if row else 0
        _tell_and_settle(
            Action.RECOMMENDATION_WITHDRAWN,
            player,
            amount,
            by,
            reason,
            now,
            event,
            reverts or (row.batch if row else None),
        )
        return Done(f"The recommendation of {player.username} is taken back.", event, player=player)


def worth(by: Staff) -> int | None:
    """What a recommendation by this person brings, in hundredths; None where the policy counts none
    of their level.
    """
    bundle = active().bundle
    kind = next((kind for kind in bundle.points.events.values() if kind.recommends), None)
    return kind.per_unit(by.rank.level if by.rank else None) if kind else None


def _officer(by: Staff) -> Player:
    officer = Player.objects.filter(user_id=by.user_id).first() if by.user_id else None
    if officer is None:
        raise NotAllowed("You may not: only an officer who is a player recommends.")
    return officer


def _row(found: Recommendation) -> LedgerEntry | None:
    """The ledger's row of a recommendation that was given here."""
    rows = LedgerEntry.objects.filter(
        player=found.player_id, origin=CONSOLE, type=KIND, actor=found.officer_id, awarded__gt=0
    )
    return (
        rows.filter(occurred_at__gte=found.created_at - dt.timedelta(seconds=1))
        .order_by("occurred_at")
        .first()
    )


def _tell_and_settle(
    action: Action,
    player: Player,
    amount: int,
    by: Staff,
    reason: str,
    now: dt.datetime,
    event: int,
    reverts: int | None,
    experience: str = "",
) -> None:
    if amount:
        adjustments.write_adjustment(player, amount, by, event, now, KIND)
        player.refresh_from_db()
    record(
        action,
        actor=by.actor,
        target=target_of(player),
        event_id=event,
        reason=reason,
        after={"points": str(player.points), "amount": str(points(amount))},
        policy_version=policy_version(),
        reverts=reverts,
        experience=experience,
    )
    source = Decision.Source.STAFF
    evaluate_and_apply(
        [candidate_for(player)],
        source=source,
        policy=active(),
        actor=by.actor,
        now=now,
        reason=reason,
    )
