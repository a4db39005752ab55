"""Store former usernames and the names still to be checked with Roblox."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower

from common.leased_model import Leased
from players.models.player import Player


class PlayerName(models.Model):
    """A former username of a player, written by a trigger on `players` when a username changes."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="names", db_index=False
    )
    username = models.CharField(max_length=50)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    class Meta:
        db_table = "player_names"
        constraints = [
            models.UniqueConstraint(fields=["player", "username"], name="player_names_once")
        ]
        indexes = [
            models.Index(Collate(Lower("username"), "C"), F("id"), name="player_names_by_name")
        ]

    def __str__(self) -> str:
        return self.username


class NameCheck(Leased):
    """A player whose name must be looked up at Roblox, because a game sent another one."""

    player = models.OneToOneField(Player, on_delete=models.PROTECT, related_name="+")
    wanted_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "name_checks"
        indexes = [
            models.Index(
                fields=["retry_at", "id"], condition=Q(answered_at=None), name="name_checks_to_do"
            ),
        ]

    def __str__(self) -> str:
        return f"name of player {self.player_id}"
