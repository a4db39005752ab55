"""Store the counts from which positions are computed."""

from django.db import models
from django.db.models import Q


class LeaderboardBucket(models.Model):
    """The number of listed players with points in one range.

    Level 0 counts single hundredths, and each further level spans 64 ranges of the one before.
    Derived from `players` (leaderboard.rebuild, leaderboard.verify), so that a position costs the
    same at any size.
    """

    level = models.SmallIntegerField()
    bucket = models.BigIntegerField()
    count = models.BigIntegerField()
    pk = models.CompositePrimaryKey("level", "bucket")

    class Meta:
        db_table = "leaderboard_buckets"
        constraints = [
            models.CheckConstraint(condition=Q(count__gt=0), name="leaderboard_buckets_not_empty")
        ]


class LeaderboardChange(models.Model):
    """A change not yet added to the buckets, written by a trigger on `players`.

    Values are hundredths. Empty means not listed.
    """

    before = models.BigIntegerField(null=True)
    after = models.BigIntegerField(null=True)

    class Meta:
        db_table = "leaderboard_changes"
