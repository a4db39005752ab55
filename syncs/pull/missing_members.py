"""Members whom a pull did not list. A person must confirm that they left if they are many."""

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from players.models import Player
from players.moderation import actors
from players.policy.membership import MembershipStatus as Status
from syncs.models import Membership, SyncJob

FEW = 2  # at most this many never count as too large a share
MOST_STAFF = 50  # upper limit of counting


def members(job: SyncJob, group: int, after: int = 0) -> QuerySet[Membership, int]:
    """Return user ids above `after`, in order, of members whom the job did not list."""
    rows = Membership.objects.filter(group_id=group, left_at=None, user_id__gt=after).exclude(
        seen_by=job.pk
    )
    return (
        rows.filter(seen_at__lt=job.started_at)
        .order_by("user_id")
        .values_list("user_id", flat=True)
    )


def players(job: SyncJob, group: int, after: int = 0) -> QuerySet[Player, int]:
    """Return user ids above `after`, in order, of possible members without a membership row."""
    there = Membership.objects.filter(group_id=group, user_id=OuterRef("user_id"), left_at=None)
    rows = Player.objects.filter(
        Q(member_seen_at=None) | Q(member_seen_at__lt=job.started_at),
        ~Exists(there),
        member__in=[Status.UNKNOWN.value, Status.MEMBER.value],
        created_at__lt=job.started_at,
        erased_at=None,
        user_id__gt=after,
    )
    return rows.order_by("user_id").values_list("user_id", flat=True)


def listed(job: SyncJob, group: int) -> int:
    """Return the number of members whom the job listed."""
    return Membership.objects.filter(group_id=group, seen_by=job.pk).count()


def staff_among(job: SyncJob, group: int, limit: int) -> list[Player]:
    """Return up to `limit` missing players who have powers or a technical role."""
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
    """Return up to `limit` missing players, those with the most points first."""
    gone = Q(user_id__in=members(job, group)) | Q(
        user_id__in=players(job, group), member=Status.MEMBER.value
    )
    found = (
        Player.objects.filter(gone, erased_at=None).select_related("rank").order_by("-points", "pk")
    )
    return list(found[:limit])


def question(job: SyncJob, group: int) -> str:
    """Return the question for a person. "" if few members are missing and none is staff."""
    sync = settings.INTEGRATIONS.sync
    total = Membership.objects.filter(group_id=group, left_at=None).count()
    without_row = players(job, group).filter(member=Status.MEMBER.value).count()
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
        + ". Check whether they really left before you confirm it."
    )
