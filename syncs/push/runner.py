"""Makes Roblox look like the mirrors say: claim what is due, work out the writes, write, confirm.

A write that may have landed is written again: every one of them says what is to be, not what is to
change. What never can work is parked with a reason; nothing is dropped. While writing is switched
off the same writes are shown instead.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Entry, Target, record_many
from common.leases import LEASE, backoff, claim, hold
from players.membership.status import belonging
from players.models import Sanction
from roblox import cloud
from roblox.models import Experience
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from syncs.membership import landing
from syncs.membership.landing import Reading, Said
from syncs.models import Mirror
from syncs.push.writers import GroupWriter, Hopeless, NoMember, Pen, UniverseWriter, Wish

BATCH = 60  # mirrors held at once; their leases are renewed while they are written
WRITERS = 8
BEAT = 10.0  # seconds between two renewals
PATIENCE = 20.0  # seconds that a write waits for its turn before others go first
TRIES = 40  # failures in a row before a mirror is parked: more than a day
MISCONFIGURED = dt.timedelta(minutes=10)  # until a key or a setting is looked at again
TOLD = {
    Mirror.Aspect.ROLE,
    Mirror.Aspect.RESTRICTION,
}  # what the audit log hears of when it is confirmed
ACTOR = Actor("system", "mirrors", "mirrors")

log = structlog.get_logger("grps.mirrors")
Writer = GroupWriter | UniverseWriter


def step(stopping: Callable[[], bool] = lambda: False) -> int:
    """Push one batch of what is due; how many mirrors were taken up. 0 while writing is switched
    off.
    """
    if not settings.ROBLOX_WRITES:
        return 0
    held = claim(
        pending().filter(Q(experience=None) | Q(experience__writes=True, experience__enabled=True)),
        BATCH,
    )
    writers: dict[int | None, Writer] = {}
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="mirror") as pool:
        under_way: dict[Future[None], Wish] = {}
        for wish in wishes(held):
            try:
                writer = _writer(wish.experience, writers, stopping)
            except (cloud.NotConfigured, OpenCloudError) as error:
                _settle(wish, error)
                continue
            under_way[pool.submit(writer.write, wish, Pen())] = wish
        _follow(under_way, held)
    return len(held)


def pending() -> QuerySet[Mirror]:
    """Mirrors whose wish is not confirmed, not parked, and not a role of somebody who is no member:
    that one rests.
    """
    rows = Mirror.objects.filter(status=Mirror.Status.PENDING).select_related(
        "player", "experience"
    )
    return rows.filter(~Q(aspect=Mirror.Aspect.ROLE) | Q(player__member__in=belonging()))


def preview(limit: int) -> list[tuple[Wish, list[str]]]:
    """What would be written, for up to `limit` mirrors; Roblox is read and nothing is written."""
    writers: dict[int | None, Writer] = {}
    shown = []
    for wish in wishes(list(pending().order_by("retry_at", "pk")[:limit])):
        pen = Pen(dry=True)
        try:
            _writer(wish.experience, writers, lambda: False, keep=False).write(wish, pen)
        except (cloud.NotConfigured, OpenCloudError, Hopeless) as error:
            pen.lines.append(f"cannot be written: {error}")
        shown.append((wish, pen.lines or ["nothing: it is there already"]))
    return shown


def wishes(rows: Sequence[Mirror]) -> list[Wish]:
    """The mirrors of one player and place together: what can be written at once is."""
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
        # A restriction is another matter than the player's entry: neither waits for the other.
        apart = row.aspect == Mirror.Aspect.RESTRICTION
        found.setdefault((row.experience_id, row.player_id, apart), []).append(row)
    return [
        Wish(tuple(mirrors), mirrors[0].player, bans.get(mirrors[0].player_id))
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
            writers[key] = GroupWriter.of(cloud.group(going_on, PATIENCE), keep=keep)
        else:
            writers[key] = UniverseWriter(cloud.universe(experience, going_on, PATIENCE))
        cloud.note_use(_client(writers[key]))
    return writers[key]


def _client(writer: Writer) -> OpenCloud:
    return writer.group.client if isinstance(writer, GroupWriter) else writer.universe.client


def _follow(under_way: dict[Future[None], Wish], held: Sequence[Mirror]) -> None:
    """Settle each wish as its writes are done, and hold the others meanwhile."""
    waiting = set(under_way)
    renewed = time.monotonic()
    while waiting:
        done, waiting = wait(waiting, timeout=BEAT, return_when=FIRST_COMPLETED)
        for future in done:
            _settle(under_way[future], future.exception())
        if time.monotonic() - renewed > BEAT and held:
            renewed = time.monotonic()
            Mirror.objects.filter(lease=held[0].lease).update(lease_until=Now() + LEASE)


def _settle(wish: Wish, error: BaseException | None) -> None:
    """Write down what came of a wish. A zombie, whose lease is somebody else's by now, changes
    nothing.
    """
    if error is None:
        _confirm(wish)
    elif isinstance(error, NoMember):
        _rest(wish)
    elif isinstance(error, Hopeless):
        _park(wish, str(error))
    elif isinstance(error, cloud.NotConfigured) or (
        isinstance(error, OpenCloudError) and error.about_key
    ):
        _put_off(wish, str(error), MISCONFIGURED, failed=False)
    elif isinstance(error, OpenCloudError) and error.decision is RetryDecision.GIVE_UP:
        _park(wish, str(error))
    elif isinstance(error, OpenCloudError) and error.decision is RetryDecision.WAIT:
        _put_off(
            wish, str(error), backoff(0, base=max(2.0, error.retry_after or 10.0)), failed=False
        )
    elif isinstance(error, OpenCloudError):
        _put_off(wish, str(error), backoff(wish.attempts), failed=True)
    else:
        log.error("mirror", error=repr(error), mirrors=[row.pk for row in wish.mirrors])
        _put_off(
            wish, f"{type(error).__name__}: {error}", backoff(wish.attempts, base=60), failed=True
        )


def _confirm(wish: Wish) -> None:
    now = timezone.now()
    with transaction.atomic():
        confirmed = []
        for row in wish.mirrors:
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
                hold(row).update(**there, **free)  # a new wish came meanwhile: it stays pending
        record_many(
            [_entry(Action.MIRROR_CONFIRMED, row) for row in confirmed if row.aspect in TOLD]
        )


def _park(wish: Wish, reason: str) -> None:
    with transaction.atomic():
        parked = [
            row
            for row in wish.mirrors
            if hold(row)
            .filter(version=row.version)
            .update(status=Mirror.Status.PARKED, reason=reason, lease="", lease_until=None)
        ]
        record_many([_entry(Action.MIRROR_PARKED, row, reason) for row in parked])
    for row in wish.mirrors:
        hold(row).update(lease="", lease_until=None)  # what has a new wish is tried with it


def _rest(wish: Wish) -> None:
    """Write down that they left; the role rests until they are back."""
    group = settings.ROBLOX_GROUP_ID
    if group is not None:
        reading = Reading(group, None, ACTOR, timezone.now())
        landing.land([Said(wish.player.user_id, None)], reading)
    for row in wish.mirrors:
        hold(row).update(lease="", lease_until=None)


def _put_off(wish: Wish, reason: str, pause: dt.timedelta, *, failed: bool) -> None:
    if failed and wish.attempts + 1 >= TRIES:
        _park(wish, f"{reason} (given up after {TRIES} tries)")
        return
    for row in wish.mirrors:
        hold(row).update(
            attempts=F("attempts") + int(failed),
            reason=reason,
            retry_at=Now() + pause,
            lease="",
            lease_until=None,
        )


def _entry(action: Action, row: Mirror, reason: str = "") -> Entry:
    player = row.player
    return Entry(
        action,
        actor=ACTOR,
        target=Target("player", str(player.pk), player.username, player.subject),
        experience=row.experience.key if row.experience else "",
        reason=reason,  # what Roblox said may name somebody
        details={"aspect": str(row.aspect), "version": row.version},
        after=row.desired,
    )
