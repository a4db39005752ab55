"""Reads single people's membership from Roblox: before they act, soon after they join a game, and
when the group's log names them. One process at a time reads a person; nothing here is called within
a transaction.
"""

import datetime as dt
import secrets
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from audits.record import Actor
from common.database_clock import database_time
from common.leases import backoff, claim, hold
from players.models import Player
from players.privacy import orders
from roblox import cloud
from roblox.open_cloud import groups, users
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import Member
from roblox.open_cloud.operations import READ_ACTOR
from syncs.membership import landing
from syncs.membership.landing import Reading, Said
from syncs.models import GroupLog, MembershipRead
from syncs.roles import pins
from syncs.roles.pins import Contact, Pins

ACTOR = Actor("system", "memberships", "memberships")
TURN, ANSWER = (
    2.0,
    1.5,
)  # seconds that somebody who is about to act waits for their turn, and for Roblox
PATIENCE = TURN + ANSWER
REST = dt.timedelta(
    seconds=10
)  # after a failure, in which the last known state serves everybody at once
AT_ONCE = 15.0  # seconds: the lease of a read that somebody waits for
LOOK_EVERY = 0.05  # seconds between two looks at whether another process has read them
CALL = 5.0  # seconds for its turn, and for Roblox, that a read in the background takes at most
BATCH, READERS = 8, 4  # few at once: whoever is about to act waits for their turn behind these
TRIES = 8  # failures in a row before a person is left to the nightly pull
MOST_WANTED = 20_000
A_DAY = KEPT = dt.timedelta(days=1)

CLAIM = """
    INSERT INTO membership_reads (user_id, lease, lease_until)
    VALUES (%(user)s, %(lease)s, now() + make_interval(secs => %(length)s))
    ON CONFLICT (user_id) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until
    WHERE (membership_reads.lease_until IS NULL OR membership_reads.lease_until < now())
        AND membership_reads.retry_at <= now()
        AND (membership_reads.read_at IS NULL OR membership_reads.read_at < now() - make_interval(secs => %(fresh)s))
    RETURNING user_id"""
LOOK = """
    SELECT read_at > now() - make_interval(secs => %s), retry_at > now() FROM membership_reads WHERE user_id = %s"""
WANT = """
    INSERT INTO membership_reads (user_id, wanted_at)
    SELECT wanted.id, now() FROM unnest(%(users)s::bigint[]) AS wanted(id)
    WHERE %(most)s > (
        SELECT count(*) FROM (SELECT 1 FROM membership_reads WHERE wanted_at IS NOT NULL LIMIT %(most)s) m)
    ORDER BY wanted.id
    ON CONFLICT (user_id) DO UPDATE SET wanted_at = now(), retry_at = now(), attempts = 0
    WHERE %(again)s OR (membership_reads.wanted_at IS NULL AND (membership_reads.read_at IS NULL
        OR membership_reads.read_at < now() - make_interval(secs => %(fresh)s)))"""

log = structlog.get_logger("grps.memberships")


def read_now(user_ids: Collection[int]) -> None:
    """Read these people unless that was done within the last minute; returns within some PATIENCE
    seconds, whatever Roblox does. Who could not be read keeps their last known state.
    """
    deadline = time.monotonic() + PATIENCE
    for user_id in sorted(set(user_ids) - orders.pending(user_ids)):
        _read_one(user_id, deadline)


