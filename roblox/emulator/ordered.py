"""Ordered data stores, v2 and v1: whole numbers in order, without versions."""

import math
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from roblox.emulator import entries
from roblox.emulator.calls import Answer, Call, Page, Refused, invalid, listing

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
    """1 unless told."""

    amount: int | float = 1


def list_entries(call: Call) -> Answer:
    page = call.page(10, 100)
    kept, token = _page(call, page, call.query.get("orderBy", ""))
    return listing("orderedDataStoreEntries", (_entry(call, *row) for row in kept), token)


def list_entries_v1(call: Call) -> Answer:
    page = call.page(10, 100, "max_page_size", "page_token")
    order = call.query.get("order_by", "")
    kept, token = _page(call, page, "value desc" if order == "desc" else order)
    return listing("entries", (_entry(call, *row) for row in kept), token)


def create_entry(call: Call) -> Answer:
    value = _whole(call.json(ValueBody).value)
    key = _key(call.query.get("id", ""))
    with call.store.write() as db:
        store = _make(call, db)
        if _value(call, db, store, key) is not None:
            raise invalid("The entry already exists.")
        return _written(call, db, store, key, value)


def get_entry(call: Call) -> Answer:
    db = call.store.read()
    key = call.path["entry"]
    value = _value(call, db, _store(call, db), key)
    if value is None:
        raise Refused("NOT_FOUND", "The entry was not found.")
    return Answer(200, _entry(call, key, value))


def update_entry(call: Call) -> Answer:
    value = _whole(call.json(ValueBody).value)
    key = _key(call.path["entry"])
    missing = call.flag("allowMissing") or call.flag("allow_missing")
    with call.store.write() as db:
        store = _make(call, db)
        if not missing and _value(call, db, store, key) is None:
            raise Refused("NOT_FOUND", "The entry was not found.")
        return _written(call, db, store, key, value)


def increment_entry(call: Call) -> Answer:
    """Creates what is missing."""
    amount = _whole(call.json(AmountBody).amount)
    key = _key(call.path["entry"])
    with call.store.write() as db:
        store = _make(call, db)
        return _written(call, db, store, key, _whole((_value(call, db, store, key) or 0) + amount))


def delete_entry(call: Call) -> Answer:
    with call.store.write() as db:
        gone = remove(db, _store(call, db), call.path["scope"], call.path["entry"])
    if not gone:
        raise Refused("NOT_FOUND", "The entry was not found.")
    return Answer(200, {})


def make_store(db: sqlite3.Connection, universe: int, name: str) -> int:
    """The store's row, made by the first write."""
    db.execute(
        "INSERT OR IGNORE INTO ordered_stores (universe, name) VALUES (?, ?)", (universe, name)
    )
    return store_id(db, universe, name)


def store_id(db: sqlite3.Connection, universe: int, name: str) -> int:
    """The store's row, 0 while nothing was ever written to it."""
    row = db.execute(
        "SELECT id FROM ordered_stores WHERE universe = ? AND name = ?", (universe, name)
    ).fetchone()
    return int(row[0]) if row else 0


def put(db: sqlite3.Connection, store: int, scope: str, key: str, value: int) -> None:
    """Write a value."""
    db.execute("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?)", (store, scope, key, value))


def remove(db: sqlite3.Connection, store: int, scope: str, key: str) -> bool:
    """Delete at once and for ever; says whether it was there."""
    done = db.execute(
        "DELETE FROM ordered WHERE store = ? AND scope = ? AND id = ?", (store, scope, key)
    )
    return done.rowcount > 0


def _page(call: Call, page: Page, order: str) -> tuple[Any, str]:
    if order not in ("", "value", "value desc"):
        raise invalid('orderBy must be "value desc" or absent.')
    descending = order == "value desc"
    low, high = _bounds(call.query.get("filter", ""))
    db = call.store.read()
    conditions = "store = ? AND scope = ? AND value >= ? AND value <= ?"
    values: list[Any] = [_store(call, db), call.path["scope"], low, high]
    if page.cursor is not None:
        conditions += f" AND (value, id) {'<' if descending else '>'} (?, ?)"
        values += page.cursor
    way = "DESC" if descending else "ASC"
    query = (
        f"SELECT id, value FROM ordered WHERE {conditions} ORDER BY value {way}, id {way} LIMIT ?"
    )
    rows = db.execute(query, (*values, page.fetch)).fetchall()
    after: Callable[[Any], Any] = lambda row: [row[1], row[0]]  # noqa: E731
    return page.cut(rows, after)


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


def _make(call: Call, db: sqlite3.Connection) -> int:
    entries.check_name(call.path["scope"], "scope")
    return make_store(db, call.universe, entries.check_name(call.path["store"], "data store"))


def _store(call: Call, db: sqlite3.Connection) -> int:
    return store_id(db, call.universe, call.path["store"])


def _value(call: Call, db: sqlite3.Connection, store: int, key: str) -> int | None:
    where = "store = ? AND scope = ? AND id = ?"
    row = db.execute(
        f"SELECT value FROM ordered WHERE {where}", (store, call.path["scope"], key)
    ).fetchone()
    return int(row[0]) if row else None


def _written(call: Call, db: sqlite3.Connection, store: int, key: str, value: int) -> Answer:
    put(db, store, call.path["scope"], key, value)
    return Answer(200, _entry(call, key, value))
