"""Whom a pull of the members did not meet, and nobody has met since it began."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from players.models import Player
from players.policy.membership import Membership as Belonging
from syncs.models import Membership, SyncJob


def members(job: SyncJob, group: int, after: int = 0) -> QuerySet[Membership, int]:
    """User ids above `after` of those who were members before it, in order."""
    rows = Membership.objects.filter(group_id=group, left_at=None, user_id__gt=after).exclude(seen_by=job.pk)
    return rows.filter(seen_at__lt=job.started_at).order_by("user_id").values_list("user_id", flat=True)


def players(job: SyncJob, group: int, after: int = 0) -> QuerySet[Player, int]:
    """User ids above `after` of players who are no members as far as is known, though they do not count as such yet."""
    there = Membership.objects.filter(group_id=group, user_id=OuterRef("user_id"), left_at=None)
    rows = Player.objects.filter(
        Q(member_seen_at=None) | Q(member_seen_at__lt=job.started_at),
        ~Exists(there),
        member__in=[Belonging.UNKNOWN.value, Belonging.MEMBER.value],
        created_at__lt=job.started_at,
        erased_at=None,
        user_id__gt=after,
    )
    return rows.order_by("user_id").values_list("user_id", flat=True)
