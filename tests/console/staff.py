"""A staff member without any right on players."""

from django.test import Client
from django.utils import timezone

from players.models import Player, Rank
from tests.console.people import client_with_role, owner_client

__all__ = ["owner_client", "plain_client"]


def plain_client() -> Client:
    """Return a browser of a user whose only role gives no rights on players."""
    now, rank = timezone.now(), Rank.objects.order_by("position")[1]
    player = Player.objects.create(
        user_id=990_000_001, username="pat", rank=rank, rank_since=now, named_at=now
    )
    return client_with_role(player, "integrator")
