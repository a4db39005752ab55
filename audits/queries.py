"""Read the log in the order of its chain.

Positions are assigned after the commit. So a reader never skips an event whose transaction is still
open.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.db import connection

COLUMNS = """a.id, a.at, a.action, a.actor_kind, a.actor_id, a.target_kind, a.target_id, a.experience, a.request_id,
    a.policy_version, a.reverts, a.details"""

# In `details` of the events that one piece of work brings many of: the piece, as `import:12`.
PART_OF = "partOf"

# The limit is part of the text: a plan for any limit would read the whole log.
AFTER = f"""
    SELECT s.position, {COLUMNS} FROM sealed_events s JOIN audits a ON a.id = s.event_id
    WHERE s.position > %s ORDER BY s.position LIMIT """

BY_ID = f"""
    SELECT coalesce(s.position, 0), {COLUMNS} FROM audits a LEFT JOIN sealed_events s ON s.event_id = a.id
    WHERE a.id = ANY(%s::bigint[])"""

PERSONAL = "SELECT event_id, field, value FROM audit_personal WHERE event_id = ANY(%s::bigint[])"


class PlacedEvent(msgspec.Struct, frozen=True):
    """An event and its position in the chain, 0 if it is not sealed yet.

    `personal` maps a field to its value, for the values that were not erased.
    """

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
    personal: dict[str, str]

    @property
    def is_part(self) -> bool:
        """Whether another event sums it up, at the end of the work that it is part of."""
        return PART_OF in self.details


def head() -> int:
    """Return the last position of the chain, 0 while nothing is sealed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(position), 0) FROM sealed_events")
        return int(cursor.fetchone()[0])


def events_after(position: int, limit: int, *, personal: bool = True) -> list[PlacedEvent]:
    """Return at most `limit` events after `position`, in order.

    Without `personal`, names and reasons are not even read.
    """
    with connection.cursor() as cursor:
        cursor.execute(AFTER + f"{limit:d}", [position])
        return _events(cursor.fetchall(), personal)


def events_by_id(ids: Iterable[int], *, personal: bool = True) -> dict[int, PlacedEvent]:
    """Return the events with these ids, by id. An id without an event is left out."""
    with connection.cursor() as cursor:
        cursor.execute(BY_ID, [list(ids)])
        return {event.id: event for event in _events(cursor.fetchall(), personal)}


def public(event: PlacedEvent) -> dict[str, object]:
    """Return the part of an event that other systems may get, ready for JSON.

    It has ids and public fields. Names and reasons could not be erased in other systems.
    """
    return {
        "id": event.id,
        "position": event.position,
        "at": at_text(event),
        "action": event.action,
        "actor": {"kind": event.actor_kind, "id": event.actor_id},
        "target": {"kind": event.target_kind, "id": event.target_id},
        "experience": event.experience,
        "requestId": event.request_id,
        "policyVersion": event.policy_version,
        "reverts": event.reverts,
        "details": event.details,
    }


def at_text(event: PlacedEvent) -> str:
    """Return the time in UTC as ISO 8601 with microseconds and Z."""
    return event.at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _events(rows: Sequence[tuple[Any, ...]], personal: bool) -> list[PlacedEvent]:
    values: dict[int, dict[str, str]] = {row[1]: {} for row in rows}
    if personal and rows:
        with connection.cursor() as cursor:
            cursor.execute(PERSONAL, [list(values)])
            for event_id, field, value in cursor.fetchall():
                values[event_id][field] = value
    return [PlacedEvent(*(*row, values[row[1]])) for row in rows]
