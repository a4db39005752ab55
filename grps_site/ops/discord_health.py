"""The Discord server in the health checks."""

from django.conf import settings

from discord import writes
from discord.models import Guild
from grps_site.ops.unhealthy import Unhealthy


def check() -> str:
    """Say that roles are off, or raise Unhealthy if they are on and the server has a problem."""
    why = writes.why_off() or writes.roles_off()
    if why:
        return why
    row = Guild.objects.filter(guild_id=settings.DISCORD_GUILD_ID or 0).first()
    if row is not None and row.problem:
        raise Unhealthy(row.problem)
    return "roles are given" if row is not None and row.checked_at else "not read yet"
