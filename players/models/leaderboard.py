"""Store the counts from which positions are computed."""

from django.db import models
from django.db.models import Q


class LeaderboardBucket(models.Model):
    """How many listed players have points in one stretch: level 0 counts single hundredths, each
    level 64 below it.

    Derived from `players` (leaderboard.rebuild, leaderboard.verify); it makes a position cost the
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
    """A move not yet folded into the buckets, written by a trigger on `players`. Hundredths; empty
    means not listed.
    """

    before = models.BigIntegerField(null=True)
    after = models.BigIntegerField(null=True)

    class Meta:
        db_table = "leaderboard_changes"
