"""What players are called. A game may say it of the players that it alone has had; of all others
Roblox is asked.

A name in an event changes nothing where the event's experience has not had the player before, or
another one has too: then, and to confirm every name that a game changed, a worker asks Roblox
(`check_due`), whose word holds.
"""

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Iterable

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from common.pg_arrays import numbers
from players.locking import PlayerRow
from players.models import NameCheck, Player
from players.points import origins
from players.points.batch_state import BatchState
from players.points.event_parser import ReportedEvent
from roblox import cloud
from roblox.open_cloud import users
from roblox.open_cloud.errors import OpenCloudError

ANSWER_HOLDS = dt.timedelta(
    hours=1
)  # so long nobody but Roblox changes a name that it was asked for
LEASE = dt.timedelta(seconds=40)
AGAIN = dt.timedelta(minutes=1)  # after a failed call, doubled with each
AT_ONCE = 20  # players of one claim

HAD_BY = "SELECT player_id, origin FROM experience_points WHERE player_id = ANY(%s::bigint[])"

ANSWERED = """
    SELECT player_id FROM name_checks WHERE player_id = ANY(%s::bigint[]) AND answered_at > %s"""

ASK = """
    INSERT INTO name_checks (player_id, wanted_at)
    SELECT id, %s FROM unnest(%s::bigint[]) AS id ORDER BY id
    ON CONFLICT (player_id) DO UPDATE SET wanted_at = excluded.wanted_at, answered_at = NULL, attempts = 0,
        retry_at = now() WHERE name_checks.answered_at IS NOT NULL"""

log = structlog.get_logger("grps.names")


def take(state: BatchState, now: dt.datetime) -> int:
    """Give locked players the names of their newest events, as far as their experience may; return
    how many it would rename.

    A quarantine renames nobody, and nobody is asked. Call it before `LedgerBatch.add_to_players`,
    which makes the experience one that has had the player.
    """
    renamed = _renamed(state)
    if not renamed or state.destination.quarantine is not None:
        return 0
    answered = _answered(renamed, now)
    own = _had_by_nobody_else(renamed, state.destination.origin)
    for player_id, (player, event) in renamed.items():
        if player_id in own and player_id not in answered:
            player.named_micros = event.micros
            player.username = event.username
            player.display_name = event.display_name or player.display_name
    _ask(set(renamed) - answered, now)
    return len(renamed)


def _renamed(state: BatchState) -> dict[int, tuple[PlayerRow, ReportedEvent]]:
    """Players whose newest event has another name, by our id; of the others, note the moment."""
    newest: dict[int, ReportedEvent] = {}
    for event in state.landed:
        known = newest.get(event.user_id)
        if known is None or event.micros > known.micros:
            newest[event.user_id] = event
    renamed: dict[int, tuple[PlayerRow, ReportedEvent]] = {}
    for user_id, event in newest.items():
        player = state.players[user_id]
        if event.micros <= player.named_micros:
            continue  # a late delivery does not bring an old name back
        if _is_called(player, event):
            player.named_micros = event.micros
        else:
            renamed[player.id] = player, event
    return renamed


def check_due(count: int = AT_ONCE) -> int:
    """Ask Roblox what players are called whose name is in question; how many were answered. Without
    a key: none.
    """
    client = cloud.any_client()
    if client is None:
        return 0
    answered = 0
    for check in _claim(count):
        try:
            user = users.get(client, check.player.user_id) if check.player.user_id > 0 else None
        except OpenCloudError as error:
            _postpone(check, error)
            continue
        _answer(check, user, timezone.now())
        answered += 1
    return answered


def _is_called(player: PlayerRow, event: ReportedEvent) -> bool:
    return player.username == event.username and event.display_name in ("", player.display_name)


def _answered(renamed: Iterable[int], now: dt.datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [numbers(renamed), now - ANSWER_HOLDS])
        return {player for (player,) in cursor.fetchall()}


def _had_by_nobody_else(renamed: Iterable[int], origin: str) -> set[int]:
    """Players who were on servers of this experience before, and of no other."""
    had: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(HAD_BY, [numbers(renamed)])
        for player, where in cursor.fetchall():
            had[player].add(origins.experience_of(where))
    return {player for player, where in had.items() if where == {origins.experience_of(origin)}}


def _ask(player_ids: Iterable[int], now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ASK, [now, numbers(sorted(player_ids))])


def _claim(count: int) -> list[NameCheck]:
    token = secrets.token_hex(16)
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    with transaction.atomic():
        due = NameCheck.objects.filter(free, answered_at=None, retry_at__lte=Now())
        found = list(
            due.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("player")
            .order_by("retry_at", "pk")[:count]
        )
        keys = [check.pk for check in found]
        NameCheck.objects.filter(pk__in=keys).update(
            lease=token, lease_until=timezone.now() + LEASE
        )
    for check in found:
        check.lease = token
    return found


def _postpone(check: NameCheck, error: OpenCloudError) -> None:
    log.warning("name not told", player=check.player_id, error=str(error))
    pause = AGAIN * 2 ** min(check.attempts, 6)
    NameCheck.objects.filter(pk=check.pk, lease=check.lease).update(
        lease="", lease_until=None, attempts=check.attempts + 1, retry_at=timezone.now() + pause
    )


def _answer(check: NameCheck, user: users.User | None, now: dt.datetime) -> None:
    """Take Roblox's word. Where it knows no such user, the name stays."""
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=check.player_id)
        done = NameCheck.objects.filter(pk=check.pk, lease=check.lease, answered_at=None)
        if not done.update(answered_at=now, lease="", lease_until=None, attempts=0):
            return
        if user is None or not user.name or player.user_id != check.player.user_id:
            return
        Player.objects.filter(pk=player.pk).update(
            username=user.name[:50], display_name=user.display_name[:50], named_at=now
        )
