"""Tables of the audit log.

Triggers (migrations 0002 and 0006) keep events and seals append-only. Only a redaction may change
an event.
"""

import json
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from common.canonical_json import canonical_exact
from common.leased_model import Held


class CanonicalJSONField(models.JSONField):
    """JSON kept exactly as written (`json`, not `jsonb`), so that its hash can be recomputed."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return (
            value if not isinstance(value, str) else json.loads(value)
        )  # the driver has parsed `json` already

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value if isinstance(value, str) else canonical_exact(value)


class AuditEvent(models.Model):
    """Who did what to whom, and why.

    Personal values are in AuditPersonal. This row holds only their commitments.
    """

    at = models.DateTimeField(db_default=Now())
    action = models.CharField(max_length=40)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=80)
    target_kind = models.CharField(max_length=20)
    target_id = models.CharField(max_length=80)
    experience = models.CharField(max_length=32)
    request_id = models.CharField(max_length=128)
    policy_version = models.CharField(max_length=64)
    reverts = models.BigIntegerField(null=True)
    details = CanonicalJSONField()
    commitments = CanonicalJSONField()

    class Meta:
        db_table = "audits"
        indexes = [
            models.Index(fields=["target_kind", "target_id", "id"], name="audits_by_target"),
            models.Index(fields=["action", "id"], name="audits_by_action"),
            models.Index(
                fields=["reverts"], condition=Q(reverts__isnull=False), name="audits_by_reverts"
            ),
            models.Index(fields=["actor_kind", "actor_id", "id"], name="audits_by_actor"),
            models.Index(
                fields=["request_id", "id"], condition=~Q(request_id=""), name="audits_by_request"
            ),
            models.Index(
                fields=["experience", "id"],
                condition=~Q(experience=""),
                name="audits_by_experience",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.action}"


class Reversal(models.Model):
    """An event that was reverted, and the event that reverted it.

    The event is the primary key, so nothing can be reverted twice.
    """

    event_id = models.BigIntegerField(primary_key=True, help_text="the event that was taken back")
    by_event = models.BigIntegerField()

    class Meta:
        db_table = "reversals"


class AuditPersonal(models.Model):
    """One personal value of an event, whose it is, and the salt of its commitment.

    Erasing a person deletes the row.
    """

    event = models.ForeignKey(
        AuditEvent, on_delete=models.PROTECT, related_name="personal", db_index=False
    )
    field = models.CharField(max_length=20)
    subject = models.CharField(max_length=90)
    salt = models.BinaryField()
    value = models.TextField()

    class Meta:
        db_table = "audit_personal"
        constraints = [
            models.UniqueConstraint(fields=["event", "field"], name="audit_personal_once")
        ]
        indexes = [
            models.Index(fields=["subject"], name="audit_personal_by_subject"),
            models.Index(
                fields=["event"], condition=Q(field="address"), name="audit_personal_addresses"
            ),
        ]


class AuditRedaction(models.Model):
    """An event whose details contained a person's name or words, which were removed.

    `leaf` is the hash of the line as it was sealed. It is kept so that the chain can be verified. A
    later event `audit.redacted` records the redaction, with the hash of the rest.
    """

    event = models.OneToOneField(
        AuditEvent, on_delete=models.PROTECT, primary_key=True, related_name="redaction"
    )
    leaf = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now())
    mirrors = ArrayField(
        models.CharField(max_length=20),
        db_default=Value([], output_field=ArrayField(models.CharField(max_length=20))),
        help_text="mirrors of the log that have forgotten it too",
    )

    class Meta:
        db_table = "audit_redactions"


class AuditPending(models.Model):
    """An event that no seal covers yet.

    A trigger writes the row with the event. The sealer deletes it.
    """

    event_id = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "audit_pending"


class Seal(models.Model):
    """A batch of events under one Merkle root, signed and chained to the seal before it."""

    number = models.BigIntegerField(primary_key=True)
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=88)
    at = models.DateTimeField()

    class Meta:
        db_table = "seals"

    def __str__(self) -> str:
        return f"seal {self.number}"


class SealFileState(models.Model):
    """How far the file outside the database is, as its writer stored it.

    `error` says why it does not grow; empty while it does. `differs_since`: since when the file is
    known to have other seals than the database, as after restoring an older backup.
    """

    ONLY = 1  # the primary key of the only row

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    last_seal = models.BigIntegerField(db_default=0)
    error = models.TextField(db_default="")
    differs_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "seal_file"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="seal_file_has_one_row")]

    def __str__(self) -> str:
        return f"the seal file up to seal {self.last_seal}"


class SealedEvent(models.Model):
    """The position of an event in the chain: without gaps from 1, assigned by the sealer."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="sealed")
    seal = models.ForeignKey(Seal, on_delete=models.PROTECT, related_name="events")

    class Meta:
        db_table = "sealed_events"


class AuditStream(Held):
    """The last known position of a mirror of the log; the mirror's own end decides.

    `error` is empty while the mirror works. `note` describes the last time that the mirror held
    less than was written to it.
    """

    name = models.CharField(max_length=20, primary_key=True)
    position = models.BigIntegerField(db_default=0)
    updated_at = models.DateTimeField(db_default=Now())
    error = models.TextField(blank=True, db_default="")
    note = models.TextField(blank=True, db_default="")
    lost_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_streams"

    def __str__(self) -> str:
        return self.name
