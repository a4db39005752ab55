"""Store active minutes, the periods of quotas, how players did in them, and exemptions."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from players.models.fields import LONGEST_ORIGIN
from players.models.player import Player


class ActiveMinutes(models.Model):
    """The active minutes of one session on one UTC day, as far as a game reported them.

    They only grow: of two reports the higher one counts, in any order.
    """

    pk = models.CompositePrimaryKey("player_id", "origin", "session", "day")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    session = models.BigIntegerField()
    day = models.DateField()
    minutes = models.SmallIntegerField()
    started_at = models.DateTimeField(null=True, help_text="the session's start, if reported")

    class Meta:
        db_table = "active_minutes"
        constraints = [
            models.CheckConstraint(
                condition=Q(minutes__gte=0, minutes__lte=1440, session__gte=0),
                name="active_minutes_of_a_day",
            )
        ]
        indexes = [models.Index(fields=["day"], name="active_minutes_by_day")]


class ActiveDay(models.Model):
    """The sum of `active_minutes` of a player, day and origin. It outlives the single sessions."""

    pk = models.CompositePrimaryKey("player_id", "day", "origin")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    origin = models.CharField(max_length=LONGEST_ORIGIN)
    minutes = models.IntegerField()

    class Meta:
        db_table = "active_days"
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gte=0), name="active_days_not_negative")
        ]
        indexes = [
            models.Index(fields=["day"], name="active_days_by_day"),
            # For the release of a quarantine, whose rows have an origin of their own.
            models.Index(fields=["origin", "player"], name="active_days_by_origin"),
        ]


class QuotaPeriod(models.Model):
    """A week or month of one quota, with the rule as it was when the period was opened.

    It is judged once, after its end, in the order of player ids up to `judged_through`. When all are
    judged (`judged_at`), what their misses bring is carried out, up to `followed_through`.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        JUDGING = "judging"
        CLOSED = "closed"
        DROPPED = "dropped", "not judged"

    quota = models.CharField(max_length=60, help_text="its name in the policy")
    key = models.CharField(max_length=8, help_text="2026-W48 or 2026-11")
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="the first day after it")
    rule = models.JSONField(help_text="the quota as the policy had it")
    status = models.CharField(max_length=7, choices=Status, db_default=Status.OPEN)
    opened_at = models.DateTimeField()
    judged_through = models.BigIntegerField(db_default=0)
    judged_at = models.DateTimeField(null=True, help_text="when everybody was judged")
    followed_through = models.BigIntegerField(db_default=0)
    closed_at = models.DateTimeField(null=True)
    met = models.IntegerField(db_default=0)
    missed = models.IntegerField(db_default=0)
    excused = models.IntegerField(db_default=0)
    free = models.IntegerField(db_default=0)

    class Meta:
        db_table = "quota_periods"
        constraints = [
            models.UniqueConstraint(fields=["quota", "key"], name="quota_periods_once"),
            models.CheckConstraint(
                condition=Q(starts_on__lt=F("ends_on")), name="quota_periods_days"
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_on"],
                condition=Q(status__in=["open", "judging"]),
                name="quota_periods_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.quota}, {self.key}"


class QuotaResult(models.Model):
    """How one player did in one closed period of a quota.

    `misses`: how many periods in a row were missed, this one included. `outcome`: what followed.
    `resting`: days of leave or exemption.
    """

    class State(models.TextChoices):
        MET = "met"
        MISSED = "missed"
        EXCUSED = "excused"
        FREE = "free", "first periods"

    pk = models.CompositePrimaryKey("player_id", "period_id")
    # Rows come from `players` in one statement, and neither players nor periods are deleted. A check
    # of the database for each row takes longer than the rest of the judgement.
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    period = models.ForeignKey(
        QuotaPeriod,
        on_delete=models.PROTECT,
        related_name="results",
        db_index=False,
        db_constraint=False,
    )
    state = models.CharField(max_length=7, choices=State)
    minutes = models.IntegerField()
    attended = models.IntegerField()
    hosted = models.IntegerField()
    resting = models.SmallIntegerField(db_default=0)
    misses = models.SmallIntegerField()
    outcome = models.CharField(max_length=7, db_default="")

    class Meta:
        db_table = "quota_results"
        indexes = [
            models.Index(fields=["period", "state", "player"], name="quota_results_by_state")
        ]


class QuotaExemption(models.Model):
    """Staff exempted a player from one quota, or from all (`quota` empty), for a span of UTC days."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="exemptions", db_index=False
    )
    quota = models.CharField(max_length=60, db_default="")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, help_text="the first day after it; null: without end")
    reason = models.TextField()
    given_by = models.CharField(max_length=80)
    event = models.BigIntegerField(help_text="the audit event")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, help_text="when staff or its last day ended it")

    class Meta:
        db_table = "quota_exemptions"
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(starts_on__lte=F("ends_on")),
                name="quota_exemptions_days",
            ),
            models.UniqueConstraint(
                fields=["player", "quota"],
                condition=Q(ended_at=None),
                name="quota_exemptions_one_open",
            ),
        ]
        indexes = [
            models.Index(fields=["player", "starts_on"], name="quota_exemptions_by_player"),
            models.Index(
                fields=["ends_on"],
                condition=Q(ended_at=None, ends_on__isnull=False),
                name="quota_exemptions_by_end",
            ),
        ]
