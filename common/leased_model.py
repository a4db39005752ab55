"""Columns of rows that one process at a time works on."""

from django.db import models
from django.db.models.functions import Now


class Leased(models.Model):
    """Work that one process at a time holds.

    `lease` is that process's token. Meanwhile nobody else may write the row.
    """

    lease = models.CharField(max_length=32, db_default="")
    lease_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(db_default=0, help_text="failures since the last success")
    retry_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True
