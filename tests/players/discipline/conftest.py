"""Officers who are players, and players to discipline."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from audits.record import Actor
from players.models import Player, Rank
from players.moderation.actors import Staff, officer

OWNER = Staff(
    Actor("staff", "7", "Olga", "staff:7"), rank=None, rights=frozenset({"console.roles"})
)
OPERATOR = Staff(
    Actor("staff", "shell", "root", "shell:root"), rank=None, bypasses_second_person=True
)
MAJOR, MARSHAL, ADMIRAL, COMMAND = 901, 902, 903, 904
RANKS = {
    MAJOR: "Tempest Major",
    MARSHAL: "Stormmarshal",
    ADMIRAL: "Supreme Admirals",
    COMMAND: "Supreme Command",
}


def make(user_id: int, rank: str, days: float = 0) -> Player:
    """Create a player who has held a rank for so many days."""
    since = timezone.now() - dt.timedelta(days=days)
    held = Rank.objects.get(name=rank)
    return Player.objects.create(
        user_id=user_id, username=f"player_{user_id}", rank=held, rank_since=since, named_at=since
    )


@pytest.fixture
def people(bootstrapped: None) -> Callable[[int], Staff]:
    """Create a plain player (user id 1) and an officer of each kind.

    Returns a function that gives an officer by user id.
    """
    make(1, "Captain I", days=30)
    for user_id, rank in RANKS.items():
        make(user_id, rank)
    return officer


def order(by: Staff, **changes: Any) -> dict[str, Any]:
    """Return the arguments that every act takes."""
    return {"by": by, "reason": "seen it", "now": timezone.now()} | changes


def player(user_id: int = 1) -> Player:
    return Player.objects.select_related("rank").get(user_id=user_id)
