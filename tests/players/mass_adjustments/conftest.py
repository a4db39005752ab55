"""Players to adjust, and the staff of large adjustments."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone

from audits.record import Actor
from players.active_policy import active
from players.models import Player, Rank
from players.moderation.actors import Staff

OWNER = Staff(Actor("staff", "1", "Olga", "staff:1"), rank=None, bypasses_second_person=True)
SECOND = Staff(Actor("staff", "2", "Sven", "staff:2"), rank=None, bypasses_second_person=True)


def officer(rank: str, user_id: int) -> Staff:
    """Return a staff member of this rank, with a user id."""
    return Staff(
        Actor("staff", str(user_id), f"officer {user_id}", f"staff:{user_id}"),
        rank_of(rank),
        user_id,
    )


def rank_of(name: str):
    return active().bundle.by_name[name]


@pytest.fixture
def people(bootstrapped: None) -> Callable[..., None]:
    return make_people


def make_people(user_ids: range, rank: str = "Initiate") -> None:
    """Create players who have a rank since now, and nothing else."""
    now = timezone.now()
    held = Rank.objects.get(name=rank)
    Player.objects.bulk_create(
        [
            Player(
                user_id=user_id,
                username=f"player_{user_id}",
                rank=held,
                rank_since=now,
                named_at=now - dt.timedelta(days=1),
            )
            for user_id in user_ids
        ],
        batch_size=5_000,
    )


def adjusted() -> dict[int, Decimal]:
    return dict(Player.objects.values_list("user_id", "adjusted"))
