"""Read the membership of single users from Roblox.

This is done before they act, after they join a game, and when the group's log names them. Only one
process at a time reads a user. Never call these functions within a transaction.
"""

import datetime as dt
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now

from audits.record import Actor
from common import database_clock
from common.database_clock import database_time
from common.leases import backoff, claim, hold
from common.tracing import TracedThreads
from players.models import Player
from players.privacy import orders
from roblox import cloud
from roblox.open_cloud import groups, users
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import Member
from roblox.open_cloud.operations import READ_ACTOR
from syncs.membership import first_contact, landing
from syncs.membership.reading import Reading, ReportedMember
from syncs.models import GroupLog, MembershipRead
from syncs.roles import pins
from syncs.roles.pins import Contact

ACTOR = Actor("system", "memberships", "memberships")
TURN = 2.0  # seconds that a user who is about to act waits for the rate limit
ANSWER = 1.5  # seconds that they then wait for Roblox
PATIENCE = TURN + ANSWER
REST = dt.timedelta(seconds=10)  # after a failure; until then the last known state is used
AT_ONCE = 15.0  # seconds: the lease of a reading that a user waits for
LOOK_EVERY = 0.05  # seconds between two checks whether another process has finished the reading
CALL = 5.0  # seconds at most for the rate limit, and for Roblox, in a reading in the background
# Few at once, since users who are about to act wait behind these for the rate limit.
BATCH, READERS = 8, 4
TRIES = 8  # failures in a row before a user is left to the nightly pull
MOST_WANTED = 20_000  # users in the queue
MOST_OF_ONE = 5_000  # for one experience, whose game servers may name users who do not exist
A_DAY = KEPT = dt.timedelta(days=1)

CLAIM = """
    INSERT INTO membership_reads (user_id, lease, lease_until)
    VALUES (%(user)s, %(lease)s, now() + make_interval(secs => %(length)s))
    ON CONFLICT (user_id) DO UPDATE SET lease = excluded.lease, lease_until = excluded.lease_until
    WHERE (membership_reads.lease_until IS NULL OR membership_reads.lease_until < now())
        AND membership_reads.retry_at <= now()
        AND (membership_reads.read_at IS NULL
            OR membership_reads.read_at < now() - make_interval(secs => %(fresh)s))
    RETURNING user_id"""
WANT = """
    INSERT INTO membership_reads (user_id, wanted_at, experience_id)
    SELECT wanted.id, now(), e.id
    FROM unnest(%(users)s::bigint[]) AS wanted(id)
    LEFT JOIN experiences e ON e.key = %(experience)s
    WHERE %(most)s > (SELECT count(*) FROM (
            SELECT 1 FROM membership_reads WHERE wanted_at IS NOT NULL LIMIT %(most)s) m)
        AND (e.id IS NULL OR %(most_of_one)s > (SELECT count(*) FROM (
            SELECT 1 FROM membership_reads r
            WHERE r.wanted_at IS NOT NULL AND r.experience_id = e.id LIMIT %(most_of_one)s) m))
    ORDER BY wanted.id
    ON CONFLICT (user_id) DO UPDATE
    SET wanted_at = now(), retry_at = now(), attempts = 0, experience_id = excluded.experience_id
    WHERE %(again)s OR (membership_reads.wanted_at IS NULL AND (membership_reads.read_at IS NULL
        OR membership_reads.read_at < now() - make_interval(secs => %(fresh)s)))"""

log = structlog.get_logger("grps.memberships")


def read_now(user_ids: Collection[int]) -> None:
    """Read users who were not read within the last minute. Return after at most PATIENCE seconds.

    Users who could not be read keep their last known state.
    """
    deadline = time.monotonic() + PATIENCE
    for user_id in sorted(set(user_ids) - orders.pending(user_ids)):
        _read_one(user_id, deadline)


