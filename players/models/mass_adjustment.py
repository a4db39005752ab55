"""Store adjustments of many players from a file, and their rows."""

from django.db import models
from django.db.models import Q

from common.leased_model import Leased
from players.models.fields import points_field
from players.models.job import Job
from players.models.moderation import Approval


class Adjustment(Job, Leased):
    """An adjustment of many players' points from a file, applied in chunks under a lease."""

    class Status(models.TextChoices):
        PREVIEW = "preview"
        WAITING = "waiting", "waits for a second person"
        APPLYING = "applying"
        DONE = "done"
        REJECTED = "rejected"

    idempotency_key = models.CharField(max_length=128, unique=True, null=True)  # noqa: DJ001 - many have none
    digest = models.CharField(
        max_length=64, help_text="SHA-256 of the rows, so that a key stands for one content"
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PREVIEW)
    below = models.SmallIntegerField(
        null=True,
        help_text="when it was judged at first: only players below this position; empty: no rank binds",
    )
    event = models.BigIntegerField(db_default=0, help_text="the audit event that says who asked")
    approval = models.OneToOneField(
        Approval,
        on_delete=models.PROTECT,
        null=True,
        related_name="adjustment",
        help_text="the request by which it waits for a second person",
    )
    approved_by = models.CharField(max_length=80, db_default="")
    inverse_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="inverse"
    )
    rows = models.BigIntegerField()
    skipped = models.BigIntegerField()
    applied = models.BigIntegerField(db_default=0)
    total = points_field(help_text="the sum of what will change")
    moved = points_field(help_text="the sum of the amounts without their signs")
    line = models.BigIntegerField(db_default=0, help_text="up to here the rows are settled")
    error = models.TextField(db_default="")
    approved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "adjustments"
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=models.F("requested_by")),
                name="adjustments_second_person",
            )
        ]
        indexes = [
            models.Index(
                fields=["retry_at"], condition=Q(status="applying"), name="adjustments_to_do"
            )
        ]

    def __str__(self) -> str:
        return f"adjustment {self.pk} ({self.status})"

    @property
    def is_approved(self) -> bool:
        return bool(self.approved_by)

    @property
    def changing(self) -> int:
        """Rows that are applied or still pending."""
        return self.rows - self.skipped


class AdjustmentRow(models.Model):
    """One line of an adjustment's file, and its result."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPLIED = "applied"
        SKIPPED = "skipped"

    pk = models.CompositePrimaryKey("adjustment_id", "line")
    adjustment = models.ForeignKey(
        Adjustment, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    line = models.BigIntegerField()
    user_id = models.BigIntegerField()
    amount = points_field()
    reason = models.TextField(db_default="", help_text="of this row, where the file gives one")
    status = models.CharField(max_length=8, choices=Status, db_default=Status.PENDING)
    note = models.TextField(db_default="", help_text="why it was skipped")
    points = points_field(null=True, help_text="the player's points after it")

    class Meta:
        db_table = "adjustment_rows"
        constraints = [
            models.UniqueConstraint(fields=["user_id", "adjustment"], name="adjustment_rows_once")
        ]
        indexes = [
            models.Index(
                fields=["adjustment", "line"],
                condition=Q(status="skipped"),
                name="adjustment_rows_skipped",
            )
        ]
