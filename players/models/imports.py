"""Store imports of what players had before GRPS, and their rows."""

from django.db import models
from django.db.models import Q

from common.leased_model import Leased
from players.models.fields import LONGEST_ORIGIN, points_field
from players.models.job import Job
from players.models.moderation import Approval


class Import(Job, Leased):
    """An import of points, ranks, counts and warnings from a file or a data store.

    It is read, its names are resolved and its rows are checked; then it is a preview.
    """

    class Status(models.TextChoices):
        READING = "reading", "reads the data store"
        NAMING = "naming", "resolves names"
        CHECKING = "checking"
        PREVIEW = "preview"
        WAITING = "waiting", "waits for a second person"
        APPLYING = "applying"
        DONE = "done"
        REJECTED = "rejected"

    class Source(models.TextChoices):
        FILE = "file"
        STORE = "store", "data store"
        ORDERED = "ordered", "ordered data store"
        DATASTORE2 = "datastore2", "DataStore2"
        INVERSE = "inverse", "undo of an import"

    experience = models.CharField(
        max_length=LONGEST_ORIGIN, help_text="where the points were earned"
    )
    source = models.CharField(max_length=10, choices=Source)
    options = models.JSONField(default=dict, help_text="how a data store is read")
    cursor = models.JSONField(default=dict, help_text="how far the data store is read")
    digest = models.CharField(max_length=64, db_default="", help_text="SHA-256 of a file's rows")
    status = models.CharField(max_length=10, choices=Status)
    event = models.BigIntegerField(db_default=0, help_text="the audit event that says who asked")
    approval = models.OneToOneField(
        Approval, on_delete=models.PROTECT, null=True, related_name="data_import"
    )
    approved_by = models.CharField(max_length=80, db_default="")
    approved_at = models.DateTimeField(null=True)
    inverse_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="inverse"
    )
    rows = models.BigIntegerField(db_default=0)
    unread = models.BigIntegerField(db_default=0, help_text="rows with an error")
    skipped = models.BigIntegerField(db_default=0)
    unchanged = models.BigIntegerField(db_default=0)
    changing = models.BigIntegerField(db_default=0, help_text="rows that change a player")
    applied = models.BigIntegerField(db_default=0)
    total = points_field(db_default=0, help_text="the sum of the points that change")
    effects = models.JSONField(default=dict, help_text="what the preview found: counts by kind")
    line = models.BigIntegerField(db_default=0, help_text="up to here the present step is done")
    error = models.TextField(db_default="")

    class Meta:
        db_table = "imports"
        constraints = [
            models.CheckConstraint(
                condition=Q(approved_by="") | ~Q(approved_by=models.F("requested_by")),
                name="imports_second_person",
            )
        ]
        indexes = [
            models.Index(
                fields=["retry_at"],
                condition=Q(status__in=["reading", "naming", "checking", "applying"]),
                name="imports_to_do",
            ),
            models.Index(fields=["digest"], name="imports_by_digest"),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} ({self.status})"

    @property
    def is_approved(self) -> bool:
        return bool(self.approved_by)


class ImportRow(models.Model):
    """What a file or a data store says about one player, and the result.

    Points in hundredths. `before` and `after`: the player's imported part, rank and warnings.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPLIED = "applied"
        UNCHANGED = "unchanged"
        SKIPPED = "skipped"
        UNREAD = "unread"

    pk = models.CompositePrimaryKey("job_id", "line")
    job = models.ForeignKey(Import, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.BigIntegerField()
    given = models.CharField(
        max_length=100, db_default="", help_text="the name or key as it was given"
    )
    user_id = models.BigIntegerField(null=True)
    username = models.CharField(max_length=50, db_default="")
    display_name = models.CharField(max_length=50, db_default="")
    points = models.BigIntegerField(null=True)
    kos = models.BigIntegerField(null=True)
    wos = models.BigIntegerField(null=True)
    rank = models.CharField(max_length=100, db_default="")
    rank_since = models.DateTimeField(null=True)
    warnings = models.JSONField(null=True, help_text="a number, or a list of `at` and `reason`")
    amount = points_field(db_default=0, help_text="by how much the player's points change")
    status = models.CharField(max_length=9, choices=Status, db_default=Status.PENDING)
    note = models.TextField(db_default="")
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "import_rows"
        indexes = [
            models.Index(fields=["user_id", "job"], name="import_rows_by_user"),
            models.Index(
                fields=["job", "line"],
                condition=Q(status__in=["skipped", "unread"]),
                name="import_rows_left_out",
            ),
        ]
