"""Queues of the memory store: items that were read are invisible until discarded or put back."""

import secrets
from typing import Any, NamedTuple

import msgspec
from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.clock import MICROS, duration, stamp
from roblox.emulator.errors import invalid, not_found
from roblox.emulator.responses import respond
from roblox.emulator.store import Connection

DATA_LENGTH = 32 * 1024  # bytes
LONGEST_TTL = 45 * 86_400  # seconds
AT_ONCE = 200


class ItemBody(msgspec.Struct):
    """An item to add. A higher priority comes out first."""

    data: msgspec.Raw = msgspec.Raw(b"")
    priority: float = 0
    ttl: str = f"{LONGEST_TTL}s"


class DiscardBody(msgspec.Struct, rename="camel"):
    read_id: str


class Item(NamedTuple):
    """A stored item. `expires` is in microseconds."""

    id: int
    data: str
    priority: float
    expires: int


def add_item(call: Call) -> Response:
    body = call.json(ItemBody)
    with call.store.write() as db:
        item = add(db, call.universe, call.path["queue"], body)
    return respond(_item(call, item))


def add(db: Connection, universe: int, queue: str, body: ItemBody) -> Item:
    """Store a new item. Raises ApiError (400) beyond a limit."""
    data = bytes(body.data)
    if data in (b"", b"null") or len(data) > DATA_LENGTH:
        raise invalid(f"data of at most {DATA_LENGTH} bytes is needed.")
    expires = db.now + duration(body.ttl, LONGEST_TTL) * MICROS
    inserted = db.execute(
        "INSERT INTO queue_items (universe, queue, data, priority, expires, hidden_until, read_id)"
        " VALUES (?, ?, ?, ?, ?, 0, '')",
        (universe, queue, data.decode(), body.priority, expires),
    )
    return Item(int(inserted.lastrowid or 0), data.decode(), body.priority, expires)


def read_items(call: Call) -> Response:
    """Read from the front. Every item that is read costs a unit."""
    count = min(call.number("count", 1) or 1, AT_ONCE)
    whole = call.flag("allOrNothing")
    window = duration(call.query("invisibilityWindow") or "30s", LONGEST_TTL)
    read_id = secrets.token_hex(16)
    with call.store.write() as db:
        items = _visible(db, call, count)
        if whole and len(items) < count:
            raise not_found(f"The queue does not hold {count} visible items.")
        hidden = [(db.now + window * MICROS, read_id, item.id) for item in items]
        db.executemany("UPDATE queue_items SET hidden_until = ?, read_id = ? WHERE id = ?", hidden)
    call.extra_units = max(0, len(items) - 1)
    return respond({"readId": read_id, "items": [_item(call, item) for item in items]})


def _visible(db: Connection, call: Call, count: int) -> list[Item]:
    db.execute(
        "DELETE FROM queue_items WHERE universe = ? AND expires <= ?", (call.universe, db.now)
    )
    rows = db.execute(
        "SELECT id, data, priority, expires FROM queue_items WHERE universe = ? AND queue = ?"
        " AND hidden_until <= ? ORDER BY priority DESC, id LIMIT ?",
        (call.universe, call.path["queue"], db.now, count),
    )
    return [Item(*row) for row in rows]


def discard_items(call: Call) -> Response:
    """Delete items that are still invisible. The others belong to their next reader."""
    read_id = call.json(DiscardBody).read_id
    where = "universe = ? AND queue = ? AND read_id = ? AND hidden_until > ?"
    with call.store.write() as db:
        values = (call.universe, call.path["queue"], read_id, db.now)
        db.execute(f"DELETE FROM queue_items WHERE {where}", values)
    return respond({})


def _item(call: Call, item: Item) -> dict[str, Any]:
    queue = f"cloud/v2/universes/{call.universe}/memory-store/queues/{call.path['queue']}"
    return {
        "path": f"{queue}/items/{item.id:016x}",
        "data": msgspec.Raw(item.data.encode()),
        "priority": item.priority,
        "expireTime": stamp(item.expires),
        "id": f"{item.id:016x}",
    }
