"""Events as others read them: in the chain's order, which never skips one whose transaction was still open."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

COLUMNS = """a.id, a.at, a.action, a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.experience, a.request_id,
    a.policy_version, a.reverts, a.details::text"""
AFTER = f"""
    SELECT s.position, {COLUMNS} FROM sealed_events s JOIN audits a ON a.id = s.event_id
    WHERE s.position > %s ORDER BY s.position LIMIT %s"""
BY_ID = f"""
    SELECT coalesce(s.position, 0), {COLUMNS} FROM audits a LEFT JOIN sealed_events s ON s.event_id = a.id
    WHERE a.id = ANY(%s::bigint[])"""
PERSONAL = "SELECT event_id, field, value FROM audit_personal WHERE event_id = ANY(%s::bigint[])"


@dataclass(slots=True)
class PlacedEvent:
    """An event with its place in the chain (0: not sealed yet) and the personal values that are still there."""

    position: int
    id: int
    at: dt.datetime
    action: str
    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    experience: str
    request_id: str
    policy_version: str
    reverts: int | None
    details: dict[str, Any]
    personal: dict[str, str] = field(default_factory=dict)


def head() -> int:
    """The last place of the chain; 0 while it is empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(last_position), 0) FROM seals")
        return int(cursor.fetchone()[0])


def events_after(position: int, limit: int) -> list[PlacedEvent]:
    """Up to `limit` events behind a place, in order."""
    return _read(AFTER, [position, limit])


def events_by_id(ids: Sequence[int]) -> dict[int, PlacedEvent]:
    """The events with these ids."""
    return {event.id: event for event in _read(BY_ID, [list(ids)])}


def _read(statement: str, arguments: list[Any]) -> list[PlacedEvent]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        events = [PlacedEvent(*row[:-1], json.loads(row[-1])) for row in cursor.fetchall()]
        found = {event.id: event for event in events}
        cursor.execute(PERSONAL, [list(found)])
        for event_id, name, value in cursor.fetchall():
            found[event_id].personal[name] = value
    return events
