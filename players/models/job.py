"""Fields that bulk jobs and mass adjustments share."""

from django.db import models
from django.db.models import Value
from django.db.models.functions import Now

from players.models.fields import ZERO, points_field
from players.models.player import Player


class Job(models.Model):
    """A change of many players: previewed, approved by a second person where needed, run in steps."""

    reason = models.TextField()
    requested_by = models.CharField(max_length=80, help_text="Staff.person of the requester")
    requester = models.ForeignKey(
        Player,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="the requester's player, if they have one",
    )
    charged_on = models.DateField(
        null=True, help_text="the day whose limit was charged when the job started"
    )
    reserved = points_field(
        db_default=Value(ZERO),
        help_text="the part of that charge that no step has used or returned",
    )
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
