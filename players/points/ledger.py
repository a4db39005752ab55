"""The ledger's way into the database: players locked, rows landed once, parts merged, totals kept.

Every function here runs inside the caller's transaction, which has locked the players it touches
(`lock_players`): from then on nobody else changes their parts. Amounts are whole hundredths until
they reach SQL.
"""

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from common.pg_arrays import numbers, optional, texts, words
from common.time import micros
from players.locking import PlayerRow
from players.points.event_parser import ReportedEvent
from players.policy.counters import SessionRow, SessionTotal, merge

SessionKey = tuple[int, int]  # the player's id, the session

APPEND = """
    INSERT INTO ledger (player_id, origin, session, sequence, type, magnitude, duration, actor_id,
                        awarded, total, occurred_at, batch)
    SELECT c.player, %s, c.session, c.sequence, c.type, c.magnitude, c.duration, c.actor,
           c.awarded * 0.01, c.total * 0.01, 'epoch'::timestamptz + c.at * interval '1 microsecond', %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::int[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[])
         AS c(player, session, sequence, type, magnitude, duration, actor, awarded, total, at)
    ORDER BY c.player, c.session, c.sequence
    ON CONFLICT (player_id, origin, session, sequence) DO NOTHING
    RETURNING player_id, session, sequence"""

READ_SESSIONS = """
    SELECT s.player_id, s.session, s.sequence, (s.total * 100)::bigint, s.count, (s.awarded * 100)::bigint, s.confirmed
    FROM unnest(%s::bigint[], %s::bigint[]) AS k(player, session)
    JOIN sessions s ON s.player_id = k.player AND s.origin = %s AND s.session = k.session"""

READ_BEYOND = """
    SELECT l.player_id, l.session, l.sequence
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, confirmed)
    JOIN ledger l ON l.player_id = k.player AND l.origin = %s AND l.session = k.session AND l.sequence > k.confirmed
    WHERE l.batch <> %s"""

WRITE_SESSIONS = """
    INSERT INTO sessions (player_id, origin, session, sequence, total, count, awarded, confirmed, started_at, last_at)
    SELECT c.player, %s, c.session, c.sequence, c.total * 0.01, c.count, c.awarded * 0.01, c.confirmed,
           'epoch'::timestamptz + c.first * interval '1 microsecond',
           'epoch'::timestamptz + c.last * interval '1 microsecond'
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[])
         AS c(player, session, sequence, total, count, awarded, confirmed, first, last)
    ON CONFLICT (player_id, origin, session) DO UPDATE SET
        sequence = excluded.sequence, total = excluded.total, count = excluded.count, awarded = excluded.awarded,
        confirmed = excluded.confirmed, started_at = least(sessions.started_at, excluded.started_at),
        last_at = greatest(sessions.last_at, excluded.last_at)"""

SET_APART = """
    UPDATE sessions s SET apart = s.apart + c.moved * 0.01
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, session, moved)
    WHERE s.player_id = c.player AND s.session = c.session AND s.origin = %s"""

ADD_DAYS = """
    INSERT INTO daily_points AS d (player_id, origin, day, awarded, events)
    SELECT c.player, %s, c.day, c.awarded * 0.01, c.events
    FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::int[]) AS c(player, day, awarded, events)
    ON CONFLICT (player_id, origin, day)
        DO UPDATE SET awarded = d.awarded + excluded.awarded, events = d.events + excluded.events
    RETURNING player_id, day, (awarded * 100)::bigint, (
        SELECT coalesce(sum(w.awarded) * 100, 0)::bigint FROM daily_points w
        WHERE w.player_id = d.player_id AND w.origin = d.origin
          AND w.day >= date_trunc('week', d.day)::date AND w.day < date_trunc('week', d.day)::date + 7)"""

