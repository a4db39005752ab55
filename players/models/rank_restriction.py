"""Store what keeps players from ranks: locked promotions and denied ranks."""

from django.db import models
from django.db.models import F, Q

from common.time import LATEST
from players.models.player import Player
from players.models.policy import Rank


class RankRestriction(models.Model):
    """A lock of a player's promotions, or with `rank` the denial of that rank alone.

    It is in force from `starts_at` until it ends or is lifted.
    """

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="rank_restrictions", db_index=False
    )
    rank = models.ForeignKey(
        Rank,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="the rank that is denied; empty: promotions are locked",
    )
    reason = models.TextField()
    issued_by = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="empty: until somebody lifts it")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=80, db_default="")
    event = models.BigIntegerField(help_text="the audit event by which it was issued")

    class Meta:
        db_table = "rank_restrictions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "rank"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="rank_restrictions_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at"), ends_at__lt=LATEST),
                name="rank_restrictions_end_after_start",
            ),
        ]
        indexes = [
            models.Index(fields=["player", "id"], name="rank_restrictions_by_player"),
            models.Index(
                fields=["ends_at"],
                condition=Q(lifted_at=None, ends_at__isnull=False),
                name="rank_restrictions_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rank or 'promotions'} of {self.player_id}"
