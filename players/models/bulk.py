"""Store bulk jobs and their rows."""

from django.db import models
from django.db.models import Q, Value

from players.models.fields import ZERO, points_field
from players.models.job import Job
from players.models.moderation import Approval
from players.models.player import Player

# rows that one person may change without approval: as many as the velocity limit allows at once
BULK_ALONE = 20


class BulkJob(Job):
    """One act on many players, or the undo of many events.

    With more than BULK_ALONE rows it starts only after a second person approved it (`settled`); a
    database constraint enforces that too.
    """

    class Status(models.TextChoices):
        PREVIEW = "preview"
        WAITING = "waiting", "waits for a second person"
        RUNNING = "running"
        DONE = "done"

    act = models.CharField(max_length=20, help_text="warn, adjust, revert, …")
    arguments = models.JSONField(help_text="of the act, the same for every row")
    status = models.CharField(max_length=10, choices=Status, db_default=Status.PREVIEW)
    second = models.TextField(
        db_default="", help_text="why a second person must approve it, in a sentence"
    )
    settled = models.BooleanField(
        db_default=False, help_text="a second person approved, or it was the machine's operator"
    )
    approval = models.OneToOneField(
        Approval, on_delete=models.PROTECT, null=True, related_name="bulk_job"
    )
    event = models.BigIntegerField(
        null=True, help_text="the audit event by which it began, and who asked"
    )
    rows = models.IntegerField(db_default=0)
    changing = models.IntegerField(db_default=0, help_text="rows that the preview found possible")
    done = models.IntegerField(db_default=0)
    held = models.IntegerField(db_default=0, help_text="rows that wait for a second person each")
    skipped = models.IntegerField(db_default=0)
    failed = models.IntegerField(db_default=0)
    line = models.IntegerField(db_default=0, help_text="up to here the rows are settled")
    started_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bulk_jobs"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["preview", "waiting"])
                | Q(settled=True)
                | Q(changing__lte=BULK_ALONE),
                name="bulk_jobs_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["running", "done"]) | Q(event__isnull=False),
                name="bulk_jobs_told",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(status="running"), name="bulk_jobs_running"),
            models.Index(
                fields=["created_at"], condition=Q(status="preview"), name="bulk_jobs_previews"
            ),
        ]

    def __str__(self) -> str:
        return f"bulk job {self.pk} ({self.act}, {self.status})"

    @property
    def is_approved(self) -> bool:
        return self.settled


class BulkRow(models.Model):
    """One row of a bulk job and its result.

    `subject` is the id of the sanction, decision or event that the act is about.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        HELD = "held", "waits for a second person"
        SKIPPED = "skipped"
        FAILED = "failed"

    pk = models.CompositePrimaryKey("job_id", "line")
    job = models.ForeignKey(BulkJob, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.IntegerField()
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    subject = models.BigIntegerField(null=True)
    amount = points_field(db_default=Value(ZERO), help_text="by how much it adjusts them")
    status = models.CharField(max_length=8, choices=Status, db_default=Status.PENDING)
    note = models.TextField(db_default="", help_text="why it was passed over; never a name")
    event = models.BigIntegerField(null=True, help_text="the audit event of what was done")
    request = models.ForeignKey(
        Approval, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        db_table = "bulk_rows"
        constraints = [
            models.UniqueConstraint(
                fields=["job", "player", "subject"], nulls_distinct=False, name="bulk_rows_once"
            )
        ]
        indexes = [models.Index(fields=["player"], name="bulk_rows_player")]
