"""Store reported active minutes, and check them against the laws.

Everything here runs in the transaction that has locked the players. Minutes break laws visibly, and
stay: reads count at most a day's minutes a day (`queries`).
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from common.pg_arrays import numbers, optional
from common.time import from_micros, micros
from players.activity.reports import ReportedMinutes
from players.experiences.origins import SPLIT
from players.locking import PlayerRow
from players.policy import active_minutes
from players.policy.checks import Violation

FIRST_DAY = dt.date(1970, 1, 1).toordinal()

# Days are numbers of days since 1970. `was` sees the rows as they were before this statement. The
# last columns: minutes before and after of the session's day, its start, and the player's day in
# every origin that is no quarantine.
WRITE = """
    WITH c AS (
        SELECT c.player, c.session, DATE 'epoch' + c.day AS day, c.minutes,
               'epoch'::timestamptz + c.started * interval '1 microsecond' AS started_at
        FROM unnest(%(players)s::bigint[], %(sessions)s::bigint[], %(days)s::int[],
                    %(minutes)s::smallint[], %(started)s::bigint[])
             AS c(player, session, day, minutes, started)
    ), was AS (
        SELECT a.player_id, a.session, a.day, a.minutes FROM c
        JOIN active_minutes a ON a.player_id = c.player AND a.origin = %(origin)s
             AND a.session = c.session AND a.day = c.day
    ), w AS (
        INSERT INTO active_minutes AS a (player_id, origin, session, day, minutes, started_at)
        SELECT c.player, %(origin)s, c.session, c.day, c.minutes, c.started_at FROM c
        WHERE c.minutes > 0
        ON CONFLICT (player_id, origin, session, day) DO UPDATE SET
            minutes = excluded.minutes, started_at = least(a.started_at, excluded.started_at)
        WHERE a.minutes < excluded.minutes
        RETURNING player_id, session, day, minutes, started_at
    ), grown AS (
        SELECT w.*, coalesce(was.minutes, 0) AS minutes_before FROM w
        LEFT JOIN was USING (player_id, session, day)
    ), d AS (
        INSERT INTO active_days AS d (player_id, day, origin, minutes)
        SELECT player_id, day, %(origin)s, sum(minutes - minutes_before) FROM grown
        GROUP BY player_id, day
        ON CONFLICT (player_id, day, origin) DO UPDATE SET minutes = d.minutes + excluded.minutes
        RETURNING player_id, day, minutes
    )
    SELECT g.player_id, g.session, g.day - DATE 'epoch', g.minutes_before, g.minutes,
           (extract(epoch FROM g.started_at) * 1000000)::bigint,
           d.minutes + coalesce((SELECT sum(o.minutes) FROM active_days o
                WHERE o.player_id = g.player_id AND o.day = g.day AND o.origin <> %(origin)s
                  AND strpos(o.origin, %(split)s) = 0), 0)::int
    FROM grown g JOIN d ON d.player_id = g.player_id AND d.day = g.day
    ORDER BY g.player_id, g.day, g.session"""

STORED = """
    SELECT a.player_id, a.session, a.day - DATE 'epoch', a.minutes
    FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS c(player, session, day)
    JOIN active_minutes a ON a.player_id = c.player AND a.origin = %s AND a.session = c.session
         AND a.day = DATE 'epoch' + c.day"""

# Moves what a quarantine held. Where the session has more minutes already, those stay.
MOVE = """
    SELECT a.player_id, a.session, a.day - DATE 'epoch', a.minutes,
           (extract(epoch FROM a.started_at) * 1000000)::bigint
    FROM active_minutes a WHERE a.player_id = ANY(%s::bigint[]) AND a.origin = %s"""


class SessionDay(NamedTuple):
    """Minutes of one session's day. `player`: our id; `day`: days since 1970."""

    player: int
    session: int
    day: int
    minutes: int
    started: int | None = None  # microseconds since 1970


