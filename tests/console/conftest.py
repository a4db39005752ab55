"""Fixtures of the console's tests: a community with a few players, and two owners."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from players.models import Player, Rank
from tests.console.people import owner_client

Make = Callable[..., Player]


@pytest.fixture
def player(bootstrapped: None) -> Make:
    """Return a function that creates a player with ordinary values by default."""

    def make(
        user_id: int = 1, *, rank: str = "Storm Corporal I", points: float = 800, days: float = 3
    ) -> Player:
        now = timezone.now()
        return Player.objects.create(
            user_id=user_id,
            username=f"player_{user_id}",
            display_name=f"Player {user_id}",
            rank=Rank.objects.get(name=rank),
            rank_since=now - dt.timedelta(days=days),
            earned=points,
            named_at=now,
        )

    return make


@pytest.fixture
def owner(bootstrapped: None) -> Client:
    return owner_client("olga")


@pytest.fixture
def deputy(bootstrapped: None) -> Client:
    return owner_client("dora")
