"""The baseline for ingestion: the same statements on the same tables, with prepared parameters."""

import datetime as dt
import json
from typing import Any

import psycopg

from bench.fill import username_of
from common.pg_arrays import numbers, optional, texts, words
from common.time import EPOCH, MICROSECOND
from players.locking import LOCK_PLAYERS
from players.points.ledger import ADD_DAYS, ADD_TO_PLAYERS, APPEND, DAY
from players.points.session_totals import WRITE as WRITE_SESSIONS

AUDIT = """
    INSERT INTO audits (id, action, actor_kind, actor_id, target_kind, target_id, experience, request_id,
                        policy_version, details, commitments)
    VALUES (%s, 'points.ingested', 'experience', 'nexus', 'experience', 'nexus', 'nexus', 'bench', '', %s, '{}')"""


class BareBatch:
    """One batch, converted to the parameters of its statements."""

    def __init__(
        self, connection: "psycopg.Connection[tuple[Any, ...]]", events: list[dict[str, Any]]
    ) -> None:
        self.connection = connection
        users = sorted({event["userId"] for event in events})
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SELECT user_id, id FROM players WHERE user_id = ANY(%s)", [users])
            ids = dict(cursor.fetchall())
            cursor.execute("SELECT nextval(pg_get_serial_sequence('audits', 'id'))")
            (self.batch,) = cursor.fetchone() or (0,)
        players = [ids[user] for user in users]
        times = [
            (dt.datetime.fromisoformat(event["occurredAt"]) - EPOCH) // MICROSECOND
            for event in events
        ]
        each = len(events) // len(users)
        self.users = numbers(users)
        self.ledger = [
            "nexus",
            self.batch,
            numbers(ids[event["userId"]] for event in events),
            numbers(event["session"] for event in events),
            numbers(event["sequence"] for event in events),
            words(event["type"] for event in events),
            numbers(1 for _ in events),
            optional(None for _ in events),
            optional(None for _ in events),
            numbers(round(event["awarded"] * 100) for event in events),
            numbers(round(event["total"] * 100) for event in events),
            numbers(times),
        ]
        sums = [25 * each for _ in users]
        self.sessions = [
            "nexus",
            numbers(players),
            numbers(events[0]["session"] for _ in users),
            numbers(each for _ in users),
            numbers(sums),
            numbers(each for _ in users),
            numbers(sums),
            numbers(each for _ in users),
            numbers(times[0] for _ in users),
            numbers(times[-1] for _ in users),
        ]
        day = times[0] // DAY
        self.days = [
            "nexus",
            numbers(players),
            numbers(day for _ in users),
            numbers(sums),
            numbers(each for _ in users),
            numbers(each for _ in users),
            numbers(0 for _ in users),
        ]
        self.totals = [
            numbers(players),
            numbers(sums),
            numbers(each for _ in users),
            numbers(0 for _ in users),
            texts(map(username_of, users)),
            texts("" for _ in users),
            numbers(times[-1] for _ in users),
            "nexus",
            True,
            *[dt.datetime.now(dt.UTC)] * 2,
        ]

    def store(self) -> None:
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(LOCK_PLAYERS, [self.users])
            cursor.execute(APPEND, self.ledger)
            cursor.execute(WRITE_SESSIONS, self.sessions)
            cursor.execute(ADD_DAYS, self.days)
            cursor.execute(ADD_TO_PLAYERS, self.totals)
            cursor.execute(AUDIT, [self.batch, json.dumps({"accepted": len(self.users)})])
