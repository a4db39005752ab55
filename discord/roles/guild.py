"""The guild as last read: its roles, and what the bot may do with them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Now

from common import database_clock
from discord.bot import Bot
from discord.models import Guild, RoleMirror
from discord.rest import guilds
from discord.rest.errors import DiscordError
from discord.rest.guilds import ADMINISTRATOR, MANAGE_ROLES

FRESH = dt.timedelta(minutes=5)
NOW = dt.timedelta(0)
NOT_THERE = "The bot is not in the Discord server: invite it (docs/discord.md)."
MAY_NOT = (
    "The bot may not give roles: switch on Manage Roles for its role in Server Settings, Roles."
)


class GuildProblem(Exception):
    """The guild cannot be used until a person changes something. The text says what."""


@dataclass(frozen=True, slots=True)
class GuildView:
    """Roles by id (name, position, managed), and the position of the bot's highest role."""

    roles: Mapping[int, Mapping[str, Any]]
    position: int

    def obstacle(self, role_id: int) -> str:
        """Return why the bot cannot give or take a role, empty if it can."""
        role = self.roles.get(role_id)
        if role is None:
            return (
                f"The Discord server has no role {role_id} any more: change the map of roles"
                " (docs/discord.md)."
            )
        if role["managed"]:
            return f"{role['name']} belongs to an integration: choose another role for the map."
        if role["position"] >= self.position:
            return (
                f"{role['name']} stands above the bot's role: move the bot's role above it in"
                " Server Settings, Roles."
            )
        return ""

    def name(self, role_id: int) -> str:
        role = self.roles.get(role_id)
        return str(role["name"]) if role else str(role_id)


def view(row: Guild) -> GuildView:
    return GuildView({role["id"]: role for role in row.roles}, int(row.bot.get("position", 0)))


def contact(bot: Bot, *, fresh: dt.timedelta = FRESH) -> GuildView:
    """Return the guild, read again if that was longer ago than `fresh`.

    Raises GuildProblem and DiscordError.
    """
    row, _ = Guild.objects.get_or_create(guild_id=bot.guild_id)
    now = database_clock.now()
    if row.checked_at is None or now - row.checked_at > fresh:
        try:
            row = _read(bot, row)
        except DiscordError as error:
            if error.about_bot:  # the console and the health check show it
                Guild.objects.filter(pk=row.pk).update(problem=str(error), checked_at=now)
            raise
    if row.problem:
        raise GuildProblem(row.problem)
    return view(row)


def _read(bot: Bot, row: Guild) -> Guild:
    """Read roles and bot. What is parked is tried again if either changed."""
    before = (row.roles, row.bot, row.problem)
    row.name = guilds.guild(bot.client, bot.guild_id).name[:100]
    listed = guilds.roles(bot.client, bot.guild_id)
    row.roles = [
        {"id": role.id, "name": role.name, "position": role.position, "managed": role.managed}
        for role in listed
    ]
    me = guilds.member(bot.client, bot.guild_id, guilds.me(bot.client).id)
    held = [role for role in listed if me and (role.id in me.roles or role.id == bot.guild_id)]
    granted = 0
    for role in held:
        granted |= role.permissions
    row.bot = {
        "position": max((role.position for role in held), default=0),
        "mayGiveRoles": bool(granted & (ADMINISTRATOR | MANAGE_ROLES)),
    }
    row.problem = NOT_THERE if me is None else "" if row.bot["mayGiveRoles"] else MAY_NOT
    row.checked_at = database_clock.now()
    row.save(update_fields=["name", "roles", "bot", "problem", "checked_at"])
    if (row.roles, row.bot, row.problem) != before:
        retry_parked()
    return row


def retry_parked() -> int:
    """Try all parked mirrors again, and return their number."""
    return RoleMirror.objects.filter(status=RoleMirror.Status.PARKED).update(
        status=RoleMirror.Status.PENDING, attempts=0, retry_at=Now()
    )
