"""Entries of standard data stores and their revisions, for v1, v2 and the control interface."""

import re
from typing import Any, NamedTuple

import msgspec

from roblox.emulator.clock import MICROS
from roblox.emulator.errors import invalid
from roblox.emulator.store import Connection

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


class EntryId(NamedTuple):
    """The place of an entry. `store` is the store's row, 0 for a store without entries."""

    store: int
    scope: str
    key: str


class Entry(NamedTuple):
    """One entry at one revision.

    `since`: when it last became active or deleted. `users` and `attributes` are JSON.
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


class KeyQuery(NamedTuple):
    """Keys to list.

    Scope None lists all scopes. The list starts after (scope, key) and shows the keys as at `at`.
    """

    store: int
    scope: str | None
    prefix: str
    after: tuple[str, str] | None
    limit: int
    at: int
    deleted: bool = False


class Content(NamedTuple):
    """JSON texts to write."""

    value: str
    users: str = "[]"
    attributes: str = "{}"


def content(value: bytes, users: list[str], attributes: dict[str, Any]) -> Content:
    """Check the content of an entry.

    Raises ApiError (400) above a limit or for a malformed user.
    """
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
    """Return the name. Raises ApiError (400) if it is empty or too long."""
    if not 1 <= len(name) <= NAME_LENGTH:
        raise invalid(f"The {what} must have 1 to {NAME_LENGTH} characters.", reason="InvalidName")
    return name


def store_id(db: Connection, universe: int, name: str) -> int:
    """Return the store's row, 0 while nothing was ever written to it."""
    row = db.execute(
        "SELECT id FROM data_stores WHERE universe = ? AND name = ?", (universe, name)
    ).fetchone()
    return int(row[0]) if row else 0


def make_store(db: Connection, universe: int, name: str) -> int:
    """Return the store's row, created if missing."""
    db.execute(
        "INSERT OR IGNORE INTO data_stores (universe, name, created) VALUES (?, ?, ?)",
        (universe, name, db.now),
    )
    return store_id(db, universe, name)


def find(db: Connection, at: EntryId) -> Entry | None:
    """Return the current revision, which may be a deleted one."""
    where = "store = ? AND scope = ? AND key = ?"
    row = db.execute(f"SELECT {_COLUMNS} FROM entries WHERE {where}", at).fetchone()
    return Entry(*row) if row else None


def put(db: Connection, at: EntryId, new: Content) -> Entry:
    """Write the next revision."""
    entry = find(db, at)
    if entry is None:
        names = (
            "store, scope, key, created, number, revised, since, active, value, users, attributes"
        )
        db.execute(
            f"INSERT INTO entries ({names}) VALUES (?, ?, ?, ?, 1, ?, ?, 1, ?, ?, ?)",
            (*at, db.now, db.now, db.now, *new),
        )
    else:
        _keep(db, entry)
        db.execute(
            "UPDATE entries SET number = number + 1, revised = ?, since = ?, active = 1, value = ?, users = ?,"
            " attributes = ? WHERE id = ?",
            (db.now, entry.since if entry.active else db.now, *new, entry.id),
        )
    written = find(db, at)
    assert written is not None, "it was written within this transaction"
    return written


def remove(db: Connection, entry: Entry) -> None:
    """Write a deleted revision. The value stays among the revisions."""
    _keep(db, entry, always=True)
    db.execute(
        "UPDATE entries SET number = number + 1, revised = ?, since = ?, active = 0, value = NULL, users = '[]',"
        " attributes = '{}' WHERE id = ?",
        (db.now, db.now, entry.id),
    )


def revisions(db: Connection, entry: Entry) -> list[Entry]:
    """Return the stored revisions without their values, newest first."""
    names = "number, revised, active, users, attributes"
    rows = db.execute(
        f"SELECT {names} FROM revisions WHERE entry = ? ORDER BY number DESC", (entry.id,)
    ).fetchall()
    older = [
        _at(entry, (number, revised, active, None, *more))
        for number, revised, active, *more in rows
    ]
    return [entry._replace(value=None), *older]


def length(db: Connection, entry: Entry) -> int:
    """Return the bytes of the value at this revision, 0 if deleted, without reading it."""
    size = "SELECT coalesce(length(CAST(value AS BLOB)), 0) FROM"
    query = f"{size} entries WHERE id = ? AND number = ? UNION ALL {size} revisions WHERE entry = ? AND number = ?"
    return int(db.execute(query, (entry.id, entry.number) * 2).fetchone()[0])


def at_revision(db: Connection, entry: Entry, revision: str) -> Entry | None:
    """Return the entry at a stored revision. Raises ApiError (400) for a malformed one."""
    match = REVISION.fullmatch(revision)
    if match is None:
        raise invalid(f"{revision!r} is not a revision.", reason="InvalidVersionId")
    found = entry if entry.number == int(match[1]) else _one(db, entry, "number = ?", int(match[1]))
    return found if found and found.revision == revision else None


def at_time(db: Connection, entry: Entry, at: int) -> Entry | None:
    """Return the entry as it was at a time, as far as revisions are stored."""
    return entry if entry.revised <= at else _one(db, entry, "revised <= ?", at)


def page_of_keys(db: Connection, query: KeyQuery) -> list[tuple[str, str]]:
    """List (scope, key) in order. Entries created or deleted since `at` are listed as before."""
    conditions: list[str] = ["store = ?"]
    values: list[Any] = [query.store]
    if query.scope is not None:
        conditions.append("scope = ?")
        values.append(query.scope)
    if query.prefix:
        conditions.append("key >= ? AND key < ?")
        values += [query.prefix, query.prefix + "\U0010ffff"]
    if query.after is not None:
        conditions.append("(scope, key) > (?, ?)" if query.scope is None else "key > ?")
        values += query.after if query.scope is None else query.after[1:]
    if not query.deleted:
        conditions.append(
            "((active = 1 AND since <= ?) OR (active = 0 AND since > ? AND created <= ?))"
        )
        values += [query.at] * 3
    where = " AND ".join(conditions)
    statement = f"SELECT scope, key FROM entries WHERE {where} ORDER BY scope, key LIMIT ?"
    return db.execute(statement, (*values, query.limit)).fetchall()


def _keep(db: Connection, entry: Entry, *, always: bool = False) -> None:
    # Roblox keeps the last state before the first write of an hour. Later writes of the hour
    # overwrite.
    if always or not entry.active or entry.revised // HOUR != db.now // HOUR or _keeps_all(db):
        db.execute(
            "INSERT INTO revisions (entry, number, revised, active, value, users, attributes)"
            " SELECT id, number, revised, active, value, users, attributes FROM entries WHERE id = ?",
            (entry.id,),
        )


def _keeps_all(db: Connection) -> bool:
    row = db.execute("SELECT value FROM options WHERE name = 'keepEveryRevision'").fetchone()
    return bool(row and row[0])


def _one(db: Connection, entry: Entry, condition: str, value: int) -> Entry | None:
    query = f"SELECT number, revised, active, value, users, attributes FROM revisions WHERE entry = ? AND {condition}"
    row = db.execute(query + " ORDER BY number DESC LIMIT 1", (entry.id, value)).fetchone()
    return _at(entry, row) if row else None


def _at(entry: Entry, row: tuple[Any, ...]) -> Entry:
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
