"""The application's commands in a guild."""

from typing import Any

import msgspec

from discord.rest import routes
from discord.rest.client import Discord, Request


class Command(msgspec.Struct, frozen=True):
    id: int
    name: str
    description: str = ""


def registered(client: Discord, application_id: int, guild_id: int) -> list[Command]:
    parts = {"application": application_id, "guild": guild_id}
    return client.call(Request(routes.COMMANDS, parts), list[Command])


def register(
    client: Discord, application_id: int, guild_id: int, commands: list[dict[str, Any]]
) -> list[Command]:
    """Replace all commands of the application in the guild by these, in Discord's form."""
    parts = {"application": application_id, "guild": guild_id}
    return client.call(Request(routes.PUT_COMMANDS, parts, body=commands), list[Command])
