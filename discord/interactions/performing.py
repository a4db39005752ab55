"""Perform what a stored interaction asks: a command that acts, or a decision by a button."""

import datetime as dt
from typing import Any

from common.errors import NotAllowed, Refused
from discord.interactions import buttons, commands, people
from discord.interactions.commands import LeaveCommand, StaffCommand
from players.models import Player
from players.moderation.actors import Staff, actor_of
from players.moderation.command import Command
from players.moderation.refusals import record_refusal

UNKNOWN = "This command does not exist any more."
DECIDE = "decide"


def people_to_read(asked: dict[str, Any]) -> list[int | None]:
    """Return the Roblox users besides the person whose membership the act depends on."""
    return buttons.people_to_read(asked["nonce"]) if "nonce" in asked else []


def perform(asked: dict[str, Any], discord_id: int, now: dt.datetime) -> str:
    """Return the text of the answer. Raises Refused, NotAllowed."""
    if "nonce" in asked:
        order = Command(by=_staff(discord_id, DECIDE), reason=asked["reason"], now=now)
        return buttons.decide(asked["nonce"], asked["verb"], order)
    command = commands.BY_NAME.get(asked.get("name", ""))
    if isinstance(command, StaffCommand):
        return command.perform(asked["options"], _staff(discord_id, command.name), now)
    if isinstance(command, LeaveCommand):
        return command.perform(asked["options"], people.roblox_id_of(discord_id), now)
    raise Refused(UNKNOWN)


def _staff(discord_id: int, act: str) -> Staff:
    """Return whoever asks. A sanctioned person's attempt is recorded. Raises Refused, NotAllowed."""
    try:
        return people.staff(discord_id)
    except NotAllowed:
        player = Player.objects.get(user_id=people.roblox_id_of(discord_id))
        record_refusal(act, None, actor_of(player))
        raise
