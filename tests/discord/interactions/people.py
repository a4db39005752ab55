"""Players with a rank, and their linked Discord accounts."""

from typing import Any

from django.utils import timezone

from discord import links
from players.models import Player, Rank

DISCORD = 800_000_000_000_000_000  # ids of accounts follow


def player(user_id: int, rank: str = "Initiate", **changes: Any) -> Player:
    """Create a player, called player_1 and so on."""
    now = timezone.now()
    given = {"rank_since": now, "named_at": now, "username": f"player_{user_id}"} | changes
    return Player.objects.create(user_id=user_id, rank=Rank.objects.get(name=rank), **given)


def linked(user_id: int, rank: str = "Initiate", **changes: Any) -> int:
    """Create a player with a linked Discord account, and return its id."""
    found = player(user_id, rank, **changes)
    links.link(found.user_id, DISCORD + user_id, found.username)
    return DISCORD + user_id
