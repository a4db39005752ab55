"""Store what each API key sent, and the quarantines of keys."""

from django.db import models
from django.db.models import Q, Value

from common.leased_model import Leased
from players.models.fields import ZERO, points_field


class KeyCount(models.Model):
    """What one source sent within one minute. See players.quarantines.

    A source is a key of an experience, or its queue.
    """

    pk = models.CompositePrimaryKey("source", "minute")
    source = models.CharField(max_length=48)
    minute = models.DateTimeField()
    acts = models.BigIntegerField()
    adjusted = models.BigIntegerField(help_text="hundredths")
    renames = models.BigIntegerField()
    new_players = models.BigIntegerField()
    breaches = models.BigIntegerField()
    points = models.BigIntegerField(help_text="hundredths")

    class Meta:
        db_table = "key_counts"
        indexes = [models.Index(fields=["minute"], name="key_counts_by_minute")]


class Quarantine(Leased):
    """What one source sent after it exceeded a limit. It counts only after a release.

    Its rows are stored and confirmed, and have a separate origin in the ledger (`origin`). Two
    owners release it (a worker then makes the rows count, player by player, up to `upto`) or
    discard it. A discarded one can still be released.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        DISCARDED = "discarded"
        RELEASING = "releasing"
        RELEASED = "released"

    experience = models.CharField(max_length=32)
    key = models.ForeignKey(
        "roblox.ExperienceKey",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    source = models.CharField(max_length=48)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    cause = models.JSONField(
        help_text="what was counted, how much, the limit, and within what time"
    )
    event = models.BigIntegerField(help_text="the audit event by which it began")
    rows = models.BigIntegerField(db_default=0)
    awarded = points_field(db_default=Value(ZERO))
    acts = models.BigIntegerField(db_default=0)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="when two owners decided")
    discarded = models.BigIntegerField(
        null=True, help_text="the audit event by which it was discarded"
    )
    upto = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "quarantines"
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(status="open"), name="quarantines_one_open"
            ),
        ]
        indexes = [
            models.Index(
                fields=["experience"],
                condition=~Q(status="released"),
                name="quarantines_of_experience",
            ),
            models.Index(
                fields=["retry_at", "id"],
                condition=Q(status="releasing"),
                name="quarantines_to_release",
            ),
        ]

    def __str__(self) -> str:
        return f"quarantine {self.pk} ({self.status})"

    @property
    def origin(self) -> str:
        """The origin of its rows in the ledger."""
        return f"{self.experience}~{self.pk}"
