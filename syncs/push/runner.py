"""Push mirrors to Roblox: claim due ones, compute the writes, send them, confirm.

A write with an unknown outcome is sent again: each write sets a state, so a repetition is safe. A
mirror that cannot succeed is parked with a reason; nothing is dropped. While writing is switched
off, `preview` shows the writes.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record_many
from common import database_clock
from common.leases import LEASE, backoff, claim, hold
from common.tracing import TracedThreads
from players.membership.status import belonging
from players.models import Sanction
from roblox import cloud, write_hold
from roblox.models import Experience
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs.membership import first_contact, landing
from syncs.membership.reading import Reading, ReportedMember
from syncs.models import Mirror
from syncs.push.writers import (
    DesiredState,
    DryRunWriter,
    GroupWriter,
    NotAMember,
    PermanentError,
    UniverseWriter,
)

BATCH = 60  # mirrors claimed at once; their leases are renewed while they are written
WRITERS = 8
BEAT = 10.0  # seconds between two renewals
PATIENCE = 20.0  # seconds that a write waits for its rate limit before others go first
TRIES = 40  # failures in a row before a mirror is parked: more than a day
MISCONFIGURED = dt.timedelta(minutes=10)  # until a key or a setting is checked again
AUDITED = {Mirror.Aspect.ROLE, Mirror.Aspect.RESTRICTION}  # their confirmation is recorded
ACTOR = Actor("system", "mirrors", "mirrors")

log = structlog.get_logger("grps.mirrors")
Writer = GroupWriter | UniverseWriter


def step(stopping: Callable[[], bool] = lambda: False) -> int:
    """Push one batch of due mirrors and return their number. 0 while writing is off or held."""
    if write_hold.why_off():
        return 0
    held = claim(
        pending().filter(Q(experience=None) | Q(experience__writes=True, experience__enabled=True)),
        BATCH,
    )
    writers: dict[int | None, Writer] = {}
    with TracedThreads(WRITERS, thread_name_prefix="mirror") as pool:
        pushes: dict[Future[None], DesiredState] = {}
        for desired in desired_states(held):
            try:
                writer = _writer(desired.experience, writers, stopping)
            except (cloud.NotConfigured, OpenCloudError) as error:
                _record_push_result(desired, error)
                continue
            pushes[pool.submit(writer.write, desired, DryRunWriter())] = desired
        _follow(pushes, held)
    return len(held)


def pending() -> QuerySet[Mirror]:
    """Return the mirrors to push.

    Roles of users who are not in the group are left out, and all roles before the group is met.
    """
    rows = Mirror.objects.filter(status=Mirror.Status.PENDING).select_related(
        "player", "experience"
    )
    if not first_contact.roles_may_be_written():
        return rows.exclude(aspect=Mirror.Aspect.ROLE)
    return rows.filter(~Q(aspect=Mirror.Aspect.ROLE) | Q(player__member__in=belonging()))


def preview(limit: int) -> list[tuple[DesiredState, list[str]]]:
    """Return the writes for up to `limit` mirrors. Roblox is read, but nothing is written."""
    writers: dict[int | None, Writer] = {}
    shown = []
    for desired in desired_states(list(pending().order_by("retry_at", "pk")[:limit])):
        writes = DryRunWriter(dry=True)
        try:
            _writer(desired.experience, writers, lambda: False, keep=False).write(desired, writes)
        except (cloud.NotConfigured, OpenCloudError, PermanentError) as error:
            writes.lines.append(f"cannot be written: {error}")
        shown.append((desired, writes.lines or ["nothing: it is there already"]))
    return shown


def desired_states(rows: Sequence[Mirror]) -> list[DesiredState]:
    """Group mirrors that are written together: those of one player in one experience or the group."""
    bans = {
        ban.player_id: ban
        for ban in Sanction.objects.filter(
            player__in={row.player_id for row in rows if row.aspect == Mirror.Aspect.RESTRICTION},
            kind=Sanction.Kind.BAN,
            lifted_at=None,
        )
    }
    found: dict[tuple[int | None, int, bool], list[Mirror]] = {}
    for row in rows:
        # Restrictions and the player's entry are independent, so they are written separately.
        apart = row.aspect == Mirror.Aspect.RESTRICTION
        found.setdefault((row.experience_id, row.player_id, apart), []).append(row)
    return [
        DesiredState(tuple(mirrors), mirrors[0].player, bans.get(mirrors[0].player_id))
        for mirrors in found.values()
    ]


def _writer(
    experience: Experience | None,
    writers: dict[int | None, Writer],
    stopping: Callable[[], bool],
    *,
    keep: bool = True,
) -> Writer:
    key = experience.pk if experience else None
    if key not in writers:

        def going_on() -> bool:
            return not stopping()

        if experience is None:
            writers[key] = GroupWriter.for_group(cloud.group(going_on, PATIENCE), keep=keep)
        else:
            writers[key] = UniverseWriter(cloud.universe(experience, going_on, PATIENCE))
        cloud.register_use(_client(writers[key]))
    return writers[key]


def _client(writer: Writer) -> OpenCloud:
    return writer.group.client if isinstance(writer, GroupWriter) else writer.universe.client


def _follow(pushes: dict[Future[None], DesiredState], held: Sequence[Mirror]) -> None:
    """Record each result when it arrives, and renew the leases of the other mirrors."""
    waiting = set(pushes)
    renewed = time.monotonic()
    while waiting:
        done, waiting = wait(waiting, timeout=BEAT, return_when=FIRST_COMPLETED)
        for future in done:
            _record_push_result(pushes[future], future.exception())
        if time.monotonic() - renewed > BEAT and held:
            renewed = time.monotonic()
            Mirror.objects.filter(lease=held[0].lease).update(lease_until=Now() + LEASE)


def _record_push_result(desired: DesiredState, error: BaseException | None) -> None:
    """Record the outcome of a push. A process that lost the lease changes nothing."""
    if error is None:
        _confirm(desired)
    elif isinstance(error, NotAMember):
        _rest(desired)
    elif isinstance(error, PermanentError):
        _park(desired, str(error))
    elif isinstance(error, cloud.NotConfigured) or (
        isinstance(error, OpenCloudError) and error.about_key
    ):
        _put_off(desired, str(error), MISCONFIGURED, failed=False)
    elif isinstance(error, OpenCloudError) and error.decision is RetryDecision.GIVE_UP:
        _park(desired, str(error))
    elif isinstance(error, OpenCloudError) and error.decision is RetryDecision.WAIT:
        _put_off(
            desired, str(error), backoff(0, base=max(2.0, error.retry_after or 10.0)), failed=False
        )
    elif isinstance(error, OpenCloudError):
        _put_off(desired, str(error), backoff(desired.attempts), failed=True)
    else:
        log.error("mirror", error=repr(error), mirrors=[row.pk for row in desired.mirrors])
        _put_off(
            desired,
            f"{type(error).__name__}: {error}",
            backoff(desired.attempts, base=60),
            failed=True,
        )


def _confirm(desired: DesiredState) -> None:
    now = database_clock.now()
    with transaction.atomic():
        confirmed = []
        for row in desired.mirrors:
            there = {
                "confirmed": row.desired,
                "confirmed_version": row.version,
                "confirmed_at": now,
            }
            free = {"lease": "", "lease_until": None, "attempts": 0, "reason": ""}
            if (
                hold(row)
                .filter(version=row.version)
                .update(status=Mirror.Status.CONFIRMED, **there, **free)
            ):
                confirmed.append(row)
            else:
                hold(row).update(**there, **free)  # changed meanwhile: it stays pending
        record_many(
            [_entry(Action.MIRROR_CONFIRMED, row) for row in confirmed if row.aspect in AUDITED]
        )


def _park(desired: DesiredState, reason: str) -> None:
    with transaction.atomic():
        parked = [
            row
            for row in desired.mirrors
            if hold(row)
            .filter(version=row.version)
            .update(status=Mirror.Status.PARKED, reason=reason, lease="", lease_until=None)
        ]
        record_many([_entry(Action.MIRROR_PARKED, row, reason) for row in parked])
    for row in desired.mirrors:
        hold(row).update(lease="", lease_until=None)  # what changed meanwhile is tried again


def _rest(desired: DesiredState) -> None:
    """Record that the player left. The role rests until they are back."""
    group = settings.ROBLOX_GROUP_ID
    if group is not None:
        reading = Reading(group, None, ACTOR, database_clock.now())
        landing.land([ReportedMember(desired.player.user_id, None)], reading)
    for row in desired.mirrors:
        hold(row).update(lease="", lease_until=None)


def _put_off(desired: DesiredState, reason: str, pause: dt.timedelta, *, failed: bool) -> None:
    if failed and desired.attempts + 1 >= TRIES:
        _park(desired, f"{reason} (given up after {TRIES} tries)")
        return
    for row in desired.mirrors:
        hold(row).update(
            attempts=F("attempts") + int(failed),
            reason=reason,
            retry_at=Now() + pause,
            lease="",
            lease_until=None,
        )


def _entry(action: Action, row: Mirror, reason: str = "") -> NewEvent:
    player = row.player
    return NewEvent(
        action,
        actor=ACTOR,
        target=Target("player", str(player.pk), player.username, player.subject),
        experience=row.experience.key if row.experience else "",
        reason=reason,  # a message of Roblox may name a person
        details={"aspect": str(row.aspect), "version": row.version},
        after=row.desired,
    )
