"""Experiences, the API keys of their game servers, and Open Cloud keys."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Experience(models.Model):
    """A Roblox experience. `key` is its name in the ledger, which never changes."""

    key = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    universe_id = models.BigIntegerField(null=True)
    enabled = models.BooleanField(db_default=True)
    writes = models.BooleanField(
        db_default=True, help_text="whether GRPS may write there once ROBLOX_WRITES is on"
    )
    bounds = models.JSONField(
        default=dict, help_text="what its game servers may do to people; empty: the defaults"
    )
    counts = models.JSONField(
        default=dict, help_text="what of it counts as points; empty: the defaults"
    )
    created_at = models.DateTimeField(db_default=Now())

    presented: int | None = None  # our id of the key that the caller authenticated with

    class Meta:
        db_table = "experiences"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class ExperienceKey(models.Model):
    """An API key. Only its SHA-256 is stored, and `prefix` to find it."""

    experience = models.ForeignKey(Experience, on_delete=models.PROTECT, related_name="keys")
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "experience_keys"

    def __str__(self) -> str:
        return f"grps_{self.prefix}_…"


class CloudKey(models.Model):
    """The health of an Open Cloud key, identified by the start of its SHA-256."""

    fingerprint = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=100, db_default="")
    owner_user_id = models.BigIntegerField(null=True)
    enabled = models.BooleanField(db_default=True)
    expired = models.BooleanField(db_default=False)
    expires_at = models.DateTimeField(null=True)
    missing_scopes = models.JSONField(
        default=list, help_text="scopes that GRPS needs and the key has not"
    )
    problem = models.TextField(
        db_default="", help_text="what to mend, in a sentence; empty when all is well"
    )
    checked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "cloud_keys"

    def __str__(self) -> str:
        return self.name or self.fingerprint


class WriteHold(models.Model):
    """The hold on all writes to Roblox, in force while `since` is set.

    `database` names the database in which it was last known that nothing was lost.
    """

    ONLY = 1  # the primary key of the only row

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    database = models.CharField(max_length=40)
    since = models.DateTimeField(null=True)
    reason = models.TextField(db_default="")

    class Meta:
        db_table = "roblox_write_hold"
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="roblox_write_hold_has_one_row")
        ]

    def __str__(self) -> str:
        return self.reason or "writing is allowed"
