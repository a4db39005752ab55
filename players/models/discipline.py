"""Store sanctions, appeals and notes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from common.time import LATEST
from players import case_codes
from players.models.player import Player


class Sanction(models.Model):
    """A measure against a player, in force from `starts_at` until it expires or is lifted.

    `cause` is the warning that triggered it automatically. Pardoning that warning ends this
    sanction too.
    """

    class Kind(models.TextChoices):
        WARNING = "warning"
        SUSPENSION = "suspension"
        BAN = "ban"

    class Source(models.TextChoices):
        STAFF = "staff"
        GAME = "game", "by a command in a game"
        POLICY = "policy", "by the policy's thresholds"
        ROBLOX = "roblox", "by hand on Roblox"
        IMPORT = "import", "by an import"
        DISCORD = "discord", "by a command in Discord"

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="sanctions", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind)
    source = models.CharField(max_length=10, choices=Source)
    reason = models.TextField()
    evidence = ArrayField(
        models.CharField(max_length=500), db_default=Value("{}"), help_text="links"
    )
    issued_by = models.CharField(max_length=80)
    cause = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="consequences"
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="empty: for good")
    alt_accounts = models.BooleanField(
        db_default=True, help_text="of a ban: Roblox keeps their alternative accounts out too"
    )
    code = models.CharField(
        max_length=12,
        unique=True,
        default=case_codes.new_code,
        help_text="shown to the sanctioned player, and to nobody else",
    )
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=80, db_default="")
    lift_reason = models.TextField(db_default="")
    event = models.BigIntegerField(null=True, help_text="the audit event by which it was issued")

    class Meta:
        db_table = "sanctions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "kind"],
                condition=Q(lifted_at=None) & ~Q(kind="warning"),
                name="sanctions_one_in_force",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="sanctions_end_after_start",
            ),
            # Python could not read a later end back, so the sanction could never be lifted.
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__lt=LATEST),
                name="sanctions_end_within_bounds",
            ),
        ]
        indexes = [
            models.Index(fields=["player", "id"], name="sanctions_by_player"),
            models.Index(fields=["ends_at"], condition=Q(lifted_at=None), name="sanctions_to_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id}"


class Note(models.Model):
    """A note of staff about a player. Its text is stored only here and shown only in the console."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="notes", db_index=False
    )
    text = models.TextField()
    author = models.CharField(max_length=80, help_text="the person: Staff.person")
    event = models.BigIntegerField(help_text="the audit event by which it was written")
    created_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notes"
        indexes = [models.Index(fields=["player", "id"], name="notes_by_player")]


class Appeal(models.Model):
    """A player's appeal against a sanction, at most one for each.

    The token that gives access to the answer is stored as its SHA-256.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"

    sanction = models.OneToOneField(Sanction, on_delete=models.PROTECT, related_name="appeal")
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="appeals", db_index=False
    )
    text = models.TextField()
    token_digest = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    answer = models.TextField(db_default="", help_text="what the player reads")
    decided_by = models.CharField(
        max_length=80, db_default="", help_text="the person: Staff.person"
    )
    event = models.BigIntegerField(help_text="the audit event by which it was opened")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "appeals"
        indexes = [
            models.Index(fields=["id"], condition=Q(status="open"), name="appeals_open"),
            models.Index(fields=["player", "id"], name="appeals_by_player"),
        ]

    def __str__(self) -> str:
        return f"appeal {self.pk} ({self.status})"
