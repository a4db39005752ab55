"""Nonces of signed calls, and heartbeats of worker and beat."""

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

    class Meta:
        db_table = "heartbeats"
