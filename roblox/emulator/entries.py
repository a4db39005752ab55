"""Entries of standard data stores and their revisions, as every door to them reads and writes them."""

import re
import sqlite3
from typing import Any, NamedTuple

import msgspec

from roblox.emulator.calls import MICROS, invalid

NAME_LENGTH = 50  # characters, of stores, scopes and keys
VALUE_LENGTH = 4_194_304  # characters
ATTRIBUTE_KEY, ATTRIBUTE_VALUE, ATTRIBUTES_LENGTH = 50, 250, 300  # characters
EPOCH_TICKS = (
    0x089F7FF5F7B58000  # 1970 on the clock of revision ids, which counts 100 ns from the year 1
)
HOUR = 3600 * MICROS
REVISION = re.compile(r"[0-9A-F]{16}\.([0-9]{10})\.[0-9A-F]{16}\.01")
_COLUMNS = (
    "id, store, scope, key, created, number, revised, since, active, value, users, attributes"
)


class Entry(NamedTuple):
    """One entry at one revision; `since` is when it last became active or deleted; `users`,
    `attributes` are JSON.
    """

    id: int
    store: int
    scope: str
    key: str
    created: int
    number: int
    revised: int
    since: int
    active: int
    value: str | None
    users: str
    attributes: str

    @property
    def revision(self) -> str:
        return f"{_ticks(self.created):016X}.{self.number:010d}.{_ticks(self.revised):016X}.01"


class Content(NamedTuple):
    """What a write brings: JSON texts."""

    value: str
    users: str = "[]"
    attributes: str = "{}"


def content(value: bytes, users: list[str], attributes: dict[str, Any]) -> Content:
    """A checked write. Refused (400) for what exceeds a limit or is no user."""
    text = value.decode()
    if text in ("", "null"):
        raise invalid("A value is needed.", reason="InvalidContent")
    if len(text) > VALUE_LENGTH:
        raise invalid(
            f"The value is longer than {VALUE_LENGTH} characters.", reason="ContentLengthExceeded"
        )
    for user in users:
        if not re.fullmatch(r"users/[0-9]+", user):
            raise invalid(f"{user!r} is not a user of the form users/1.", reason="InvalidUserIds")
    encoded = msgspec.json.encode(attributes).decode()
    too_long = any(
        len(name) > ATTRIBUTE_KEY or len(msgspec.json.encode(item)) > ATTRIBUTE_VALUE
        for name, item in attributes.items()
    )
    if too_long or (attributes and len(encoded) > ATTRIBUTES_LENGTH):
        raise invalid("The attributes are too long.", reason="InvalidAttributes")
    return Content(text, msgspec.json.encode(users).decode(), encoded)


def check_name(name: str, what: str) -> str:
    """Refused (400) if it is empty or too long."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise invalid(f"The {what} must have 1 to {NAME_LENGTH} characters.", reason="InvalidName")
    return name


def store_id(db: sqlite3.Connection, universe: int, name: str) -> int:
    """The store's row, 0 while nothing was ever written to it."""
    row = db.execute(
        "SELECT id FROM data_stores WHERE universe = ? AND name = ?", (universe, name)
    ).fetchone()
    return int(row[0]) if row else 0


def make_store(db: sqlite3.Connection, universe: int, name: str, now: int) -> int:
    """The store's row, made by the first write."""
    db.execute(
        "INSERT OR IGNORE INTO data_stores (universe, name, created) VALUES (?, ?, ?)",
        (universe, name, now),
    )
    return store_id(db, universe, name)


def find(db: sqlite3.Connection, store: int, scope: str, key: str) -> Entry | None:
    """The current revision, which may be a deleted one."""
    where = "store = ? AND scope = ? AND key = ?"
    row = db.execute(
        f"SELECT {_COLUMNS} FROM entries WHERE {where}", (store, scope, key)
    ).fetchone()
    return Entry(*row) if row else None


def put(db: sqlite3.Connection, store: int, scope: str, key: str, new: Content, now: int) -> Entry:
    """Write the next revision."""
    entry = find(db, store, scope, key)
    if entry is None:
        names = (
            "store, scope, key, created, number, revised, since, active, value, users, attributes"
        )
        db.execute(
            f"INSERT INTO entries ({names}) VALUES (?, ?, ?, ?, 1, ?, ?, 1, ?, ?, ?)",
            (store, scope, key, now, now, now, *new),
        )
    else:
        _keep(db, entry, now)
        db.execute(
            "UPDATE entries SET number = number + 1, revised = ?, since = ?, active = 1, value = ?, users = ?,"
            " attributes = ? WHERE id = ?",
            (now, entry.since if entry.active else now, *new, entry.id),
        )
    written = find(db, store, scope, key)
    assert written is not None, "it was written within this transaction"
    return written


