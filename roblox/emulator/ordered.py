"""Ordered data stores, v2 and v1: whole numbers in order, without versions."""

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from werkzeug import Response

from roblox.emulator import entries
from roblox.emulator.calls import Call, Paging
from roblox.emulator.entries import EntryId
from roblox.emulator.errors import invalid, not_found
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection

ID_LENGTH = 63
LARGEST = 2**63 - 1
_NUMBER = "(-?[0-9]{1,18})"
_FILTER = re.compile(
    rf"entry >= {_NUMBER}(?: && entry <= {_NUMBER})?|entry <= {_NUMBER}(?: && entry >= {_NUMBER})?"
)


class ValueBody(msgspec.Struct):
    """A number, rounded to a whole one."""

    value: int | float


class AmountBody(msgspec.Struct):
    amount: int | float = 1


def list_entries(call: Call) -> Response:
    rows, token = _page(call, call.page(10, 100), call.query("orderBy"))
    return listing("orderedDataStoreEntries", (_entry(call, *row) for row in rows), token)


def list_entries_v1(call: Call) -> Response:
    page = call.page(10, 100, "max_page_size", "page_token")
    order = call.query("order_by")
    rows, token = _page(call, page, "value desc" if order == "desc" else order)
    return listing("entries", (_entry(call, *row) for row in rows), token)


def create_entry(call: Call) -> Response:
    value = _whole(call.json(ValueBody).value)
    key = _key(call.query("id"))
    with call.store.write() as db:
        entry = _writable(call, db, key)
        if _value(db, entry) is not None:
            raise invalid("Entry already exists.")
        return _write(call, db, entry, value)


def get_entry(call: Call) -> Response:
    db = call.store.read()
    entry = EntryId(_store(call, db), call.path["scope"], call.path["entry"])
    value = _value(db, entry)
    if value is None:
        raise not_found("The entry was not found.")
    return respond(_entry(call, entry.key, value))


def update_entry(call: Call) -> Response:
    value = _whole(call.json(ValueBody).value)
    key = _key(call.path["entry"])
    may_create = call.flag("allowMissing") or call.flag("allow_missing")
    with call.store.write() as db:
        entry = _writable(call, db, key)
        if not may_create and _value(db, entry) is None:
            raise not_found("The entry was not found.")
        return _write(call, db, entry, value)


def increment_entry(call: Call) -> Response:
    """Add to an entry, starting a missing one at 0."""
    amount = _whole(call.json(AmountBody).amount)
    key = _key(call.path["entry"])
    with call.store.write() as db:
        entry = _writable(call, db, key)
        return _write(call, db, entry, _whole((_value(db, entry) or 0) + amount))


def delete_entry(call: Call) -> Response:
    with call.store.write() as db:
        entry = EntryId(_store(call, db), call.path["scope"], call.path["entry"])
        if not remove(db, entry):
            raise not_found("The entry was not found.")
    return respond({})


def make_store(db: Connection, universe: int, name: str) -> int:
    """Return the store's row, created if missing."""
    db.execute(
        "INSERT OR IGNORE INTO ordered_stores (universe, name) VALUES (?, ?)", (universe, name)
    )
    return store_id(db, universe, name)


def store_id(db: Connection, universe: int, name: str) -> int:
    """Return the store's row, 0 while nothing was ever written to it."""
    row = db.execute(
        "SELECT id FROM ordered_stores WHERE universe = ? AND name = ?", (universe, name)
    ).fetchone()
    return int(row[0]) if row else 0


def put(db: Connection, entry: EntryId, value: int) -> None:
    db.execute("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?)", (*entry, value))


def remove(db: Connection, entry: EntryId) -> bool:
    """Delete at once and for good. Returns whether there was an entry."""
    where = "store = ? AND scope = ? AND id = ?"
    return db.execute(f"DELETE FROM ordered WHERE {where}", entry).rowcount > 0


def _page(call: Call, page: Paging, order: str) -> tuple[Sequence[tuple[str, int]], str]:
    if order not in ("", "value", "value desc"):
        raise invalid('orderBy must be "value desc" or absent.')
    descending = order == "value desc"
    db = call.store.read()
    conditions = "store = ? AND scope = ? AND value >= ? AND value <= ?"
    values: list[Any] = [_store(call, db), call.path["scope"], *_bounds(call.query("filter"))]
    if page.cursor is not None:
        conditions += f" AND (value, id) {'<' if descending else '>'} (?, ?)"
        values += page.cursor
    way = "DESC" if descending else "ASC"
    query = (
        f"SELECT id, value FROM ordered WHERE {conditions} ORDER BY value {way}, id {way} LIMIT ?"
    )
    rows = db.execute(query, (*values, page.fetch)).fetchall()
    return page.cut(rows, lambda row: [row[1], row[0]])


def _bounds(text: str) -> tuple[int, int]:
    if not text:
        return -LARGEST - 1, LARGEST
    match = _FILTER.fullmatch(text)
    if match is None:
        raise invalid(
            "Invalid filter: only entry with >=, <= and &&, separated by one space, is supported."
        )
    low, high = match[1] or match[4], match[2] or match[3]
    return int(low) if low else -LARGEST - 1, int(high) if high else LARGEST


def _entry(call: Call, key: str, value: int) -> dict[str, Any]:
    stores = f"universes/{call.universe}/ordered-data-stores/{call.path['store']}"
    return {
        "path": f"{stores}/scopes/{call.path['scope']}/entries/{key}",
        "value": value,
        "id": key,
    }


def _whole(value: float) -> int:
    if not math.isfinite(value):
        raise invalid("The value is no number.")
    value = round(value)
    if not -LARGEST - 1 <= value <= LARGEST:
        raise invalid("The value does not fit into 64 bits.")
    return value


def _key(key: str) -> str:
    if not 1 <= len(key) <= ID_LENGTH:
        raise invalid(f"The id must have 1 to {ID_LENGTH} characters.")
    return key


def _writable(call: Call, db: Connection, key: str) -> EntryId:
    scope = entries.check_name(call.path["scope"], "scope")
    name = entries.check_name(call.path["store"], "data store")
    return EntryId(make_store(db, call.universe, name), scope, key)


def _store(call: Call, db: Connection) -> int:
    return store_id(db, call.universe, call.path["store"])


def _value(db: Connection, entry: EntryId) -> int | None:
    where = "store = ? AND scope = ? AND id = ?"
    row = db.execute(f"SELECT value FROM ordered WHERE {where}", entry).fetchone()
    return int(row[0]) if row else None


def _write(call: Call, db: Connection, entry: EntryId, value: int) -> Response:
    put(db, entry, value)
    return respond(_entry(call, entry.key, value))
