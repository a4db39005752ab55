"""Measures against a player. A ban reaches every universe through its mirror; here stands why, by whom, how long."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from players.models import Player, Sanction
from players.policies import active
from players.policy.permissions import Act, may
from players.staff import Refused, Staff


def ban(
    user_id: int,
    *,
    by: Staff,
    reason: str,
    now: dt.datetime,
    until: dt.datetime | None = None,
    source: Sanction.Source = Sanction.Source.STAFF,
) -> Sanction:
    """Ban a player until a moment, or for good. Raises Refused when they are banned already, or `by` may not."""
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    if until is not None and until <= now:
        raise Refused("The ban would have ended already; give a later end, or none.")
    with transaction.atomic():
        player = _locked(user_id)
        _check(Act.BAN, player, by)
        if player.banned:
            raise Refused("The player is banned already. Lift that ban first.")
        sanction = Sanction.objects.create(
            player=player,
            kind=Sanction.Kind.BAN,
            source=source,
            reason=reason,
            issued_by=by.name,
            starts_at=now,
            ends_at=until,
        )
        Player.objects.filter(pk=player.pk).update(banned=True, updated_at=now)
        record(
            Action.PLAYER_BANNED,
            actor=by.actor,
            target=_target(player),
            reason=reason,
            after={"sanction": sanction.pk, "until": until.isoformat() if until else None, "source": str(source)},
            policy_version=active().bundle.version,
        )
        return sanction


def unban(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> Sanction:
    """Lift a player's ban. Raises Refused when none is in force, or `by` may not."""
    if not reason.strip():
        raise Refused("A reason is required: say why in a sentence.")
    with transaction.atomic():
        player = _locked(user_id)
        _check(Act.UNBAN, player, by)
        sanction = Sanction.objects.filter(player=player, kind=Sanction.Kind.BAN, lifted_at=None).first()
        if sanction is None:
            raise Refused("The player is not banned.")
        _lift(sanction, player, by.actor, reason, now)
        return sanction


def end_bans(now: dt.datetime) -> int:
    """End the bans whose time is over; how many. Roblox lets the player in by itself at that moment."""
    ended = 0
    actor = Actor("system", "schedule", "schedule")
    due = Sanction.objects.filter(lifted_at=None, ends_at__lte=now).order_by("ends_at").values_list("pk", flat=True)
    for pk in due[:1000]:
        with transaction.atomic():
            player_id = Sanction.objects.values_list("player_id", flat=True).get(pk=pk)
            player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
            sanction = Sanction.objects.filter(pk=pk, lifted_at=None).first()
            if sanction is not None:
                _lift(sanction, player, actor, "the time is over", now)
                ended += 1
    return ended


def _lift(sanction: Sanction, player: Player, actor: Actor, reason: str, now: dt.datetime) -> None:
    sanction.lifted_at, sanction.lifted_by, sanction.lift_reason = now, f"{actor.kind}:{actor.id}", reason
    sanction.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    Player.objects.filter(pk=player.pk).update(banned=False, updated_at=now)
    record(
        Action.PLAYER_UNBANNED,
        actor=actor,
        target=_target(player),
        reason=reason,
        before={"sanction": sanction.pk},
        policy_version=active().bundle.version,
    )


def _locked(user_id: int) -> Player:
    player = Player.objects.select_for_update(no_key=True).filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    return player


def _check(act: Act, player: Player, by: Staff) -> None:
    if by.rank is None:
        return
    target = active().ranks.get(player.rank_id)
    if target is None:
        raise Refused("The player's rank is not part of the active policy.")
    verdict = may(act, by.rank, target, own=by.user_id == player.user_id)
    if not verdict.allowed:
        raise Refused(f"You may not: {verdict.reason}.")
    if verdict.second:
        raise Refused("This needs a second person's approval.")


def _target(player: Player) -> Target:
    return Target("player", str(player.pk), player.username, player.subject)
