"""Who asks in Discord, and which player they mean."""

from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.db.models.functions import Collate, Lower

from common.errors import Refused
from common.parsing import whole_number
from discord import links
from discord.interactions import addresses
from discord.interactions.answers import SeePage
from players.models import Player
from players.moderation.actors import Staff, officer
from players.public import search

OFFERED = 25
SEES = "players.view_player"  # the right to read case files
LAST = "\U0010ffff"  # after every other character
BY_NAME = Collate(Lower(F("username")), "C")  # the index's expression


@dataclass(frozen=True, slots=True)
class Named:
    """A player as public lists show them."""

    user_id: int
    username: str


def roblox_id_of(discord_id: int) -> int:
    """Return the Roblox user of whoever asks. Raises Refused if their accounts are not linked."""
    found = links.roblox_id_of(discord_id) if discord_id else None
    if found is None:
        raise SeePage(
            "Your Discord account is not linked: sign in with Roblox and Discord.",
            addresses.site(addresses.ACCOUNT),
        )
    return found


def staff(discord_id: int) -> Staff:
    """Return whoever asks with their present rank. Raises Refused, NotAllowed."""
    return officer(roblox_id_of(discord_id))


def listed(text: str) -> Named:
    """Return the listed player with this user id or username. Raises Refused."""
    text = text.strip()[:50]
    found = search.search(text, 5, None) if text and "\0" not in text else []
    for one in found:
        if text in {str(one.user_id), one.username} or text.lower() == one.username.lower():
            return Named(one.user_id, one.username)
    raise Refused("No player in the public lists has this name; choose one of the offered names.")


def offered_to_all(text: str) -> list[tuple[str, str]]:
    """Return listed players whose name begins with `text`, each as (label, user id)."""
    found = search.search(text[:50], OFFERED, None) if text and "\0" not in text else []
    return [(f"{one.username} ({one.rank})", str(one.user_id)) for one in found]


def any_player(text: str) -> Player:
    """Return the player with this user id or username, also one out of public lists.

    Raises Refused.
    """
    text = text.strip()
    rows = Player.objects.filter(erased_at=None).select_related("rank")
    number = whole_number(text)
    found = rows.filter(user_id=number).first() if number is not None else None
    found = found or _named(text).first()
    if found is None:
        raise Refused(f"No player is called {text[:50]!r}; choose one of the offered names.")
    return found


def offered_to_staff(text: str) -> list[tuple[str, str]]:
    """Return players whose username begins with `text`, also those out of public lists."""
    low = text.strip().lower()[:50]
    if not low or "\0" in low:
        return []
    rows = Player.objects.filter(erased_at=None).alias(low=BY_NAME).order_by("low", "pk")
    found = rows.filter(low__gte=low, low__lt=low + LAST).select_related("rank")[:OFFERED]
    return [(f"{one.username} ({one.rank})", str(one.user_id)) for one in found]


def _named(text: str) -> QuerySet[Player]:
    rows = Player.objects.filter(erased_at=None).select_related("rank").alias(low=BY_NAME)
    return rows.filter(low=text.lower() if "\0" not in text else "")
