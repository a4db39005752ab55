"""Perform what a stored interaction asks: a command of staff, or a decision by a button."""

import datetime as dt
from typing import Any

from common.errors import Refused
from discord.interactions import buttons, commands
from discord.interactions.commands import StaffCommand
from players.moderation.actors import Staff

UNKNOWN = "This command does not exist any more."


def people_to_read(asked: dict[str, Any]) -> list[int | None]:
    """Return the Roblox users besides the person whose membership the act depends on."""
    return buttons.people_to_read(asked["nonce"]) if "nonce" in asked else []


def perform(asked: dict[str, Any], by: Staff, now: dt.datetime) -> str:
    """Return the text of the answer. Raises Refused, NotAllowed."""
    if "nonce" in asked:
        return buttons.decide(asked["nonce"], asked["verb"], asked["reason"], by, now)
    command = commands.BY_NAME.get(asked.get("name", ""))
    if not isinstance(command, StaffCommand):
        raise Refused(UNKNOWN)
    return command.perform(asked["options"], by, now)
