"""Store sessions, ledger rows and the totals kept from them."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now

from players.models.fields import LONGEST_ORIGIN, REST, ZERO, points_field
from players.models.player import Player
from players.models.policy import Rank


class Session(models.Model):
    """One part of a player's points: one stay in one experience.

    The one server that held the lease of the stay writes it. `total` is the total of the row with
    the highest `sequence`. `count` rows are stored, so rows are missing while it is below
    `sequence`. Up to `confirmed` nothing is missing. A `reconciled` row counts for all rows that it
    stands for. Session REST holds the points in an experience's data store beyond the sessions
    known one by one.
    """

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="sessions", db_index=False
    )
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    session = models.BigIntegerField()
    sequence = models.BigIntegerField()
    total = points_field()
    count = models.BigIntegerField()
    awarded = points_field()
    confirmed = models.BigIntegerField()
    kos = models.BigIntegerField(
        db_default=0, help_text="counted in the data store and by no row here"
    )
    wos = models.BigIntegerField(db_default=0, help_text="as kos")
    apart = points_field(
        db_default=Value(ZERO),
        help_text="of `total`, what rows in quarantine may stand for, so that it does not count",
    )
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "sessions"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "origin", "session"], name="sessions_one_per_part"
            ),
            models.CheckConstraint(
                condition=Q(
                    session__gte=REST, confirmed__gte=0, count__gte=1, sequence__gte=F("count")
                ),
                name="sessions_sequences",
            ),
        ]


class ExperiencePoints(models.Model):
    """A player's points from one experience: the sum of its sessions' totals, perhaps below 0.

    `counted`: whether `players.earned`, KOs and WOs include it. It then counts there as at least 0,
    so that no experience takes away points earned in another.
    """

    pk = models.CompositePrimaryKey("player_id", "origin")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    total = points_field()
    counted = models.BooleanField()

    class Meta:
        db_table = "experience_points"
        indexes = [
            models.Index(fields=["origin", "counted", "player"], name="experience_points_counted")
        ]


class LedgerEntry(models.Model):
    """One operation on one part, and the part's `total` after it.

    Append-only: the database refuses updates and deletions.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    session = models.BigIntegerField()
    sequence = models.BigIntegerField()
    type = models.CharField(max_length=40)
    magnitude = models.IntegerField(db_default=1)
    duration = models.IntegerField(null=True, help_text="seconds")
    actor = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    awarded = points_field()
    total = points_field()
    occurred_at = models.DateTimeField()
    batch = models.BigIntegerField(help_text="the audit event that this row came in with")

    class Meta:
        db_table = "ledger"
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "origin", "session", "sequence"], name="ledger_once"
            ),
            models.CheckConstraint(
                condition=Q(session__gte=REST, sequence__gte=1), name="ledger_sequences"
            ),
        ]
        indexes = [
            models.Index(fields=["player", "occurred_at", "id"], name="ledger_by_time"),
            models.Index(
                fields=["actor", "occurred_at"],
                condition=Q(actor__isnull=False),
                name="ledger_by_actor",
            ),
        ]


class DailyPoints(models.Model):
    """The positive awards, KOs and WOs of a player on a UTC day in one experience.

    The caps apply to the awards. Rows of type `reconciled` have no day of their own and are left
    out.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    day = models.DateField()
    awarded = points_field()
    events = models.IntegerField()
    kos = models.BigIntegerField(db_default=0)
    wos = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "daily_points"
        constraints = [
            models.UniqueConstraint(fields=["player", "origin", "day"], name="daily_points_once"),
            models.CheckConstraint(
                condition=Q(awarded__gte=0, events__gte=0), name="daily_points_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(kos__gte=0, wos__gte=0), name="daily_points_counts_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["day", "origin"], name="daily_points_by_day")]


class Recommendation(models.Model):
    """An officer's recommendation of a player, counted once for each rank that the player holds."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="recommendations", db_index=False
    )
    officer = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "recommendations"
        constraints = [
            models.UniqueConstraint(
                fields=["player", "rank", "officer"], name="recommendations_once"
            ),
            models.CheckConstraint(
                condition=~Q(player=F("officer")), name="recommendations_not_own"
            ),
        ]