class _Grown(NamedTuple):
    player: int
    session: int
    day: int
    before: int
    after: int
    started: int | None
    of_day: int


@dataclass(frozen=True, slots=True)
class MinutesViolation:
    """A law that a player's minutes break. `player`: our id."""

    law: str
    detail: str
    player: int
    session: int | None


def land(
    origin: str,
    reports: Sequence[ReportedMinutes],
    players: Mapping[int, PlayerRow],
    now: dt.datetime,
) -> list[MinutesViolation]:
    """Store reports for an origin. Return the laws that they break and did not break before."""
    days = [
        SessionDay(
            players[one.user_id].id,
            one.session,
            number_of(one.day),
            one.minutes,
            micros(one.started_at) if one.started_at else None,
        )
        for one in reports
    ]
    return land_days(origin, days, now)


def land_days(origin: str, days: Iterable[SessionDay], now: dt.datetime) -> list[MinutesViolation]:
    """Store minutes of an origin. Return the laws that they break and did not break before."""
    return _broken(write(origin, days), now)


def write(origin: str, days: Iterable[SessionDay]) -> list[_Grown]:
    """Raise the stored minutes to those given. Return the rows that grew."""
    highest: dict[tuple[int, int, int], SessionDay] = {}
    for one in days:
        known = highest.get(one[:3])
        if known is None or known.minutes < one.minutes:
            highest[one[:3]] = one
    rows = [highest[key] for key in sorted(highest)]
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            {
                "origin": origin,
                "split": SPLIT,
                "players": numbers(one.player for one in rows),
                "sessions": numbers(one.session for one in rows),
                "days": numbers(one.day for one in rows),
                "minutes": numbers(one.minutes for one in rows),
                "started": optional(one.started for one in rows),
            },
        )
        return [_Grown(*row) for row in cursor.fetchall()]


def stored(
    origin: str, reports: Iterable[ReportedMinutes], players: Mapping[int, PlayerRow]
) -> list[ReportedMinutes]:
    """Return the reports with the minutes that are stored now."""
    asked = list({one.key: one for one in reports}.values())
    keys = [(players[one.user_id].id, one.session, number_of(one.day)) for one in asked]
    columns = [numbers(key[place] for key in keys) for place in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(STORED, [*columns, origin])
        found = {row[:3]: row[3] for row in cursor.fetchall()}
    return [one._replace(minutes=found.get(key, 0)) for one, key in zip(asked, keys, strict=True)]


def release(player_ids: Collection[int], held: str, origin: str) -> None:
    """Count what a quarantine's origin `held` of these players, whose lock the caller has."""
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [numbers(player_ids), held])
        rows = [SessionDay(*row) for row in cursor.fetchall()]
    write(origin, rows)


def number_of(day: dt.date) -> int:
    """Return the number of a day since 1970."""
    return day.toordinal() - FIRST_DAY


def _date(number: int) -> dt.date:
    return dt.date.fromordinal(FIRST_DAY + number)


def _broken(grown: Iterable[_Grown], now: dt.datetime) -> list[MinutesViolation]:
    """Return the new violations: one for each session's day, and one for each player's day."""
    found: list[MinutesViolation] = []
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    for one in grown:
        day, started = _date(one.day), from_micros(one.started) if one.started else None
        law = active_minutes.check_session(one.after, day, started, now)
        if law and not active_minutes.check_session(one.before, day, started, now):
            found.append(_violation(law, one.player, one.session))
        _, added = sums.get((one.player, one.day), (0, 0))
        sums[one.player, one.day] = one.of_day, added + one.after - one.before
    for (player, number), (after, added) in sums.items():
        law = active_minutes.check_day(after, _date(number), now)
        if law and not active_minutes.check_day(after - added, _date(number), now):
            found.append(_violation(law, player, None))
    return found


def _violation(law: Violation, player: int, session: int | None) -> MinutesViolation:
    return MinutesViolation(str(law.law), law.detail, player, session)
