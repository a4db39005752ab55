"""End sanctions of a locked player."""

import datetime as dt

from audits.actions import Action
from audits.record import Actor, record
from players.active_policy import active
from players.discipline.queries import in_force
from players.models import Player, Sanction
from players.moderation.actors import Staff
from players.moderation.audit_fields import policy_version, target_of
from players.moderation.authorization import kept_rank
from players.moderation.command import Command
from players.policy.warning_thresholds import ThresholdSanction as Measure
from players.policy.warning_thresholds import sanction_for

SCHEDULE = Actor("system", "schedule", "schedule")

ENDS = {
    Sanction.Kind.WARNING: Action.PLAYER_PARDONED,
    Sanction.Kind.SUSPENSION: Action.PLAYER_REINSTATED,
    Sanction.Kind.BAN: Action.PLAYER_UNBANNED,
}


def end_sanction(sanction: Sanction, player: Player, actor: Actor, command: Command) -> int:
    """End a sanction and undo its effect; return the id of the audit event."""
    sanction.lifted_at, sanction.lifted_by = command.now, f"{actor.kind}:{actor.id}"
    sanction.lift_reason = command.reason
    sanction.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    kind = Sanction.Kind(sanction.kind)
    if kind is Sanction.Kind.SUSPENSION:
        _restore_rank(player, command.now)
    if kind is Sanction.Kind.BAN:
        player.banned = False
        save_player(player, command.now, "banned")
    action = (
        Action.WARNING_EXPIRED
        if kind is Sanction.Kind.WARNING and actor == SCHEDULE
        else ENDS[kind]
    )
    return record(
        action,
        actor=actor,
        target=target_of(player),
        reason=command.reason,
        before={"sanction": sanction.pk},
        details=command.details,
        reverts=None if actor == SCHEDULE else command.reverts or sanction.event,
        experience=command.experience,
        policy_version=policy_version(),
    )


def _restore_rank(player: Player, now: dt.datetime) -> None:
    """Restore the former rank, held since the original date.

    If the policy no longer has it, give the nearest rank below, held from now on.
    """
    policy, kept = active(), player.former_rank
    if player.rank.is_punishment and kept is not None:
        rank = kept_rank(kept, policy)
        same = policy.rank_ids[rank.name] == kept.pk
        player.rank_id = policy.rank_ids[rank.name]
        player.rank_since = (player.former_rank_since if same else None) or now
    elif player.rank.is_punishment:
        player.rank_id, player.rank_since = policy.rank_ids[policy.bundle.first.name], now
    player.former_rank, player.former_rank_since = None, None
    save_player(player, now, "rank", "rank_since", "former_rank", "former_rank_since")
    player.refresh_from_db(fields=["rank"])


def sanctions_ending_with(player: Player, warning_id: int, now: dt.datetime) -> list[Sanction]:
    """Return the policy's sanctions that end together with a warning.

    These are the sanctions that the warning caused, and those that the remaining warnings do not
    justify.
    """
    found = Sanction.objects.filter(
        player=player, lifted_at=None, source=Sanction.Source.POLICY
    ).exclude(cause=None)
    left = remaining_measure(player, warning_id, now)
    return [
        one
        for one in found.order_by("pk")
        if one.cause_id == warning_id or not _called_for(one, left)
    ]


def remaining_measure(player: Player, warning_id: int, now: dt.datetime) -> Measure:
    """Return the sanction that the policy requires without this warning."""
    count = in_force(player, Sanction.Kind.WARNING, now).exclude(pk=warning_id).count()
    return sanction_for(count, active().bundle.punishments)


def _called_for(sanction: Sanction, measure: Measure) -> bool:
    return measure is Measure.BAN or (
        measure is Measure.SUSPENSION and sanction.kind == Sanction.Kind.SUSPENSION
    )


def save_player(player: Player, now: dt.datetime, *fields: str) -> None:
    player.updated_at = now
    player.save(update_fields=[*fields, "updated_at"])


def nobody(actor: Actor) -> Staff:
    """Return a Staff for a part of the system that acts."""
    return Staff(actor, rank=None, bypasses_second_person=True)
