"""Whom a pull of the members did not meet, and nobody has met since it began; when that is too much
to write off.
"""

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from players.models import Player
from players.moderation import actors
from players.policy.membership import Membership as Belonging
from syncs.models import Membership, SyncJob

FEW = 2  # so many are never too large a share
MOST_STAFF = 50  # where counting stops


def members(job: SyncJob, group: int, after: int = 0) -> QuerySet[Membership, int]:
    """User ids above `after` of those who were members before it, in order."""
    rows = Membership.objects.filter(group_id=group, left_at=None, user_id__gt=after).exclude(
        seen_by=job.pk
    )
    return (
        rows.filter(seen_at__lt=job.started_at)
        .order_by("user_id")
        .values_list("user_id", flat=True)
    )


def players(job: SyncJob, group: int, after: int = 0) -> QuerySet[Player, int]:
    """User ids above `after` of players who are no members as far as is known, though they do not
    count as such yet.
    """
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


def met(job: SyncJob, group: int) -> int:
    """How many members the job met, each counted once."""
    return Membership.objects.filter(group_id=group, seen_by=job.pk).count()


def staff_among(job: SyncJob, group: int, limit: int) -> list[Player]:
    """Up to `limit` players among them who have powers or a technical role."""
    gone = Q(user_id__in=members(job, group)) | Q(user_id__in=players(job, group))
    found = (
        Player.objects.filter(gone, erased_at=None)
        .select_related("rank", "former_rank")
        .order_by("user_id")
    )
    return [player for player in found.filter(actors.may_be_staff()) if actors.is_staff(player)][
        :limit
    ]


def known(job: SyncJob, group: int, limit: int) -> list[Player]:
    """Up to `limit` players among them, those with the most points first."""
    gone = Q(user_id__in=members(job, group)) | Q(
        user_id__in=players(job, group), member=Belonging.MEMBER.value
    )
    found = (
        Player.objects.filter(gone, erased_at=None).select_related("rank").order_by("-points", "pk")
    )
    return list(found[:limit])


def question(job: SyncJob, group: int) -> str:
    """What a person must confirm before they are written off; empty where it is few, and none of
    the staff.
    """
    sync, total = (
        settings.INTEGRATIONS.sync,
        Membership.objects.filter(group_id=group, left_at=None).count(),
    )
    without_row = players(job, group).filter(member=Belonging.MEMBER.value).count()
    gone, all_members = members(job, group).count() + without_row, total + without_row
    officers = len(staff_among(job, group, MOST_STAFF))
    many = gone > sync.leave_at_most or (
        gone > FEW and gone > sync.leave_share_at_most * all_members
    )
    if not many and not officers:
        return ""
    whom = (
        f"{officers} of the staff"
        if officers < MOST_STAFF
        else f"{MOST_STAFF} or more of the staff"
    )
    return (
        f"Roblox did not list {gone:,} of {all_members:,} members"
        + (f", among them {whom}" if officers else "")
        + ". Look whether they really left before you confirm that they are written off."
    )
