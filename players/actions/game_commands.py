"""What moderators do and say in a game: their commands, each carried out once, and the lines of the
game's own log.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, record
from common.amounts import hundredths_of
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.discipline import notes, sanctions
from players.discipline.effects import in_force
from players.membership import freshness
from players.models import GameCommand, Player, Sanction
from players.moderation import experience_bounds
from players.moderation.actors import Staff, actor_of, officer
from players.moderation.authorization import Done, tell_refusal
from players.moderation.command import Command
from players.points import adjustments, counting, event_grants, recommendations
from players.quarantines import held_commands
from players.quarantines.detection import Source
from players.ranks import decisions

# An id is remembered for longer than a command may be late, so that a repeat is always known for
# one.
LATEST = dt.timedelta(days=1)
AHEAD = dt.timedelta(minutes=5)
KEPT = dt.timedelta(days=7)
GIVING = {"adjust", "award", "recommend"}  # commands that move points


@dataclass(frozen=True, slots=True)
class GameCommandIn:
    """A moderator's command: by whom, to whom (Roblox user ids), what, why.

    `until` is for suspensions and bans, `amount` (points) for adjustments, `rank` (its name) for
    proposals, `event` (of the policy) for events that the game counts once this is applied.
    """

    id: str
    actor_user_id: int
    user_id: int
    kind: str
    reason: str
    occurred_at: dt.datetime
    until: dt.datetime | None = None
    amount: float | None = None
    rank: str = ""
    event: str = ""
    alt_accounts: bool | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a game's log. `text` may say anything about anybody; `user_id` is whom it is about,
    where known.
    """

    id: str
    at: dt.datetime
    kind: str
    text: str
    user_id: int | None = None


def obey(
    experience: str, command: GameCommandIn, *, now: dt.datetime, key: int | None = None
) -> dict[str, Any]:
    """Carry a command out, or say what was answered when it came before: `status` applied, held or
    refused, `detail`, and the `sanction` that it made or ended. One row, so a repeat waits until
    the first is answered.

    `key`: our id of the key that it came with; while that is in quarantine the command is held.
    """
    source = Source(experience, key)
    held_commands.count(source, f"command:{command.id}", round((command.amount or 0) * 100), now)
    _read_actor(command.actor_user_id)
    with transaction.atomic():
        row, fresh = GameCommand.objects.get_or_create(
            experience=experience, command=f"command:{command.id}", defaults={"answer": {}}
        )
        if fresh:
            answer = held_commands.hold(row, source, msgspec.to_builtins(command)) or _answer(
                experience, command, now
            )
            row.answer = {"userId": command.user_id} | answer
            row.save(update_fields=["answer", "quarantine", "asked"])
        return {"id": command.id} | {
            name: row.answer[name] for name in ("status", "detail", "sanction")
        }


def carry_out_held(quarantine_id: int, *, now: dt.datetime) -> bool:
    """Carry out the next command that a released quarantine held, judged as it is now; False where
    there is none.
    """
    with transaction.atomic():
        rows = GameCommand.objects.select_for_update(no_key=True).filter(
            quarantine=quarantine_id, asked__isnull=False
        )
        row = rows.order_by("pk").first()
        if row is None:
            return False
        command = replace(msgspec.convert(row.asked, GameCommandIn), occurred_at=now)
        row.answer = {"userId": command.user_id} | _answer(row.experience, command, now)
        row.asked = None
        row.save(update_fields=["answer", "asked"])
        return True


def report(experience: str, lines: Sequence[Line], *, now: dt.datetime) -> int:
    """Mirror lines of a game's log as one audit event; how many were new. What they say is
    personal.
    """
    with transaction.atomic():
        fresh = _remember(experience, [line.id for line in lines])
        new = [line for line in {line.id: line for line in lines}.values() if line.id in fresh]
        if not new:
            return 0
        known = Player.objects.filter(
            user_id__in={line.user_id for line in new if line.user_id}, erased_at=None
        )
        subjects = {player.user_id: player.subject for player in known}
        record(
            Action.GAME_REPORTED,
            actor=Actor("experience", experience, experience),
            experience=experience,
            details={
                "lines": len(new),
                "kinds": [line.kind for line in new],
                "at": [_moment(line) for line in new],
            },
            personal={
                f"line.{number}": (subjects.get(line.user_id or 0, f"log:{experience}"), line.text)
                for number, line in enumerate(new)
            },
        )
        return len(new)


def purge(now: dt.datetime) -> None:
    """Forget the ids of what is too old to come again."""
    GameCommand.objects.filter(created_at__lt=now - KEPT, asked__isnull=True).delete()
    experience_bounds.purge(now)


def _answer(experience: str, command: GameCommandIn, now: dt.datetime) -> dict[str, Any]:
    try:
        _check(experience, command, now)
        context = Command(
            by=_officer(command),
            reason=command.reason,
            now=now,
            source=Sanction.Source.GAME,
            experience=experience,
        )
        done = ACTS[command.kind](command, context)
    except Refused as refusal:
        return {"status": "refused", "detail": str(refusal), "sanction": None}
    status = "held" if done.approval is not None else "applied"
    return {
        "status": status,
        "detail": done.sentence,
        "sanction": done.sanction.pk if done.sanction else None,
    }


