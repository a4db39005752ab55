"""Whether GRPS may write to Discord: switched on, and not held since the database was restored."""

from django.conf import settings

from discord.bot import is_configured
from roblox import write_hold


def why_off() -> str:
    """Return why nothing may be written to Discord now, empty if writing is on."""
    if not is_configured():
        return "Discord is not set up (docs/discord.md)."
    if not settings.DISCORD_WRITES:
        return "DISCORD_WRITES is off."
    return write_hold.reason()


def roles_off() -> str:
    """Return why no roles are given, whatever the other settings say. Empty: they are."""
    if not settings.DISCORD_ROLES.managed:
        return "No rank has a Discord role: fill the map of roles."
    return ""
