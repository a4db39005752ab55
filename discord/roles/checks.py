"""Check the set-up of Discord step by step, in the order of docs/discord.md."""

from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings

from discord import writes
from discord.bot import Bot, NotConfigured, bot
from discord.rest import guilds
from discord.rest.errors import DiscordError
from discord.roles.guild import NOW, GuildProblem, GuildView, contact
from discord.roles.reading import INTENT
from players.active_policy import active


class Finding(NamedTuple):
    """A step of the set-up: whether it is done, and what it found or what to do."""

    ok: bool
    text: str


def findings() -> Iterator[Finding]:
    """Yield the steps. Discord is asked; the first step that fails ends those that need it."""
    try:
        found = bot(patience=5.0)
    except NotConfigured as missing:
        yield Finding(False, str(missing))
        return
    yield Finding(True, "DISCORD_APPLICATION_ID, DISCORD_BOT_TOKEN and DISCORD_GUILD_ID are set.")
    try:
        yield from _application(found)
        view = contact(found, fresh=NOW)
        yield Finding(True, "The bot is in the server and may give roles.")
        yield _members(found)
    except (DiscordError, GuildProblem) as error:
        yield Finding(False, str(error))
        return
    yield from _roles(view)
    why = writes.why_off()
    yield Finding(not why, f"Nothing is written: {why}" if why else "Writing is on.")


def _application(found: Bot) -> Iterator[Finding]:
    known = guilds.application(found.client)
    yield Finding(True, f"Discord accepts the token of {known.name}.")
    if known.id != found.application_id:
        text = f"The token is of application {known.id}: set DISCORD_APPLICATION_ID to it."
        yield Finding(False, text)
    same = known.verify_key.lower() == settings.DISCORD_PUBLIC_KEY.lower()
    text = f"DISCORD_PUBLIC_KEY is not the application's: set it to {known.verify_key}."
    yield Finding(same, "DISCORD_PUBLIC_KEY is the application's." if same else text)


def _members(found: Bot) -> Finding:
    try:
        guilds.members(found.client, found.guild_id, size=1)
    except DiscordError as error:
        if error.status != 403:
            raise
        return Finding(False, INTENT)
    return Finding(True, "Discord lists the members (Server Members Intent).")


def _roles(view: GuildView) -> Iterator[Finding]:
    why = writes.roles_off()
    if why:
        yield Finding(False, why)
        return
    roles = settings.DISCORD_ROLES
    named = [*roles.ranks.items(), *((f"level {one}", role) for one, role in roles.levels.items())]
    if roles.linked is not None:
        named.append(("who is linked", roles.linked))
    for name, role_id in named:
        wrong = view.obstacle(role_id)
        yield Finding(not wrong, f"{name}: {wrong or view.name(role_id)}")
    bundle = active().bundle
    levels = {rank.level for rank in bundle.ranks}
    unknown = [name for name in roles.ranks if name not in bundle.by_name]
    unknown += [name for name in roles.levels if name not in levels]
    if unknown:
        text = f"The policy in force knows no rank or level {', '.join(unknown)}: correct the map."
        yield Finding(False, text)