def _read_actor(user_id: int) -> None:
    """Have Roblox asked about whoever acts, where their rank, by what is known, lets them act at
    all.
    """
    rank_id = (
        Player.objects.filter(user_id=user_id, erased_at=None)
        .values_list("rank_id", flat=True)
        .first()
    )
    rank = active().ranks.get(rank_id or 0)
    if rank is not None and (rank.privileged or rank.can_warn or rank.can_adjust or rank.can_ban):
        freshness.before_act(user_id)


def _check(experience: str, command: GameCommandIn, now: dt.datetime) -> None:
    if command.occurred_at > now + AHEAD:
        raise Refused("occurredAt: it lies in the future; check the game server's clock.")
    if command.occurred_at < now - LATEST:
        raise Refused("occurredAt: it is more than a day ago; give the command again.")
    if command.until is not None and command.kind not in {"suspend", "ban"}:
        raise Refused("until: only a suspension and a ban have an end; leave it out.")
    if command.kind in GIVING and not counting.in_force(experience).points:
        raise Refused("Points of this experience do not count, so nobody is given any from here.")
    if command.amount is not None and command.kind != "adjust":
        raise Refused("amount: only an adjustment has one; leave it out.")
    if command.rank and command.kind != "propose":
        raise Refused("rank: only a proposal has one; leave it out.")
    if command.alt_accounts is not None and command.kind != "ban":
        raise Refused("altAccounts: only a ban has them; leave it out.")
    if command.event and command.kind != "award":
        raise Refused("event: only an award has one; leave it out.")


def _officer(command: GameCommandIn) -> Staff:
    """Whoever gave the command. Raises Refused, and NotAllowed (told) for who holds no rank that
    acts.
    """
    try:
        return officer(command.actor_user_id)
    except NotAllowed:
        actor = actor_of(Player.objects.get(user_id=command.actor_user_id))
        tell_refusal(command.kind, command.user_id, actor)
        raise


def _warn(command: GameCommandIn, context: Command) -> Done:
    return sanctions.warn(command.user_id, context)


def _pardon(command: GameCommandIn, context: Command) -> Done:
    """Take the latest warning back that still counts."""
    player = Player.objects.filter(user_id=command.user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {command.user_id}.")
    latest = in_force(player, Sanction.Kind.WARNING, context.now).order_by("-pk").first()
    if latest is None:
        raise Refused("The player has no active warning.")
    return sanctions.pardon(latest.pk, context)


def _suspend(command: GameCommandIn, context: Command) -> Done:
    return sanctions.suspend(command.user_id, context, until=command.until)


def _lift(command: GameCommandIn, context: Command) -> Done:
    return sanctions.lift(command.user_id, context)


def _ban(command: GameCommandIn, context: Command) -> Done:
    alts = command.alt_accounts is not False
    return sanctions.ban(command.user_id, context, until=command.until, alt_accounts=alts)


def _unban(command: GameCommandIn, context: Command) -> Done:
    return sanctions.unban(command.user_id, context)


def _note(command: GameCommandIn, context: Command) -> Done:
    return notes.write(command.user_id, command.reason, context)


def _recommend(command: GameCommandIn, context: Command) -> Done:
    return recommendations.recommend(command.user_id, context)


def _adjust(command: GameCommandIn, context: Command) -> Done:
    if command.amount is None:
        raise Refused("amount: say how many points, as 12.5 or -3.")
    try:
        amount = hundredths_of(command.amount)
    except ValueError:
        raise Refused("amount: use at most two decimals.") from None
    return adjustments.adjust(command.user_id, amount, context)


def _award(command: GameCommandIn, context: Command) -> Done:
    return event_grants.give(command.user_id, command.event, context)


def _propose(command: GameCommandIn, context: Command) -> Done:
    if not command.rank:
        raise Refused("rank: say which rank.")
    made = decisions.propose_in_game(command.user_id, command.rank, context)
    if isinstance(made, Done):
        return made
    return Done(
        f"Proposed: {made.to_rank.name}. Somebody who may give it decides.",
        None,
        player=made.player,
    )


ACTS: dict[str, Callable[[GameCommandIn, Command], Done]] = {
    "warn": _warn,
    "pardon": _pardon,
    "suspend": _suspend,
    "lift": _lift,
    "ban": _ban,
    "unban": _unban,
    "note": _note,
    "recommend": _recommend,
    "adjust": _adjust,
    "award": _award,
    "propose": _propose,
}


def _moment(line: Line) -> str:
    return line.at.astimezone(dt.UTC).isoformat()


def _remember(experience: str, ids: Sequence[str]) -> set[str]:
    """The ids that were not there before, remembered from now on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO game_commands (experience, command, answer)"
            " SELECT %s, 'line:' || id, '{}' FROM unnest(%s::text[]) AS id ORDER BY id"
            " ON CONFLICT DO NOTHING RETURNING substr(command, 6)",
            [experience, list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}
