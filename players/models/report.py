"""Store what members report about each other, and whose reports are muted."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from players.models.player import Player


class MemberReport(models.Model):
    """A member's report of another. Only staff know who reported.

    `joined_to`: the report about the same person that is answered for this one too.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        ACTED = "acted", "staff acted"
        NO_ACTION = "no_action", "no action"

    class Source(models.TextChoices):
        PAGE = "page", "on the member's own page"
        GAME = "game", "in a game"
        DISCORD = "discord", "on Discord"

    reporter = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="reports_made", db_index=False
    )
    reported = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="reports_about", db_index=False
    )
    status = models.CharField(max_length=10, choices=Status, db_default=Status.OPEN)
    source = models.CharField(max_length=10, choices=Source)
    experience = models.CharField(max_length=32, db_default="")
    reason = models.TextField()
    evidence = models.JSONField(db_default=[])
    joined_to = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="joined"
    )
    answer = models.TextField(db_default="", help_text="what the reporter reads")
    decided_by = models.CharField(
        max_length=80, db_default="", help_text="the person: Staff.person"
    )
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "member_reports"
        constraints = [
            models.CheckConstraint(
                condition=~Q(reporter=F("reported")), name="member_reports_not_oneself"
            ),
            models.UniqueConstraint(
                fields=["reporter", "reported"],
                condition=Q(status="open"),
                name="member_reports_one_open",
            ),
            models.CheckConstraint(
                condition=Q(status="open", decided_at=None)
                | (~Q(status="open") & Q(decided_at__isnull=False)),
                name="member_reports_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["reported", "-id"], name="member_reports_about"),
            models.Index(fields=["reporter", "-id"], name="member_reports_by"),
            models.Index(fields=["id"], condition=Q(status="open"), name="member_reports_open"),
            models.Index(fields=["decided_at"], name="member_reports_old"),
        ]

    def __str__(self) -> str:
        return f"report {self.pk} ({self.status})"


class ReportMute(models.Model):
    """Reports of a member are not accepted until `ends_at` (None: until somebody ends it)."""

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="report_mutes", db_index=False
    )
    reason = models.TextField()
    issued_by = models.CharField(max_length=80, help_text="the person: Staff.person")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, help_text="when somebody ended it")
    ended_by = models.CharField(max_length=80, db_default="")

    class Meta:
        db_table = "report_mutes"
        constraints = [
            models.UniqueConstraint(
                fields=["player"], condition=Q(ended_at=None), name="report_mutes_one"
            ),
        ]
        indexes = [models.Index(fields=["player", "-id"], name="report_mutes_by_player")]

    def __str__(self) -> str:
        return f"mute {self.pk}"
