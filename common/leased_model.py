"""Columns of rows that one process at a time works on."""

from django.db import models
from django.db.models.functions import Now


class Held(models.Model):
    """A row that one process at a time holds. `lease` is that process's token."""

    lease = models.CharField(max_length=32, db_default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Leased(Held):
    """Work that one process at a time holds. Meanwhile nobody else may write the row."""

    attempts = models.IntegerField(db_default=0, help_text="failures since the last success")
    retry_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True
