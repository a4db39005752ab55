"""Nonces of signed calls, heartbeats, the lease of beats, and when secrets were seen and used."""

from django.db import models
from django.db.models.functions import Now


class Nonce(models.Model):
    """A used nonce of a signed call. It is kept longer than a signature is valid."""

    nonce = models.CharField(max_length=128, primary_key=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "nonces"
        indexes = [models.Index(fields=["seen_at"], name="nonces_by_time")]


class Heartbeat(models.Model):
    """When beat last published the heartbeat task, and when each kind of worker last ran it."""

    name = models.CharField(max_length=20, primary_key=True)
    seen_at = models.DateTimeField()
    clock_skew = models.FloatField(
        db_default=0.0, help_text="seconds by which its machine's clock is ahead of the database's"
    )

    class Meta:
        db_table = "heartbeats"


class BeatLease(models.Model):
    """The one row that the beat which sends tasks holds, so that a second beat is harmless."""

    ONLY = 1

    lease = models.CharField(max_length=32, db_default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "beat_lease"


class SecretFingerprint(models.Model):
    """When a value of a secret was first configured. The fingerprint is a keyed hash of it."""

    name = models.CharField(max_length=60)
    fingerprint = models.CharField(max_length=64)
    first_seen = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "secret_fingerprints"
        constraints = [
            models.UniqueConstraint(fields=["name", "fingerprint"], name="secret_fingerprints_once")
        ]


class PreviousSecretUse(models.Model):
    """When the previous value of a secret was last used (common/previous_secrets.py)."""

    name = models.CharField(max_length=60, primary_key=True)
    used_at = models.DateTimeField()

    class Meta:
        db_table = "previous_secret_uses"
