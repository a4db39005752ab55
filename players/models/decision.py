"""Store rank changes, applied or proposed."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from players.models.player import Player
from players.models.policy import PolicyVersion, Rank


class Decision(models.Model):
    """A change of rank, applied once: its inputs, its policy, and who decided."""

    class Kind(models.TextChoices):
        PROMOTION = "promotion"
        DEMOTION = "demotion"
        HAND = "hand"

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        APPLIED = "applied"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    class Source(models.TextChoices):
        EVENTS = "events"
        SCHEDULE = "schedule"
        AUTOMATION = "automation"
        STAFF = "staff"
        ROBLOX = "roblox", "by hand on Roblox"

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="decisions", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=10, choices=Status)
    source = models.CharField(max_length=10, choices=Source)
    from_rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    inputs = models.JSONField(help_text="points, days in rank and recommendations as they were")
    failed = models.JSONField(help_text="the conditions that were not met")
    policy = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    reason = models.TextField(db_default="")
    proposed_by = models.CharField(
        max_length=80, db_default="", help_text="kind:id of the officer who proposed it"
    )
    decided_by = models.CharField(
        max_length=80, db_default="", help_text="kind:id of whoever settled it"
    )
    reverts = models.BigIntegerField(
        null=True, help_text="the audit event that it takes back once it is applied"
    )
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "decisions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "status"],
                condition=Q(status="proposed"),
                name="decisions_one_proposed",
            ),
            models.CheckConstraint(
                condition=~Q(status="applied")
                | Q(proposed_by="")
                | ~Q(proposed_by=F("decided_by")),
                name="decisions_second_person",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "id"], name="decisions_by_status"),
            models.Index(fields=["player", "id"], name="decisions_by_player"),
            models.Index(
                fields=["decided_at", "id"],
                condition=Q(status="applied", kind__in=["promotion", "hand"], reverts=None)
                & ~Q(source="roblox"),
                name="decisions_promotions",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id} ({self.status})"
