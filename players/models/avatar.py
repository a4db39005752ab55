"""Store headshots of players."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from players.models.player import Player


class Avatar(models.Model):
    """A player's headshot, or that there is none. Somebody asked for it.

    `due_at`: when Roblox is asked next; null while there is nothing to do. `checked_at`: when Roblox
    last gave an answer.
    """

    player = models.OneToOneField(
        Player, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    image = models.BinaryField(null=True)
    media_type = models.CharField(max_length=20, db_default="")
    checked_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(db_default=Now(), null=True)
    attempts = models.PositiveSmallIntegerField(db_default=0)

    class Meta:
        db_table = "avatars"
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="avatars_due"),
            models.Index(fields=["checked_at"], name="avatars_by_age"),
        ]

    def __str__(self) -> str:
        return f"headshot of player {self.player_id}"
