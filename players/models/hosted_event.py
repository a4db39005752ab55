"""Store hosted events: what is planned, who hosted and attended, and what they were awarded."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from players.models.fields import points_field
from players.models.player import Player
from players.models.quarantine import Quarantine

LONGEST_KIND = 40


class HostedEventSeries(models.Model):
    """A hosted event that repeats every `every_days` days at one local time of `zone`.

    `planned_until`: the last day for which its events are planned already.
    """

    kind = models.CharField(max_length=LONGEST_KIND)
    title = models.CharField(max_length=80, db_default="")
    description = models.TextField(db_default="")
    experience = models.CharField(max_length=32)
    host = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    zone = models.CharField(max_length=64)
    first_day = models.DateField()
    at = models.TimeField()
    minutes = models.SmallIntegerField()
    every_days = models.SmallIntegerField()
    last_day = models.DateField(null=True)
    planned_until = models.DateField(null=True)
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "hosted_event_series"
        verbose_name_plural = "hosted event series"
        constraints = [
            models.CheckConstraint(
                condition=Q(every_days__gte=1, minutes__gte=1), name="hosted_series_steps"
            )
        ]


class HostedEvent(models.Model):
    """One training, operation or tryout with a host.

    `game_id` and `revision` are set by the game that runs it. `first_report_at` and
    `last_report_at` are by the database's clock, so no game can claim a time that GRPS did not see.
    `award_event` is the audit event of the award in force.
    """

    class Status(models.TextChoices):
        PLANNED = "planned"
        RUNNING = "running"
        ENDED = "ended"
        AWARDED = "awarded"
        CANCELLED = "cancelled"

    class EndedBy(models.TextChoices):
        HOST = "host"
        SILENCE = "silence", "its server vanished"
        LENGTH = "length", "it reached the longest time"

    kind = models.CharField(max_length=LONGEST_KIND)
    title = models.CharField(max_length=80, db_default="")
    description = models.TextField(db_default="")
    experience = models.CharField(max_length=32)
    host = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    series = models.ForeignKey(
        HostedEventSeries, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    status = models.CharField(max_length=10, choices=Status)
    at_once = models.BooleanField(
        db_default=False, help_text="everybody present was awarded at once, so no time counts"
    )
    starts_at = models.DateTimeField(null=True, help_text="as planned")
    minutes = models.SmallIntegerField(db_default=60, help_text="as planned")
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=8, choices=EndedBy, db_default="")
    game_id = models.UUIDField(null=True)
    revision = models.BigIntegerField(db_default=0)
    place_id = models.BigIntegerField(null=True)
    job_id = models.CharField(max_length=100, db_default="")
    first_report_at = models.DateTimeField(null=True)
    last_report_at = models.DateTimeField(null=True)
    quarantine = models.ForeignKey(
        Quarantine, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    told_at = models.DateTimeField(null=True, help_text="when webhooks said that it starts soon")
    award_event = models.BigIntegerField(null=True)
    awarded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "hosted_events"
        constraints = [
            models.UniqueConstraint(
                fields=["experience", "game_id"], name="hosted_events_one_per_game_id"
            ),
            models.UniqueConstraint(
                fields=["host"], condition=Q(status="running"), name="hosted_events_one_running"
            ),
            models.UniqueConstraint(
                fields=["series", "starts_at"], name="hosted_events_one_per_occurrence"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["planned", "running", "cancelled"])
                | Q(started_at__isnull=False, ended_at__isnull=False),
                name="hosted_events_times",
            ),
            models.CheckConstraint(
                condition=Q(status="awarded", award_event__isnull=False)
                | (~Q(status="awarded") & Q(award_event=None)),
                name="hosted_events_awarded",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "starts_at"], name="hosted_events_by_status"),
            models.Index(fields=["started_at", "id"], name="hosted_events_by_start"),
            models.Index(
                fields=["last_report_at"], condition=Q(status="running"), name="hosted_events_heard"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.status})"


class HostedEventHost(models.Model):
    """A host or co-host, and what they were awarded for hosting while an award is in force."""

    event = models.ForeignKey(
        HostedEvent, on_delete=models.PROTECT, related_name="hosts", db_index=False
    )
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    awarded = points_field(null=True)

    class Meta:
        db_table = "hosted_event_hosts"
        constraints = [
            models.UniqueConstraint(fields=["event", "player"], name="hosted_event_hosts_once")
        ]
        indexes = [models.Index(fields=["player", "event"], name="hosted_event_hosts_by_player")]


class HostedEventAttendance(models.Model):
    """Somebody who was present, or was added by hand.

    `first_seen_at`, `last_seen_at` and `seconds` are what the game says, `reported_at` is when GRPS
    first heard of them. `attended` is decided when the event ends. `awarded` is null without an
    award in force, and 0 where a cap left nothing.
    """

    event = models.ForeignKey(
        HostedEvent, on_delete=models.PROTECT, related_name="attendances", db_index=False
    )
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    first_seen_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    seconds = models.IntegerField(db_default=0)
    reported_at = models.DateTimeField(db_default=Now())
    late = models.BooleanField(db_default=False)
    left_early = models.BooleanField(db_default=False)
    attended = models.BooleanField(db_default=False)
    added_by = models.CharField(max_length=80, db_default="")
    added_reason = models.TextField(db_default="")
    struck_by = models.CharField(max_length=80, db_default="")
    struck_reason = models.TextField(db_default="")
    awarded = points_field(null=True)
    note = models.CharField(max_length=120, db_default="", help_text="why nothing was awarded")

    class Meta:
        db_table = "hosted_event_attendances"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "player"], name="hosted_event_attendances_once"
            ),
            models.CheckConstraint(
                condition=Q(seconds__gte=0), name="hosted_event_attendances_seconds"
            ),
        ]
        indexes = [models.Index(fields=["player", "event"], name="hosted_attendances_by_player")]