def want(user_ids: Collection[int], *, experience: str = "", again: bool = False) -> int:
    """Queue users to be read soon and return the number of queued ones.

    Users read within the last minute are left out, unless `again`, and so are users who will be
    erased. `experience`: key of the experience whose game servers named them. Each experience may
    use only a part of the queue.
    """
    values: dict[str, Any] = {
        "users": sorted(set(user_ids) - orders.pending(user_ids)),
        "experience": experience,
        "most": MOST_WANTED,
        "most_of_one": MOST_OF_ONE,
        "again": again,
        "fresh": _fresh_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(WANT, values)
        return int(cursor.rowcount)


def step() -> int:
    """Read some of the queued users and return their number."""
    held = _claim_wanted()
    if not held:
        return 0
    try:
        group = cloud.group()
        contact = _last_contact(group)
    except (cloud.NotConfigured, OpenCloudError) as error:
        for row in held:
            _register_failure(row, error)
        return 0
    client = group.client.at_once(CALL, CALL)
    lander = _Lander(group, contact, database_time(), _adopted_lately(group.id))
    with TracedThreads(READERS, thread_name_prefix="membership") as pool:
        calls = [(row, pool.submit(groups.member, client, group.id, row.user_id)) for row in held]
    for row, call in calls:
        try:
            adopted = lander.land(row, call.result())
            GroupLog.objects.filter(group_id=group.id).update(adopted=F("adopted") + adopted)
        except OpenCloudError as error:
            _register_failure(row, error)
    return len(held)


def _claim_wanted() -> list[MembershipRead]:
    """Claim up to BATCH queued users, in equal shares of the experiences that named them.

    A game server that names users who do not exist therefore delays only its own experience.
    """
    wanted = MembershipRead.objects.filter(wanted_at__isnull=False)
    due = wanted.filter(retry_at__lte=Now())
    sources = list(due.order_by().values_list("experience", flat=True).distinct())
    held: list[MembershipRead] = []
    for number, source in enumerate(sources):
        share = -(-(BATCH - len(held)) // (len(sources) - number))
        if share > 0:
            held += claim(wanted.filter(experience=source), share)
    if len(held) < BATCH:
        held += claim(wanted, BATCH - len(held))
    return held


def purge() -> int:
    """Delete rows of finished readings after a day, and return their number."""
    old = MembershipRead.objects.filter(wanted_at=None).filter(
        Q(read_at__lt=database_clock.now() - KEPT)
        | Q(read_at=None, retry_at__lt=database_clock.now() - KEPT)
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
    """Return whether a user was read lately, or the reading failed a moment ago."""
    fresh = Q(read_at__gt=Now() - dt.timedelta(seconds=_fresh_seconds()))
    return MembershipRead.objects.filter(fresh | Q(retry_at__gt=Now()), pk=user_id).exists()


def _claim(user_id: int) -> MembershipRead | None:
    lease = secrets.token_hex(16)
    values: dict[str, Any] = {
        "user": user_id,
        "lease": lease,
        "length": AT_ONCE,
        "fresh": _fresh_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        found = cursor.fetchone()
    return MembershipRead.objects.get(pk=user_id) if found else None


def _read_held(row: MembershipRead, deadline: float) -> None:
    left = max(0.2, deadline - time.monotonic())
    try:
        group = cloud.group()
        group = cloud.Group(group.id, group.client.at_once(min(TURN, left), min(ANSWER, left)))
        lander = _Lander(group, _last_contact(group), database_time())
        member = groups.member(group.client, group.id, row.user_id, READ_ACTOR)
        lander.land(row, member)
    except (cloud.NotConfigured, OpenCloudError) as error:
        _register_failure(row, error)


@dataclass
class _Lander:
    """Stores readings that began at the same time. `adopted` counts adopted changes of rank."""

    group: cloud.Group
    contact: Contact
    asked_at: dt.datetime
    adopted: int = 0

    def land(self, row: MembershipRead, member: Member | None) -> int:
        """Store what Roblox reports about a user. Return the number of adopted changes of rank."""
        if member is None:
            reported, names = ReportedMember(row.user_id, None), {}
        else:
            reported = ReportedMember(row.user_id, member.roles, member.joined_at)
            names = self._names(member)
        reading = Reading(
            self.group.id,
            self.contact,
            ACTOR,
            database_clock.now(),
            asked_at=self.asked_at,
            adopted=self.adopted,
            first=not first_contact.is_met(self.group.id),
        )
        adopted = landing.land([reported], reading, names).counts.get("adopted", 0)
        self.adopted += adopted
        hold(row).filter(wanted_at__lte=self.asked_at).update(wanted_at=None)
        hold(row).update(
            read_at=self.asked_at, lease="", lease_until=None, attempts=0, retry_at=Now()
        )
        return adopted

    def _names(self, member: Member) -> dict[int, tuple[str, str]]:
        """Return the names of a user who becomes a player because of a rank's role."""
        pins = self.contact.pins
        if pins.shown(member.roles).rank == pins.policy.bundle.first:
            return {}
        if Player.objects.filter(user_id=member.user_id).exists():
            return {}
        user = users.get(self.group.client, member.user_id)
        if user is None or not user.name:
            return {member.user_id: (f"user_{member.user_id}", "")}
        return {member.user_id: (user.name[:50], user.display_name[:50])}


def _register_failure(row: MembershipRead, error: Exception) -> None:
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


def _last_contact(group: cloud.Group) -> Contact:
    """Return the roles and pins of the last contact. Without one, Roblox is asked."""
    return pins.last(group.id) or pins.contact(group)


def _adopted_lately(group_id: int) -> int:
    """Return the number of changes of rank adopted by background readings within a day."""
    GroupLog.objects.get_or_create(group_id=group_id)
    old = GroupLog.objects.filter(
        Q(adopted_since=None) | Q(adopted_since__lt=Now() - A_DAY), group_id=group_id
    )
    old.update(adopted=0, adopted_since=Now())
    return GroupLog.objects.values_list("adopted", flat=True).get(group_id=group_id)


def _fresh_seconds() -> float:
    """Return how many seconds a reading stays valid."""
    return float(settings.INTEGRATIONS.sync.read_membership_after_seconds)
