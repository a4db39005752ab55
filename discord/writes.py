"""Whether GRPS may write to Discord: switched on, and not held since the database was restored."""

from django.conf import settings

from discord.bot import is_configured
from players.active_policy import NoPolicy, active
from roblox import write_hold


def why_off() -> str:
    """Return why nothing may be written to Discord now, empty if writing is on."""
    if not is_configured():
        return "Discord is not set up (docs/discord.md)."
    if not settings.DISCORD_WRITES:
        return "DISCORD_WRITES is off."
    return write_hold.reason()


def roles_off() -> str:
    """Return why GRPS does not look after roles at all, empty if it does."""
    try:
        wanted = active().bundle.community.discord.roles
    except NoPolicy as missing:
        return str(missing)
    if not wanted:
        return "The policy in force switches roles on Discord off (policy.community.json)."
    if not settings.DISCORD_ROLES.managed:
        return "No rank has a Discord role: fill the map of roles."
    return ""
