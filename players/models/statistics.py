"""Store the figures that public pages show: periods, records, positions of past days, counts."""

from django.db import models
from django.db.models import F, Q

from players.models.fields import points_field
from players.models.player import Player
from players.models.policy import Rank


class Period(models.Model):
    """A week, month or season, of UTC days.

    Its totals follow the players until `frozen_at`. Then its positions are written, and after
    `closed_at` the database refuses every change.
    """

    class Kind(models.TextChoices):
        WEEK = "week"
        MONTH = "month"
        SEASON = "season"

    kind = models.CharField(max_length=6, choices=Kind)
    key = models.CharField(max_length=8, help_text="2026-W48, 2026-11 or 2026-S4")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="the first day after it")
    frozen_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    players = models.IntegerField(db_default=0, help_text="listed players who earned points in it")

    class Meta:
        db_table = "periods"
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="periods_once"),
            models.CheckConstraint(condition=Q(starts_on__lt=F("ends_on")), name="periods_days"),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(frozen_at__isnull=False),
                name="periods_frozen_first",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "starts_on"], name="periods_by_start"),
            models.Index(fields=["ends_on"], condition=Q(closed_at=None), name="periods_open"),
        ]

    def __str__(self) -> str:
        return self.key


class PeriodTotal(models.Model):
    """What a player earned in a period, from experiences that count.

    Positions are one more than the number of listed players with more. Unlisted players have them
    too, for when they are listed again. They are null until the period is closed, and for counts
    of 0.
    """

    pk = models.CompositePrimaryKey("period_id", "player_id")
    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="+", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    awarded = points_field()
    kos = models.BigIntegerField()
    wos = models.BigIntegerField()
    position = models.IntegerField(null=True)
    position_kos = models.IntegerField(null=True)
    position_wos = models.IntegerField(null=True)

    class Meta:
        db_table = "period_totals"
        constraints = [
            models.CheckConstraint(
                condition=Q(awarded__gte=0, kos__gte=0, wos__gte=0),
                name="period_totals_not_negative",
            )
        ]
        indexes = [
            models.Index(
                fields=["period", "awarded", "player"],
                condition=Q(awarded__gt=0),
                name="period_totals_by_points",
            ),
            models.Index(
                fields=["period", "kos", "player"],
                condition=Q(kos__gt=0),
                name="period_totals_by_kos",
            ),
            models.Index(
                fields=["period", "wos", "player"],
                condition=Q(wos__gt=0),
                name="period_totals_by_wos",
            ),
        ]


class PositionSnapshot(models.Model):
    """A listed player's position early on a UTC day: everybody's on Mondays, else the best."""

    pk = models.CompositePrimaryKey("day", "player_id")
    day = models.DateField()
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    position = models.IntegerField()
    points = points_field()

    class Meta:
        db_table = "position_snapshots"


class DailyBalance(models.Model):
    """A player's points after their last change on a UTC day."""

    pk = models.CompositePrimaryKey("player_id", "day")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    balance = points_field()

    class Meta:
        db_table = "daily_balances"


class PlayerRecord(models.Model):
    """A player's best day and week, and their streaks of days with points.

    `row_version` is the version (xmin) of the player's row that was rolled up last.
    """

    player = models.OneToOneField(
        Player, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    row_version = models.BigIntegerField()
    best_day = points_field()
    best_day_on = models.DateField(null=True)
    best_week = points_field()
    best_week_key = models.CharField(max_length=8, db_default="")
    longest_streak = models.IntegerField()
    longest_streak_ended_on = models.DateField(null=True)
    streak = models.IntegerField(help_text="days in a row up to `streak_ended_on`")
    streak_ended_on = models.DateField(null=True, help_text="their last day with points")

    class Meta:
        db_table = "player_records"
        indexes = [
            models.Index(
                fields=["best_day", "player"],
                condition=Q(best_day__gt=0),
                name="player_records_by_day",
            ),
            models.Index(
                fields=["best_week", "player"],
                condition=Q(best_week__gt=0),
                name="player_records_by_week",
            ),
            models.Index(
                fields=["longest_streak", "player"],
                condition=Q(longest_streak__gt=0),
                name="player_records_by_streak",
            ),
        ]


class FastestPromotion(models.Model):
    """One of the shortest times from a player's first event to a promotion into a rank."""

    pk = models.CompositePrimaryKey("rank_id", "place")
    rank = models.ForeignKey(Rank, on_delete=models.PROTECT, related_name="+", db_index=False)
    place = models.SmallIntegerField(help_text="from 1")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    seconds = models.BigIntegerField()

    class Meta:
        db_table = "fastest_promotions"


class RankCount(models.Model):
    """The number of listed players by public rank: while suspended, the former rank."""

    rank = models.OneToOneField(Rank, on_delete=models.PROTECT, primary_key=True, related_name="+")
    players = models.IntegerField()

    class Meta:
        db_table = "rank_counts"


class StatisticsState(models.Model):
    """How far a job of `players.statistics` has come. Each step moves it in its transaction."""

    name = models.CharField(max_length=20, primary_key=True)
    cursor_at = models.DateTimeField(null=True)
    cursor_id = models.BigIntegerField(db_default=0)
    progress = models.JSONField(default=dict)
    ran_at = models.DateTimeField(null=True, help_text="when it last came to its end")

    class Meta:
        db_table = "statistics_state"
