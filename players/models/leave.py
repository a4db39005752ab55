"""Store leaves of absence."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from players.models.player import Player


class Leave(models.Model):
    """A leave of absence over whole UTC days, from `first_day` to `last_day`, both included.

    An early end moves `last_day`. `extension_to`: the last day that the member asks for beside the
    granted one.
    """

    class Status(models.TextChoices):
        ASKED = "asked", "asked for"
        APPROVED = "approved"
        TURNED_DOWN = "turned_down", "turned down"
        WITHDRAWN = "withdrawn"
        ENDED = "ended", "over"

    class Source(models.TextChoices):
        PAGE = "page", "on the member's own page"
        GAME = "game", "in a game"
        DISCORD = "discord", "on Discord"
        STAFF = "staff", "granted by staff"

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="leaves", db_index=False
    )
    status = models.CharField(max_length=12, choices=Status)
    source = models.CharField(max_length=10, choices=Source)
    first_day = models.DateField()
    last_day = models.DateField()
    reason = models.TextField(help_text="only staff and the member read it")
    extension_to = models.DateField(null=True)
    extension_reason = models.TextField(db_default="")
    answer = models.TextField(db_default="", help_text="what the member reads of the decision")
    decided_by = models.CharField(
        max_length=80, db_default="", help_text="the person: Staff.person"
    )
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="when its first day came")
    reminded_for = models.DateField(null=True, help_text="the last day that was reminded of")

    class Meta:
        db_table = "leaves"
        constraints = [
            models.UniqueConstraint(
                fields=["player"], condition=Q(status="asked"), name="leaves_one_asked"
            ),
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="leaves_end_after_start"
            ),
            models.CheckConstraint(
                condition=Q(extension_to=None)
                | Q(extension_to__gt=F("last_day"), status="approved"),
                name="leaves_extension_is_later",
            ),
        ]
        indexes = [
            models.Index(fields=["player", "first_day"], name="leaves_by_player"),
            models.Index(
                fields=["id"],
                condition=Q(status="asked") | Q(extension_to__isnull=False),
                name="leaves_waiting",
            ),
            models.Index(
                fields=["last_day"], condition=Q(status="approved"), name="leaves_approved"
            ),
        ]

    def __str__(self) -> str:
        return f"leave {self.pk} ({self.status})"

    @property
    def ends_soon(self) -> bool:
        """Whether the member is to be reminded of its end."""
        return self.status == self.Status.APPROVED and self.reminded_for == self.last_day
