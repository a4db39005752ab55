"""Fill a database of any size by COPY with consistent players, sessions, ledger and days."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from players.policy.bundle import Bundle

ROWS = 20  # ledger rows of each player
DAYS_PLAYED = 4  # in a row, on which they earned them
PAST = 60  # days, within which each player played
FIRST = 10_000_000  # all user ids are above it
SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)

PLAYERS = (
    "COPY players (id, user_id, username, rank_id, rank_since, earned, kos, wos, named_at, updated_at, created_at)"
    " FROM STDIN"
)
LEDGER = "COPY ledger (player_id, origin, session, sequence, type, awarded, total, occurred_at, batch) FROM STDIN"
SESSIONS = (
    "COPY sessions (player_id, origin, session, sequence, total, count, awarded, confirmed, started_at, last_at)"
    " FROM STDIN"
)
EXPERIENCES = "COPY experience_points (player_id, origin, total, counted) FROM STDIN"
DAYS = "COPY daily_points (player_id, origin, day, awarded, events, kos, wos) FROM STDIN"


def username_of(user_id: int) -> str:
    return f"player_{(user_id - FIRST) * 7919 % 1_000_003}"


def fill(
    url: str,
    players: int,
    bundle: Bundle,
    rank_ids: dict[str, int],
    now: dt.datetime,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Fill an empty, bootstrapped database. Each player has the rank that fits their points."""
    with psycopg.connect(url) as connection:
        # Skips foreign keys and the leaderboard's trigger: the data is consistent by construction.
        connection.execute("SET session_replication_role = replica")
        for first in range(1, players + 1, 50_000):
            end = min(first + 50_000, players + 1)
            _chunk(connection, first, end, bundle, rank_ids, now)
            progress(end - 1)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('players', 'id'), %s)", [max(1, players)]
        )


def _chunk(
    connection: "psycopg.Connection[Any]",
    first: int,
    end: int,
    bundle: Bundle,
    rank_ids: dict[str, int],
    now: dt.datetime,
) -> None:
    dice = random.Random(first)
    players, ledger, sessions, experiences = [], [], [], []
    days = list[str]()
    for number in range(first, end):
        awards = [int(dice.expovariate(1 / 2_000)) + 25 for _ in range(ROWS)]
        ago = dt.timedelta(days=dice.randrange(1, PAST), seconds=dice.randrange(36_000))
        start = now - ago - (DAYS_PLAYED - 1) * DAY
        rank = next(rank for rank in reversed(bundle.ladder) if rank.min_points <= sum(awards))
        since = now - dt.timedelta(hours=dice.randrange(1, 20))
        players.append(
            f"{number}\t{number + FIRST}\t{username_of(number + FIRST)}\t{rank_ids[rank.name]}\t{since}\t"
            f"{_text(sum(awards))}\t{dice.randrange(500)}\t{dice.randrange(500)}\t{start}\t{now - ago}\t{start}\n"
        )
        total = 0
        for sequence, awarded in enumerate(awards, start=1):
            total += awarded
            moment = start + (sequence - 1) // (ROWS // DAYS_PLAYED) * DAY + sequence * SECOND
            ledger.append(
                f"{number}\tnexus\t1\t{sequence}\toperation\t{_text(awarded)}\t{_text(total)}\t{moment}\t0\n"
            )
        last = moment
        sessions.append(
            f"{number}\tnexus\t1\t{ROWS}\t{_text(total)}\t{ROWS}\t{_text(total)}\t{ROWS}\t{start}\t{last}\n"
        )
        experiences.append(f"{number}\tnexus\t{_text(total)}\tt\n")
        days += _days(number, awards, start, dice)
    filled = (
        (PLAYERS, players),
        (LEDGER, ledger),
        (SESSIONS, sessions),
        (EXPERIENCES, experiences),
        (DAYS, days),
    )
    for statement, lines in filled:
        with connection.cursor().copy(statement) as copy:
            copy.write("".join(lines))


def _days(number: int, awards: list[int], start: dt.datetime, dice: random.Random) -> Iterator[str]:
    rows = ROWS // DAYS_PLAYED
    for day in range(DAYS_PLAYED):
        awarded = sum(awards[day * rows : (day + 1) * rows])
        # No row of the ledger stands for these KOs and WOs.
        counts = f"{dice.randrange(20)}\t{dice.randrange(20)}"
        date = (start + day * DAY).date()
        yield f"{number}\tnexus\t{date}\t{_text(awarded)}\t{rows}\t{counts}\n"


def _text(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02d}"


def fill_audits(url: str, events: int) -> None:
    """Insert audit events as ingestion writes them, without sealing them."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """
            INSERT INTO audits (action, actor_kind, actor_id, target_kind, target_id, experience, request_id,
                                policy_version, details, commitments)
            SELECT 'points.ingested', 'experience', 'nexus', 'experience', 'nexus', 'nexus', md5(n::text),
                   '0123456789abcdef', json_build_object('accepted', 500, 'digest', md5(n::text) || md5((n + 1)::text),
                   'duplicates', 0, 'jobId', gen_random_uuid(), 'placeId', '123456789', 'rejected', '{}'::json), '{}'
            FROM generate_series(1, %s) n""",
            [events],
        )
