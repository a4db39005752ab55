"""Queues of the memory store: what is read is invisible for a while, and gone once it is discarded."""

import secrets
import sqlite3
from typing import Any

import msgspec

from roblox.emulator.calls import MICROS, Answer, Call, Refused, duration, invalid, stamp

DATA_LENGTH = 32 * 1024  # bytes
LONGEST_TTL = 45 * 86_400  # seconds
AT_ONCE = 200


class ItemBody(msgspec.Struct):
    """What is put into a queue; a higher priority comes out first."""

    data: msgspec.Raw = msgspec.Raw(b"")
    priority: float = 0
    ttl: str = f"{LONGEST_TTL}s"


class DiscardBody(msgspec.Struct, rename="camel"):
    """The reading whose items are done with."""

    read_id: str


def add_item(call: Call) -> Answer:
    body = call.json(ItemBody)
    with call.store.write() as db:
        item = add(db, call.universe, call.path["queue"], body, call.now)
    return Answer(200, _item(call, *item))


def add(
    db: sqlite3.Connection, universe: int, queue: str, body: ItemBody, now: int
) -> tuple[int, str, float, int]:
    """A new item: its number, data, priority, and when it expires. Refused (400) if a limit is
    exceeded.
    """
    data = bytes(body.data)
    if data in (b"", b"null") or len(data) > DATA_LENGTH:
        raise invalid(f"data of at most {DATA_LENGTH} bytes is needed.")
    expires = now + duration(body.ttl, LONGEST_TTL) * MICROS
    done = db.execute(
        "INSERT INTO queue_items (universe, queue, data, priority, expires, hidden_until, read_id)"
        " VALUES (?, ?, ?, ?, ?, 0, '')",
        (universe, queue, data.decode(), body.priority, expires),
    )
    return int(done.lastrowid or 0), data.decode(), body.priority, expires


def read_items(call: Call) -> Answer:
    """From the front. Every item that is read costs a unit."""
    count = min(call.number("count", 1) or 1, AT_ONCE)
    whole = call.flag("allOrNothing")
    window = duration(call.query.get("invisibilityWindow") or "30s", LONGEST_TTL)
    read_id = secrets.token_hex(16)
    with call.store.write() as db:
        db.execute(
            "DELETE FROM queue_items WHERE universe = ? AND expires <= ?", (call.universe, call.now)
        )
        rows = db.execute(
            "SELECT id, data, priority, expires FROM queue_items WHERE universe = ? AND queue = ?"
            " AND hidden_until <= ? ORDER BY priority DESC, id LIMIT ?",
            (call.universe, call.path["queue"], call.now, count),
        ).fetchall()
        if whole and len(rows) < count:
            raise Refused("NOT_FOUND", f"The queue does not hold {count} visible items.")
        hidden = [(call.now + window * MICROS, read_id, row[0]) for row in rows]
        db.executemany("UPDATE queue_items SET hidden_until = ?, read_id = ? WHERE id = ?", hidden)
    call.extra_units = max(0, len(rows) - 1)
    return Answer(200, {"readId": read_id, "items": [_item(call, *row) for row in rows]})


def discard_items(call: Call) -> Answer:
    """Only what is still invisible goes; what came back meanwhile belongs to its next reader."""
    read_id = call.json(DiscardBody).read_id
    with call.store.write() as db:
        db.execute(
            "DELETE FROM queue_items WHERE universe = ? AND queue = ? AND read_id = ? AND hidden_until > ?",
            (call.universe, call.path["queue"], read_id, call.now),
        )
    return Answer(200, {})


def _item(call: Call, number: int, data: str, priority: float, expires: int) -> dict[str, Any]:
    queue = f"cloud/v2/universes/{call.universe}/memory-store/queues/{call.path['queue']}"
    return {
        "path": f"{queue}/items/{number:016x}",
        "data": msgspec.Raw(data.encode()),
        "priority": priority,
        "expireTime": stamp(expires),
        "id": f"{number:016x}",
    }