def remove(db: sqlite3.Connection, entry: Entry, now: int) -> None:
    """Write a revision that says deleted; the value stays among the revisions."""
    _keep(db, entry, now, always=True)
    db.execute(
        "UPDATE entries SET number = number + 1, revised = ?, since = ?, active = 0, value = NULL, users = '[]',"
        " attributes = '{}' WHERE id = ?",
        (now, now, entry.id),
    )


def revisions(db: sqlite3.Connection, entry: Entry) -> list[Entry]:
    """The kept revisions without their values, newest first."""
    names = "number, revised, active, users, attributes"
    rows = db.execute(
        f"SELECT {names} FROM revisions WHERE entry = ? ORDER BY number DESC", (entry.id,)
    ).fetchall()
    former = [
        _former(entry, (number, revised, active, None, *more))
        for number, revised, active, *more in rows
    ]
    return [entry._replace(value=None), *former]


def length(db: sqlite3.Connection, entry: Entry) -> int:
    """Bytes of the value at this revision, without reading it; 0 where it is deleted."""
    size = "SELECT coalesce(length(CAST(value AS BLOB)), 0) FROM"
    query = f"{size} entries WHERE id = ? AND number = ? UNION ALL {size} revisions WHERE entry = ? AND number = ?"
    return int(db.execute(query, (entry.id, entry.number) * 2).fetchone()[0])


def at_revision(db: sqlite3.Connection, entry: Entry, revision: str) -> Entry | None:
    """The entry as it was at a revision that is still kept."""
    match = REVISION.fullmatch(revision)
    if match is None:
        raise invalid(f"{revision!r} is not a revision.", reason="InvalidVersionId")
    found = entry if entry.number == int(match[1]) else _one(db, entry, "number = ?", int(match[1]))
    return found if found and found.revision == revision else None


def at_time(db: sqlite3.Connection, entry: Entry, at: int) -> Entry | None:
    """The entry as it was at a time, as far as revisions are kept."""
    return entry if entry.revised <= at else _one(db, entry, "revised <= ?", at)


def page_of_keys(
    db: sqlite3.Connection,
    store: int,
    scope: str | None,
    prefix: str,
    after: tuple[str, str] | None,
    count: int,
    edge: int,
    *,
    deleted: bool = False,
) -> list[tuple[str, str]]:
    """(scope, key) in order, of all scopes for None; what changed after `edge` is listed as it was
    before.
    """
    conditions, values = ["store = ?"], [store]
    bounds: list[Any] = []
    if scope is not None:
        conditions.append("scope = ?")
        bounds.append(scope)
    if prefix:
        conditions.append("key >= ? AND key < ?")
        bounds += [prefix, prefix + "\U0010ffff"]
    if after is not None:
        conditions.append("(scope, key) > (?, ?)" if scope is None else "key > ?")
        bounds += after if scope is None else after[1:]
    if not deleted:
        conditions.append(
            "((active = 1 AND since <= ?) OR (active = 0 AND since > ? AND created <= ?))"
        )
        bounds += [edge, edge, edge]
    where = " AND ".join(conditions)
    query = f"SELECT scope, key FROM entries WHERE {where} ORDER BY scope, key LIMIT ?"
    return db.execute(query, (*values, *bounds, count)).fetchall()


def _keep(db: sqlite3.Connection, entry: Entry, now: int, *, always: bool = False) -> None:
    # A further write within one UTC hour overwrites for ever; the last state before an hour's first
    # write is kept.
    if always or not entry.active or entry.revised // HOUR != now // HOUR or _keeps_all(db):
        db.execute(
            "INSERT INTO revisions (entry, number, revised, active, value, users, attributes)"
            " SELECT id, number, revised, active, value, users, attributes FROM entries WHERE id = ?",
            (entry.id,),
        )


def _keeps_all(db: sqlite3.Connection) -> bool:
    row = db.execute("SELECT value FROM options WHERE name = 'keepEveryRevision'").fetchone()
    return bool(row and row[0])


def _one(db: sqlite3.Connection, entry: Entry, condition: str, value: int) -> Entry | None:
    query = f"SELECT number, revised, active, value, users, attributes FROM revisions WHERE entry = ? AND {condition}"
    row = db.execute(query + " ORDER BY number DESC LIMIT 1", (entry.id, value)).fetchone()
    return _former(entry, row) if row else None


def _former(entry: Entry, row: tuple[Any, ...]) -> Entry:
    number, revised, active, value, users, attributes = row
    return entry._replace(
        number=number,
        revised=revised,
        active=active,
        value=value,
        users=users,
        attributes=attributes,
    )


def _ticks(at: int) -> int:
    return at * 10 + EPOCH_TICKS
