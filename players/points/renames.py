"""Apply the names in events, and request a check by Roblox where they differ from ours.

A game may rename only players who have played no other experience. A worker checks every new name
with Roblox, for these players too (`players.usernames.check_due`).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from django.db import connection

from common.pg_arrays import numbers
from players.experiences import origins
from players.locking import PlayerRow
from players.points.batch_state import BatchState
from players.points.event_parser import ReportedEvent

ANSWER_HOLDS = dt.timedelta(hours=1)  # for this long, only Roblox changes a name that it confirmed

HAD_BY = "SELECT player_id, origin FROM experience_points WHERE player_id = ANY(%s::bigint[])"

ANSWERED = """
    SELECT player_id FROM name_checks WHERE player_id = ANY(%s::bigint[]) AND answered_at > %s"""

ASK = """
    INSERT INTO name_checks (player_id, wanted_at)
    SELECT id, %s FROM unnest(%s::bigint[]) AS id ORDER BY id
    ON CONFLICT (player_id) DO UPDATE SET wanted_at = excluded.wanted_at, answered_at = NULL, attempts = 0,
        retry_at = now() WHERE name_checks.answered_at IS NOT NULL"""


def take(state: BatchState, now: dt.datetime) -> int:
    """Apply the names of the newest events to locked players; return the number of renames.

    The number includes renames that the experience may not apply itself. In a quarantine nobody is
    renamed and no check is requested. Call it before `LedgerBatch.add_to_players`, which adds the
    experience to those that the player has played.
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
    """Return players whose newest event has a new name, by our id.

    For players whose name is unchanged, store the moment of the event.
    """
    newest: dict[int, ReportedEvent] = {}
    for event in state.landed:
        known = newest.get(event.user_id)
        if known is None or event.micros > known.micros:
            newest[event.user_id] = event
    renamed: dict[int, tuple[PlayerRow, ReportedEvent]] = {}
    for user_id, event in newest.items():
        player = state.players[user_id]
        if event.micros <= player.named_micros:
            continue  # a late delivery must not restore an old name
        if _is_called(player, event):
            player.named_micros = event.micros
        else:
            renamed[player.id] = player, event
    return renamed


def _is_called(player: PlayerRow, event: ReportedEvent) -> bool:
    return player.username == event.username and event.display_name in ("", player.display_name)


def _answered(renamed: Iterable[int], now: dt.datetime) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [numbers(renamed), now - ANSWER_HOLDS])
        return {player for (player,) in cursor.fetchall()}


def _had_by_nobody_else(renamed: Iterable[int], origin: str) -> set[int]:
    """Return the players who have played this experience and no other."""
    had: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(HAD_BY, [numbers(renamed)])
        for player, where in cursor.fetchall():
            had[player].add(origins.experience_of(where))
    return {player for player, where in had.items() if where == {origins.experience_of(origin)}}


def _ask(player_ids: Iterable[int], now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ASK, [now, numbers(sorted(player_ids))])
