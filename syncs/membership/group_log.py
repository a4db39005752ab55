"""Follow the group's log on Roblox. The users named in it are read soon; the log is a hint only.

One row stores how far the log was read. It is updated in the transaction that queues the users, so
that a killed process skips no entry and repeats none.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from django.db import transaction
from django.db.models.functions import Now

from common import database_clock
from common.leases import LeaseLost, backoff, claim, hold, renew
from roblox import cloud
from roblox.open_cloud import groups
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import LogEntry
from syncs import jobs
from syncs.membership import reader
from syncs.models import GroupLog, SyncJob

AT_FIRST = dt.timedelta(days=1)  # how far back the first reading goes
OVERLAP = dt.timedelta(minutes=5)  # the delay with which an entry may appear behind newer ones
PAGES = 20  # of 100 entries in one reading; if there are more, the whole group is read
RETRY_CLOSED = dt.timedelta(hours=1)  # after the key was not allowed to read the log
CLOSED = (
    "The group's log is not followed: the Open Cloud key lacks the scope legacy-group:manage, or its"
    " owner may not see the log. Changes by hand on Roblox are seen when people join or act, and at"
    " night."
)

log = structlog.get_logger("grps.group_log")
EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def step(group: cloud.Group) -> int:
    """Read the new entries of the group's log and return their number."""
    GroupLog.objects.get_or_create(group_id=group.id)
    held = claim(GroupLog.objects.filter(group_id=group.id), 1)
    if not held:
        return 0
    row = held[0]
    try:
        entries, is_whole = _entries(group, row)
    except LeaseLost:
        return 0  # another process has taken over the reading
    except OpenCloudError as error:
        _failed(row, error)
        return 0
    return _take(row, entries, is_whole)


def problem(group_id: int | None) -> str:
    """Return why the log is not followed, as a sentence. "" if it is followed."""
    return (
        GroupLog.objects.filter(group_id=group_id or 0).values_list("problem", flat=True).first()
        or ""
    )


def _entries(group: cloud.Group, row: GroupLog) -> tuple[list[LogEntry], bool]:
    """Return the entries since the last reading, newest first, and whether they are complete."""
    since = (row.read_up_to or database_clock.now() - AT_FIRST) - OVERLAP
    found: list[LogEntry] = []
    cursor = ""
    for _ in range(PAGES):
        page, cursor = groups.log(group.client, group.id, cursor)
        renew(row)
        found += page
        if not cursor or any(entry.at < since for entry in page):
            return [entry for entry in found if entry.at >= since], True
    return found, False


def _take(row: GroupLog, entries: Sequence[LogEntry], is_whole: bool) -> int:
    marks = {_mark(entry): entry for entry in entries}
    newest = max((entry.at for entry in entries), default=row.read_up_to)
    with transaction.atomic():
        mine = hold(row).select_for_update(no_key=True).first()
        if mine is None:
            return 0  # another process has taken over the reading
        fresh = [entry for mark, entry in marks.items() if mark not in mine.taken]
        reader.want(_named(fresh), again=True)
        if not is_whole:
            _read_everybody()
        kept = [
            mark
            for mark, entry in marks.items()
            if newest is not None and entry.at >= newest - OVERLAP
        ]
        hold(row).update(
            read_up_to=newest,
            taken=kept or mine.taken,
            problem="",
            attempts=0,
            lease="",
            lease_until=None,
            read_at=database_clock.now(),
        )
    return len(fresh)


def _read_everybody() -> None:
    try:
        with transaction.atomic():
            jobs.request(SyncJob.Activity.MEMBERS, None, actor=reader.ACTOR)
    except jobs.AlreadyActive as reason:
        log.info("pull of members not requested again", reason=str(reason))


def _named(entries: Iterable[LogEntry]) -> set[int]:
    """Return the users that entries are about: the target, or the actor who joined or left."""
    named = {entry.target if entry.target is not None else entry.actor for entry in entries}
    return {user_id for user_id in named if 0 < user_id < 2**63}


def _mark(entry: LogEntry) -> str:
    """Return a hash that identifies an entry, since Roblox gives it no id."""
    said: tuple[Any, ...] = (
        entry.at.isoformat(),
        entry.action,
        entry.actor,
        entry.target,
        *entry.roles,
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()[:24]


def _failed(row: GroupLog, error: OpenCloudError) -> None:
    log.warning("the group's log was not read", error=str(error))
    free: dict[str, Any] = {"lease": "", "lease_until": None, "attempts": row.attempts + 1}
    if error.decision is RetryDecision.GIVE_UP:
        said = CLOSED if error.status in {401, 403} else f"The group's log is not followed: {error}"
        hold(row).update(problem=said, retry_at=Now() + RETRY_CLOSED, **free)
        return
    waits = error.decision is RetryDecision.WAIT
    pause = backoff(0, base=max(2.0, error.retry_after or 2.0)) if waits else backoff(row.attempts)
    hold(row).update(retry_at=Now() + pause, **free)
