"""The first contact with a group: everybody keeps the rank that their role shows, since they joined.

Until the first pull of the group's members ended, no role is written to Roblox. So nobody loses a
role because GRPS has not met them yet.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import connection

from audits.record import Actor
from common import database_clock
from common.errors import Refused
from common.pg_arrays import numbers, texts
from syncs import jobs
from syncs.models import GroupLog, SyncJob

ACTOR = Actor("system", "first contact", "first contact")
OPERATOR = "staff:shell"  # the requester of a job from the machine's shell

# A rank that nobody decided about is held since the player joined the group.
SINCE = """
    UPDATE players p SET rank_since = c.joined::timestamptz, updated_at = %s
    FROM unnest(%s::bigint[], %s::text[]) AS c(player, joined)
    WHERE p.id = c.player AND p.rank_since > c.joined::timestamptz AND p.former_rank_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.player_id = p.id AND d.status = 'applied')"""


def is_met(group_id: int) -> bool:
    """Return whether the first pull of the group's members ended."""
    return GroupLog.objects.filter(group_id=group_id).exclude(met_at=None).exists()


def roles_may_be_written() -> bool:
    """Return whether roles may be written to Roblox. Without a group there is nothing to meet."""
    group_id = settings.ROBLOX_GROUP_ID
    return group_id is None or is_met(group_id)


def register(group_id: int) -> None:
    """Store that the first pull of the group's members ended."""
    GroupLog.objects.get_or_create(group_id=group_id)
    GroupLog.objects.filter(group_id=group_id, met_at=None).update(met_at=database_clock.now())


def request_pull() -> SyncJob | None:
    """Request the first pull of the members where it is missing."""
    if roles_may_be_written():
        return None
    recent = SyncJob.objects.filter(activity=SyncJob.Activity.MEMBERS)
    if recent.filter(created_at__gt=database_clock.now() - dt.timedelta(hours=1)).exists():
        return None  # it is under way, or has just failed
    try:
        return jobs.request(SyncJob.Activity.MEMBERS, None, actor=ACTOR)[0]
    except Refused:
        return None


def trusts(job: SyncJob | None) -> bool:
    """Return whether ranks with powers are adopted too: the machine's operator asked for the pull."""
    return job is not None and job.requested_by == OPERATOR


def part_of(job: SyncJob | None) -> str:
    """Return what the adopted ranks are part of: the pull, whose event `sync.finished` counts them."""
    return f"sync:{job.pk}" if job else ""


def date_ranks(joined: Mapping[int, dt.datetime | None], players: Iterable[int]) -> None:
    """Date the ranks of players (by our id) from the day they joined, where nobody decided them."""
    known = [(player, at) for player in players if (at := joined.get(player)) is not None]
    if not known:
        return
    with connection.cursor() as cursor:
        moments = texts(at.isoformat() for _, at in known)
        now = database_clock.now()
        cursor.execute(SINCE, [now, numbers(player for player, _ in known), moments])