# The sum of one experience counts as at least 0, so what a batch adds to `earned` depends on that
# sum alone.
ADD_TO_PLAYERS = """
    WITH c AS (
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                             %s::bigint[])
            AS c(player, gained, kos, wos, username, display_name, named_at)
    ), e AS (
        INSERT INTO experience_points AS e (player_id, origin, total, counted)
        SELECT c.player, %s, c.gained * 0.01, %s FROM c ORDER BY c.player
        ON CONFLICT (player_id, origin) DO UPDATE SET total = e.total + excluded.total
        RETURNING player_id, total, counted::int AS counted
    )
    UPDATE players p SET
        earned = p.earned + e.counted * (greatest(e.total, 0) - greatest(e.total - c.gained * 0.01, 0)),
        kos = p.kos + e.counted * c.kos, wos = p.wos + e.counted * c.wos,
        username = c.username, display_name = c.display_name, updated_at = %s,
        synced_at = CASE WHEN e.counted * c.gained <> 0 OR e.counted * c.kos <> 0 OR e.counted * c.wos <> 0
                              OR p.username <> c.username OR p.display_name <> c.display_name
                         THEN %s ELSE p.synced_at END,
        named_at = greatest(p.named_at, 'epoch'::timestamptz + c.named_at * interval '1 microsecond')
    FROM c JOIN e ON e.player_id = c.player
    WHERE p.id = c.player
    RETURNING p.id, (p.earned * 100)::bigint"""


@dataclass(frozen=True, slots=True)
class DayChange:
    """Awards above zero on a player's day before and after this batch, and in that day's week
    before it.
    """

    before: int
    after: int
    week_before: int


@dataclass(slots=True)
class SessionChange:
    """One part before and after this batch."""

    before: SessionTotal | None
    after: SessionTotal
    events: list[ReportedEvent]
    apart: int = 0  # of the total's change, what does not count


def append(
    events: Sequence[ReportedEvent],
    players: dict[int, PlayerRow],
    actors: dict[int, int],
    origin: str,
    batch: int,
) -> list[ReportedEvent]:
    """Write the rows that are not there yet; returns the events that landed. `actors`: Roblox user
    id to our id.
    """
    ids = [players[event.user_id].id for event in events]
    with connection.cursor() as cursor:
        cursor.execute(
            APPEND,
            [
                origin,
                batch,
                numbers(ids),
                numbers([event.session for event in events]),
                numbers([event.sequence for event in events]),
                words([event.type for event in events]),
                numbers([event.magnitude for event in events]),
                optional([event.duration for event in events]),
                optional([actors.get(event.actor_user_id or 0) for event in events]),
                numbers([event.awarded for event in events]),
                numbers([event.total for event in events]),
                numbers([event.micros for event in events]),
            ],
        )
        if cursor.rowcount == len(events):
            return list(events)
        landed = set(cursor.fetchall())
    return [
        event
        for player, event in zip(ids, events, strict=True)
        if (player, event.session, event.sequence) in landed
    ]


def merge_sessions(
    landed: Iterable[ReportedEvent],
    players: dict[int, PlayerRow],
    origin: str,
    batch: int,
    before: Mapping[SessionKey, SessionTotal],
    apart: Collection[SessionKey] = (),
) -> dict[SessionKey, SessionChange]:
    """Merge landed rows into their parts, write the parts, and note the difference as what the
    players `gained`.

    `before`: the parts as they were (`read_sessions`). `apart`: parts of which rows are kept apart
    (quarantines.holding): they count by what landed rows award, since their totals may stand for
    those rows too.
    """
    groups: dict[SessionKey, list[ReportedEvent]] = {}
    owners: dict[int, PlayerRow] = {}
    for event in landed:
        player = players[event.user_id]
        owners[player.id] = player
        groups.setdefault((player.id, event.session), []).append(event)
    if not groups:
        return {}
    gapped = {key: before[key] for key in groups if key in before and before[key].gap}
    beyond = _read_beyond(gapped, origin, batch)
    changes: dict[SessionKey, SessionChange] = {}
    for key, events in groups.items():
        part = before.get(key)
        rows = [SessionRow(event.sequence, event.awarded, event.total) for event in events]
        after = merge(part, rows, beyond.get(key, ()))
        moved = after.total - (part.total if part else 0)
        counted = sum(event.awarded for event in events) if key in apart else moved
        owners[key[0]].gained += counted
        changes[key] = SessionChange(part, after, events, moved - counted)
    _write_sessions(changes, origin)
    _set_apart(changes, origin)
    return changes


def _set_apart(changes: Mapping[SessionKey, SessionChange], origin: str) -> None:
    """Note what of a part's total does not count."""
    moved = {key: change.apart for key, change in changes.items() if change.apart}
    if not moved:
        return
    columns = [
        numbers(key[0] for key in moved),
        numbers(key[1] for key in moved),
        numbers(moved.values()),
    ]
    with connection.cursor() as cursor:
        cursor.execute(SET_APART, [*columns, origin])


