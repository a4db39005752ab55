"""Store players."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Collate, Greatest, Lower, Now

from players.models.fields import ZERO, points_field
from players.models.policy import Rank
from players.policy.membership import MembershipStatus


class Player(models.Model):
    """A Roblox user with their points and rank.

    `id` is ours and stays after an erasure. `user_id` is Roblox's.
    """

    user_id = models.BigIntegerField(unique=True)
    username = models.CharField(max_length=50)
    display_name = models.CharField(max_length=50, db_default="")
    rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank_since = models.DateTimeField()
    former_rank = models.ForeignKey(
        Rank,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="given back when a suspension ends",
        db_index=False,
    )
    former_rank_since = models.DateTimeField(null=True)
    resting_since = models.DateTimeField(
        null=True, help_text="since when a leave keeps their time in rank from going on"
    )
    earned = points_field(
        db_default=Value(ZERO), help_text="the sum over the experiences that count, each at least 0"
    )
    adjusted = points_field(db_default=Value(ZERO), help_text="the console's part")
    adjusted_sequence = models.BigIntegerField(db_default=0)
    points = models.GeneratedField(
        expression=Greatest(F("earned") + F("adjusted"), Value(ZERO)),
        output_field=models.DecimalField(max_digits=14, decimal_places=2),
        db_persist=True,
    )
    kos = models.BigIntegerField(db_default=0)
    wos = models.BigIntegerField(db_default=0)
    listed = models.BooleanField(db_default=True, help_text="whether public lists show them")
    banned = models.BooleanField(db_default=False, help_text="an active ban is in force")
    member = models.CharField(
        max_length=8,
        choices=[(one.value, one.value.capitalize()) for one in MembershipStatus],
        db_default=MembershipStatus.UNKNOWN.value,
        help_text="what Roblox said of their membership in the group",
    )
    member_since = models.DateTimeField(
        db_default=Now(), help_text="since when `member` is as it is"
    )
    member_seen_at = models.DateTimeField(
        null=True,
        help_text="when Roblox was last asked about them alone, or a pull changed `member`",
    )
    named_at = models.DateTimeField(help_text="when the names were last seen in the game")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    synced_at = models.DateTimeField(
        db_default=Now(),
        help_text="when points, counts or names last changed: public, so no sanction moves it",
    )
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "players"
        constraints = [
            models.CheckConstraint(
                condition=Q(kos__gte=0, wos__gte=0), name="players_counts_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(adjusted_sequence__gte=0), name="players_adjusted_sequence"
            ),
            models.CheckConstraint(
                condition=Q(listed=False) | Q(member__in=["member", "unknown"]),
                name="players_listed_belong",
            ),
        ]
        indexes = [
            models.Index(
                fields=["points", "id"], condition=Q(listed=True), name="players_by_points"
            ),
            models.Index(fields=["kos", "id"], condition=Q(listed=True), name="players_by_kos"),
            models.Index(fields=["wos", "id"], condition=Q(listed=True), name="players_by_wos"),
            models.Index(
                Collate(Lower("username"), "C"),
                F("id"),
                condition=Q(listed=True),
                name="players_by_name",
            ),
            models.Index(
                Collate(Lower("display_name"), "C"),
                F("id"),
                condition=Q(listed=True) & ~Q(display_name="") & ~Q(display_name=F("username")),
                name="players_by_display_name",
            ),
            models.Index(fields=["updated_at"], name="players_by_update"),
            # Staff can find everybody, also players whom public lists omit.
            models.Index(Collate(Lower("username"), "C"), F("id"), name="players_all_by_name"),
            models.Index(fields=["points", "id"], name="players_all_by_points"),
            models.Index(fields=["rank", "points", "id"], name="players_by_rank"),
            models.Index(
                Coalesce(F("former_rank"), F("rank")),
                F("points"),
                F("id"),
                condition=Q(listed=True),
                # Both columns, so that the players of each rank are counted from the index alone.
                include=["former_rank", "rank"],
                name="players_by_public_rank",
            ),
            models.Index(fields=["points", "id"], condition=Q(banned=True), name="players_banned"),
            models.Index(fields=["id"], condition=Q(member="unknown"), name="players_unknown"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def subject(self) -> str:
        """The subject in the audit log of the player's personal data."""
        return f"player:{self.pk}"
