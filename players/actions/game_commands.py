"""Moderators' commands in a game, each performed once."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.db import transaction

from common.amounts import hundredths_of
from common.errors import NotAllowed, Refused
from players.actions import registry
from players.actions.facts import facts_for
from players.actions.params import parse
from players.actions.staff_action import StaffAction
from players.active_policy import active
from players.experiences import counting
from players.membership import freshness
from players.models import GameCommand, Player, Sanction
from players.moderation import experience_bounds
from players.moderation.actors import Staff, actor_of, officer
from players.moderation.command import ActionResult, Command
from players.moderation.refusals import record_refusal
from players.quarantines import held_commands
from players.quarantines.detection import Source

# KEPT is longer than the allowed delay of a command, so a repeat is always recognized.
LATEST = dt.timedelta(days=1)
AHEAD = dt.timedelta(minutes=5)
KEPT = dt.timedelta(days=7)
ACTIONS = {action.name: action for action in registry.ACTIONS if action.in_game}
# Fields that only some commands have, with their names in JSON.
OPTIONAL = {
    "until": "until",
    "amount": "amount",
    "rank": "rank",
    "event": "event",
    "alt_accounts": "altAccounts",
}
GIVING = {"adjust", "award", "recommend"}  # commands that move points


@dataclass(frozen=True, slots=True)
class GameCommandIn:
    """A moderator's command as the game sent it. User ids are Roblox's, `amount` is in points."""

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


def handle_command(
    experience: str, command: GameCommandIn, *, now: dt.datetime, key: int | None = None
) -> dict[str, Any]:
    """Perform a command once. A repeated id waits for the first answer and returns it.

    The answer has `status` (applied, held or refused), `detail`, and the `sanction` that it made or
    ended. `key`: our id of the API key. While the key is in quarantine the command is held.
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


def perform_held(quarantine_id: int, *, now: dt.datetime) -> bool:
    """Perform the next held command of a released quarantine, as of `now`.

    Returns False if none is left.
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


def purge(now: dt.datetime) -> None:
    """Delete the ids of commands that are too old to be repeated."""
    GameCommand.objects.filter(created_at__lt=now - KEPT, asked__isnull=True).delete()
    experience_bounds.purge(now)


def _answer(experience: str, command: GameCommandIn, now: dt.datetime) -> dict[str, Any]:
    try:
        _check(experience, command, now)
        done = _perform(experience, command, now)
    except Refused as refusal:
        return {"status": "refused", "detail": str(refusal), "sanction": None}
    status = "held" if done.approval is not None else "applied"
    return {
        "status": status,
        "detail": done.sentence,
        "sanction": done.sanction.pk if done.sanction else None,
    }


def _read_actor(user_id: int) -> None:
    """Read the officer's membership from Roblox again if their last known rank may act."""
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
    if command.kind in GIVING and not counting.in_force(experience).points:
        raise Refused("Points of this experience do not count, so nobody is given any from here.")
    _check_fields(command)


def _check_fields(command: GameCommandIn) -> None:
    """Raises Refused for a field that the command's act does not have."""
    own = ACTIONS[command.kind].params.__struct_fields__
    for field, wire in OPTIONAL.items():
        if getattr(command, field) not in (None, "") and field not in own:
            names = [name for name, it in ACTIONS.items() if field in it.params.__struct_fields__]
            raise Refused(f"{wire}: only for {' and '.join(names)}; leave it out.")


def _perform(experience: str, command: GameCommandIn, now: dt.datetime) -> ActionResult:
    action, by = ACTIONS[command.kind], _officer(command)
    params = parse(action.params, _given(command) | _subject(action, command.user_id, by, now))
    context = Command(
        by=by,
        reason=command.reason,
        now=now,
        source=Sanction.Source.GAME,
        experience=experience,
    )
    return action.perform(command.user_id, params, context)


def _given(command: GameCommandIn) -> dict[str, Any]:
    return {
        "until": command.until,
        "amount": None if command.amount is None else _hundredths(command.amount),
        "rank": command.rank or None,
        "event": command.event,
        "alt_accounts": command.alt_accounts,
        "text": command.reason,
    }


def _hundredths(amount: float) -> int:
    try:
        return hundredths_of(amount)
    except ValueError:
        raise Refused("amount: use at most two decimals.") from None


def _subject(action: StaffAction, user_id: int, by: Staff, now: dt.datetime) -> dict[str, int]:
    """Return the row that the act concerns, such as the newest warning for a pardon.

    Raises Refused.
    """
    if not action.subject_field:
        return {}
    player = Player.objects.filter(user_id=user_id).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    facts = facts_for(player, by, now)
    pk = action.subject(facts)
    if pk is None:
        raise Refused(action.precondition(facts, None))
    return {action.subject_field: pk}


def _officer(command: GameCommandIn) -> Staff:
    """Return the officer. Raises Refused, and NotAllowed, which the audit log records."""
    try:
        return officer(command.actor_user_id)
    except NotAllowed:
        actor = actor_of(Player.objects.get(user_id=command.actor_user_id))
        record_refusal(command.kind, command.user_id, actor)
        raise
