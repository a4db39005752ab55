"""Experiences, and the keys with which their game servers prove themselves."""

from django.db import models
from django.db.models.functions import Now


class Experience(models.Model):
    """A Roblox experience. `key` is its name in the ledger and never changes; `universe_id` is Roblox's id."""

    key = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80)
    universe_id = models.BigIntegerField(null=True)
    enabled = models.BooleanField(db_default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "experiences"
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class ExperienceKey(models.Model):
    """An API key: only its SHA-256 is kept. `prefix` finds it; the whole key was shown once."""

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