def want(user_ids: Collection[int], *, again: bool = False) -> int:
    """Have these people read soon, unless that was done within the last minute (`again`: in any
    case); how many.

    Of whoever is about to be erased nothing is written here.
    """
    wanted = sorted(set(user_ids) - orders.pending(user_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            WANT, {"users": wanted, "most": MOST_WANTED, "again": again, "fresh": _fresh()}
        )
        return int(cursor.rowcount)


def step() -> int:
    """Read a few of those who are wanted; how many were taken up."""
    wanted = MembershipRead.objects.filter(wanted_at__isnull=False)
    held = claim(wanted, BATCH)
    if not held:
        return 0
    try:
        group = cloud.group()
        found = _contact(group)
    except (cloud.NotConfigured, OpenCloudError) as error:
        for row in held:
            _failed(row, error)
        return 0
    client = group.client.at_once(CALL, CALL)
    asked_at = database_time()
    with ThreadPoolExecutor(READERS, thread_name_prefix="membership") as pool:
        calls = [(row, pool.submit(groups.member, client, group.id, row.user_id)) for row in held]
    adopted = _adopted_lately(group.id)
    for row, call in calls:
        try:
            fresh = _land(row, call.result(), group, found, asked_at, adopted)
            adopted += fresh
            GroupLog.objects.filter(group_id=group.id).update(adopted=F("adopted") + fresh)
        except OpenCloudError as error:
            _failed(row, error)
    return len(held)


def purge() -> int:
    """Forget when people were read, where that is long ago; how many."""
    old = MembershipRead.objects.filter(wanted_at=None).filter(
        Q(read_at__lt=timezone.now() - KEPT) | Q(read_at=None, retry_at__lt=timezone.now() - KEPT)
    )
    return old.delete()[0]


def _read_one(user_id: int, deadline: float) -> None:
    while not _is_settled(user_id):
        row = _claim(user_id)
        if row is not None:
            _read_held(row, deadline)
            return
        if time.monotonic() >= deadline:
            return
        time.sleep(LOOK_EVERY)


def _is_settled(user_id: int) -> bool:
    """Whether somebody was read lately, or could not be a moment ago."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, [_fresh(), user_id])
        return any(cursor.fetchone() or ())


def _claim(user_id: int) -> MembershipRead | None:
    lease = secrets.token_hex(16)
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM, {"user": user_id, "lease": lease, "length": AT_ONCE, "fresh": _fresh()}
        )
        found = cursor.fetchone()
    return MembershipRead.objects.get(pk=user_id) if found else None


def _read_held(row: MembershipRead, deadline: float) -> None:
    left = max(0.2, deadline - time.monotonic())
    try:
        group = cloud.group()
        group = cloud.Group(group.id, group.client.at_once(min(TURN, left), min(ANSWER, left)))
        found = _contact(group)
        asked_at = database_time()
        member = groups.member(group.client, group.id, row.user_id, READ_ACTOR)
        _land(row, member, group, found, asked_at)
    except (cloud.NotConfigured, OpenCloudError) as error:
        _failed(row, error)


def _land(
    row: MembershipRead,
    member: Member | None,
    group: cloud.Group,
    found: Contact,
    asked_at: dt.datetime,
    adopted: int = 0,
) -> int:
    """Write down what Roblox said of one person; how many changes of rank were adopted by it."""
    said = Said(row.user_id, member.roles if member else None, member.joined_at if member else None)
    names = _names(group.client, member, found.pins) if member else {}
    reading = Reading(group.id, found, ACTOR, timezone.now(), asked_at=asked_at)
    landed = landing.land([said], reading, names=names, adopted=adopted)
    hold(row).filter(wanted_at__lte=asked_at).update(wanted_at=None)
    hold(row).update(read_at=asked_at, lease="", lease_until=None, attempts=0, retry_at=Now())
    return landed.counts.get("adopted", 0)


def _names(client: OpenCloud, member: Member, found: Pins) -> dict[int, tuple[str, str]]:
    """The name of somebody who holds a rank's role and is no player yet; they become one."""
    if found.shown(member.roles).rank == found.policy.bundle.first:
        return {}
    if Player.objects.filter(user_id=member.user_id).exists():
        return {}
    user = users.get(client, member.user_id)
    named = (
        (user.name[:50], user.display_name[:50])
        if user and user.name
        else (f"user_{member.user_id}", "")
    )
    return {member.user_id: named}


def _failed(row: MembershipRead, error: Exception) -> None:
    log.warning("a membership was not read", error=str(error))
    if isinstance(error, OpenCloudError) and error.decision is RetryDecision.WAIT:
        pause = dt.timedelta(seconds=min(60.0, max(2.0, error.retry_after or 2.0)))
        hold(row).update(lease="", lease_until=None, retry_at=Now() + pause)
        return
    pause = max(REST, backoff(row.attempts))
    free: dict[str, Any] = {
        "lease": "",
        "lease_until": None,
        "attempts": F("attempts") + 1,
        "retry_at": Now() + pause,
    }
    if row.attempts + 1 >= TRIES:
        free |= {"wanted_at": None, "attempts": 0}
    hold(row).update(**free)


def _contact(group: cloud.Group) -> Contact:
    """The roles and pins as the last contact left them; at the very first the group's roles are
    read.
    """
    return pins.last(group.id) or pins.contact(group)


def _adopted_lately(group_id: int) -> int:
    """How many changes of rank readings in the background adopted within a day."""
    GroupLog.objects.get_or_create(group_id=group_id)
    old = GroupLog.objects.filter(
        Q(adopted_since=None) | Q(adopted_since__lt=Now() - A_DAY), group_id=group_id
    )
    old.update(adopted=0, adopted_since=Now())
    return GroupLog.objects.values_list("adopted", flat=True).get(group_id=group_id)


def _fresh() -> float:
    """Seconds for which a reading serves everybody."""
    return float(settings.INTEGRATIONS.sync.read_membership_after_seconds)