def read_sessions(keys: Collection[SessionKey], origin: str) -> dict[SessionKey, SessionTotal]:
    with connection.cursor() as cursor:
        cursor.execute(
            READ_SESSIONS,
            [numbers(key[0] for key in keys), numbers(key[1] for key in keys), origin],
        )
        return {(row[0], row[1]): SessionTotal(*row[2:]) for row in cursor.fetchall()}


def _read_beyond(
    gapped: dict[SessionKey, SessionTotal], origin: str, batch: int
) -> dict[SessionKey, list[int]]:
    """The sequences that are stored beyond each part's gap: they count once the gap closes."""
    found: dict[SessionKey, list[int]] = {}
    if not gapped:
        return found
    columns = [
        numbers(key[0] for key in gapped),
        numbers(key[1] for key in gapped),
        numbers(part.confirmed for part in gapped.values()),
    ]
    with connection.cursor() as cursor:
        cursor.execute(READ_BEYOND, [*columns, origin, batch])
        for player, session, sequence in cursor.fetchall():
            found.setdefault((player, session), []).append(sequence)
    return found


def _write_sessions(changes: dict[SessionKey, SessionChange], origin: str) -> None:
    parts = [change.after for change in changes.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE_SESSIONS,
            [
                origin,
                numbers(key[0] for key in changes),
                numbers(key[1] for key in changes),
                numbers(part.sequence for part in parts),
                numbers(part.total for part in parts),
                numbers(part.rows for part in parts),
                numbers(part.awarded for part in parts),
                numbers(part.confirmed for part in parts),
                numbers(
                    min(event.micros for event in change.events) for change in changes.values()
                ),
                numbers(
                    max(event.micros for event in change.events) for change in changes.values()
                ),
            ],
        )


def add_days(
    landed: Iterable[ReportedEvent], players: dict[int, PlayerRow], origin: str
) -> dict[tuple[int, dt.date], DayChange]:
    """Add awards above zero to their UTC days; what changed, per player and day."""
    added: dict[tuple[int, dt.date], list[int]] = {}
    for event in landed:
        tally = added.setdefault(
            (players[event.user_id].id, event.at.astimezone(dt.UTC).date()), [0, 0]
        )
        tally[0] += max(0, event.awarded)
        tally[1] += 1
    if not added:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            ADD_DAYS,
            [
                origin,
                numbers(key[0] for key in added),
                words(key[1].isoformat() for key in added),
                numbers(tally[0] for tally in added.values()),
                numbers(tally[1] for tally in added.values()),
            ],
        )
        # The week's sum is read as it was before this statement.
        return {
            (player, day): DayChange(after - added[player, day][0], after, week)
            for player, day, after, week in cursor.fetchall()
        }


def add_to_players(
    players: Collection[PlayerRow], origin: str, now: dt.datetime, *, counts: bool
) -> None:
    """Write what the batch changed about each player; their `earned` is then what the database has.

    `counts`: whether the points of `origin` count, for players who have none there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            ADD_TO_PLAYERS,
            [
                numbers(player.id for player in players),
                numbers(player.gained for player in players),
                numbers(player.kos for player in players),
                numbers(player.wos for player in players),
                texts(player.username for player in players),
                texts(player.display_name for player in players),
                numbers(micros(player.named_at) for player in players),
                origin,
                counts,
                now,
                now,
            ],
        )
        earned = dict(cursor.fetchall())
    for player in players:
        player.earned = earned[player.id]


def digest(landed: Iterable[ReportedEvent], players: Mapping[int, PlayerRow], origin: str) -> str:
    """SHA-256 over a batch's ledger rows, so that the chain proves them too (`manage.py ledger
    verify` recomputes it).

    One line a row, tab-separated, ordered by player, session and sequence: player, origin, session,
    sequence, type, magnitude, awarded and total in hundredths, microseconds since 1970.
    """
    rows = sorted(
        (
            players[event.user_id].id,
            event.session,
            event.sequence,
            f"\t{event.type}\t{event.magnitude}\t{event.awarded}\t{event.total}\t{event.micros}",
        )
        for event in landed
    )
    lines = "\n".join(
        f"{player}\t{origin}\t{session}\t{sequence}{rest}"
        for player, session, sequence, rest in rows
    )
    return hashlib.sha256(lines.encode()).hexdigest()
