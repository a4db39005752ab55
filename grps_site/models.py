"""State of the site itself: signatures' nonces, and when worker and beat were last seen."""

from django.db import models
from django.db.models.functions import Now


class Nonce(models.Model):
    """A nonce of a signed call: once seen, never again (they are kept longer than a signature
    lives).
    """

    nonce = models.CharField(max_length=128, primary_key=True)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "nonces"
        indexes = [models.Index(fields=["seen_at"], name="nonces_by_time")]


class Heartbeat(models.Model):
    """`beat` when it last sent its pulse, `worker` when one last ran it."""

    name = models.CharField(max_length=20, primary_key=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "heartbeats"
