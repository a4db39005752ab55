"""Who is who: the Discord account of a Roblox user, and the other way round.

The console and the members' pages write links after both sign-ins. Everything else reads them.
"""

from django.db import IntegrityError, transaction

from common.errors import Refused
from discord.models import DiscordLink

TAKEN = "This Discord account is linked to somebody else."


def roblox_id_of(discord_id: int) -> int | None:
    """Return the Roblox user that a Discord account is linked to."""
    rows = DiscordLink.objects.filter(discord_id=discord_id)
    return rows.values_list("user_id", flat=True).first()


def discord_id_of(user_id: int) -> int | None:
    """Return the Discord account that a Roblox user is linked to."""
    rows = DiscordLink.objects.filter(user_id=user_id)
    return rows.values_list("discord_id", flat=True).first()


def link(user_id: int, discord_id: int, name: str = "") -> None:
    """Link a Roblox user and a Discord account. Raises Refused if either has another link."""
    try:
        with transaction.atomic():
            row, created = DiscordLink.objects.get_or_create(
                user_id=user_id, defaults={"discord_id": discord_id, "name": name[:100]}
            )
    except IntegrityError:
        raise Refused(TAKEN) from None
    if not created and row.discord_id != discord_id:
        raise Refused("A Discord account is linked already: unlink that one first.")


def unlink(discord_id: int) -> bool:
    """Remove the link of a Discord account. Return whether there was one."""
    return DiscordLink.objects.filter(discord_id=discord_id).delete()[0] > 0
