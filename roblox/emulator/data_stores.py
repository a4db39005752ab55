"""Standard data stores, v2."""

import re
from typing import Any

import msgspec
from werkzeug import Response

from roblox.emulator import entries
from roblox.emulator.calls import Call
from roblox.emulator.clock import MICROS, moment, stamp
from roblox.emulator.entries import Entry, EntryId, KeyQuery
from roblox.emulator.errors import ApiError, invalid, not_found
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection

ALL_SCOPES = "-"
LARGEST = 2**53
FUTURE = 10 * 60 * MICROS  # how far ahead `@latest:TIME` may look
DAY = 86_400 * MICROS
_STARTS_WITH = re.compile(r'\s*id\.startsWith\("((?:[^"\\]|\\.)*)"\)\s*')
_TIME = r"(?:\"?([0-9T:.+Z-]+)\"?)"
_BOUND = re.compile(rf"\s*revision_create_time (?P<sign>[<>]=) {_TIME}\s*")


class EntryBody(msgspec.Struct):
    """The body of create and update. A field that is not sent is cleared."""

    value: msgspec.Raw = msgspec.Raw(b"")
    users: list[str] = msgspec.field(default_factory=list)
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)
    etag: str = ""


class IncrementBody(msgspec.Struct):
    """`amount` must be whole, as 3 or 3.0."""

    amount: float = 1
    users: list[str] = msgspec.field(default_factory=list)
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)


def list_stores(call: Call) -> Response:
    page = call.page(10, 100)
    prefix = _prefix(call)
    rows = call.store.read().execute(
        "SELECT name, created FROM data_stores"
        " WHERE universe = ? AND name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?",
        (call.universe, page.cursor or "", prefix, prefix + "\U0010ffff", page.fetch),
    )
    kept, token = page.cut(rows.fetchall(), lambda row: row[0])
    return listing(
        "dataStores", (_store(call.universe, name, created) for name, created in kept), token
    )


def list_entries(call: Call) -> Response:
    """List `path` and `id` only, as Roblox does."""
    page = call.page(10, 256)
    scope = _scope(call)
    db = call.store.read()
    query = KeyQuery(
        entries.store_id(db, call.universe, call.path["store"]),
        None if scope == ALL_SCOPES else scope,
        _prefix(call),
        page.cursor,
        page.fetch,
        call.now - int(call.store.option("listingDelaySeconds") * MICROS),
        deleted=call.flag("showDeleted"),
    )
    rows = entries.page_of_keys(db, query)
    kept, token = page.cut(rows, list)
    return listing(
        "dataStoreEntries", ({"path": _path(call, *row), "id": row[1]} for row in kept), token
    )


def create_entry(call: Call) -> Response:
    body = call.json(EntryBody)
    key = entries.check_name(call.query("id"), "id")
    new = entries.content(bytes(body.value), body.users, body.attributes)
    with call.store.write() as db:
        entry = _writable(call, db, key)
        current = entries.find(db, entry)
        if current and current.active:
            raise invalid("The entry already exists.")
        return respond(_entry(call, entries.put(db, entry, new)))


def get_entry(call: Call) -> Response:
    """Return the latest revision, or the one that the id names after its last `@`."""
    key, at, revision = call.path["entry"].rpartition("@")
    if not at:
        key, revision = revision, "latest"
    db = call.store.read()
    entry = _current(call, db, key)
    if revision == "latest":
        return respond(_entry(call, entry))
    found = _past(call, db, entry, revision)
    if found is None:
        raise not_found("The revision was not found.")
    return respond(_entry(call, found, suffix=f"@{found.revision}"))


def update_entry(call: Call) -> Response:
    body = call.json(EntryBody)
    key = entries.check_name(call.path["entry"], "id")
    new = entries.content(bytes(body.value), body.users, body.attributes)
    may_create = call.flag("allowMissing")
    with call.store.write() as db:
        entry = _writable(call, db, key)
        current = entries.find(db, entry)
        if not may_create and (current is None or not current.active):
            raise not_found("The entry was not found.")
        _check_etag(current, body.etag)
        return respond(_entry(call, entries.put(db, entry, new)))


def increment_entry(call: Call) -> Response:
    """Add to a whole number. A missing or deleted entry starts at the amount."""
    body = call.json(IncrementBody)
    key = entries.check_name(call.path["entry"], "id")
    with call.store.write() as db:
        entry = _writable(call, db, key)
        current = entries.find(db, entry)
        total = added(current, body.amount)
        new = entries.content(str(total).encode(), body.users, body.attributes)
        return respond(_entry(call, entries.put(db, entry, new)))


def added(current: Entry | None, amount: float) -> int:
    """Return the sum, clamped to the whole numbers that a double holds exactly.

    Raises ApiError (400) unless both are whole numbers.
    """
    if not float(amount).is_integer():
        raise invalid("amount must be a whole number.", reason="InvalidAmount")
    value = current.value if current and current.active and current.value is not None else "0"
    if not re.fullmatch(r"-?[0-9]+", value):
        raise invalid("The entry's value is not a whole number.", reason="ExistingValueNotNumeric")
    return max(-LARGEST, min(LARGEST, int(value) + int(amount)))


def delete_entry(call: Call) -> Response:
    key = call.path["entry"]
    with call.store.write() as db:
        entry = _current(call, db, key)
        if not entry.active:
            raise not_found("The entry was not found.")
        if call.body:
            _check_etag(entry, call.json(EntryBody).etag)
        entries.remove(db, entry)
    return respond({})


def list_revisions(call: Call) -> Response:
    page = call.page(10, 100)
    since, until = _window(call.query("filter"))
    db = call.store.read()
    entry = _current(call, db, call.path["entry"])
    rows = [
        row
        for row in entries.revisions(db, entry)
        if since <= row.revised <= until and (page.cursor is None or row.number < page.cursor)
    ]
    kept, token = page.cut(rows, lambda row: row.number)
    return listing(
        "dataStoreEntries", (_entry(call, row, suffix=f"@{row.revision}") for row in kept), token
    )


def snapshot(call: Call) -> Response:
    """Take one snapshot per UTC day."""
    with call.store.write() as db:
        row = db.execute(
            "SELECT taken FROM snapshots WHERE universe = ?", (call.universe,)
        ).fetchone()
        new = row is None or row[0] // DAY != db.now // DAY
        if new:
            db.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", (call.universe, db.now))
        taken = stamp(db.now if new else row[0])
    return respond({"newSnapshotTaken": new, "latestSnapshotTime": taken})


def _store(universe: int, name: str, created: int) -> dict[str, Any]:
    path = f"universes/{universe}/data-stores/{name}"
    return {"path": path, "createTime": stamp(created), "state": "ACTIVE", "id": name}


def _prefix(call: Call) -> str:
    text = call.query("filter")
    if not text:
        return ""
    match = _STARTS_WITH.fullmatch(text)
    if match is None:
        raise invalid('Invalid filter: only id.startsWith("…") is supported.')
    return re.sub(r"\\(.)", r"\1", match[1])


def _path(call: Call, scope: str, key: str) -> str:
    store = f"universes/{call.universe}/data-stores/{call.path['store']}"
    return (
        f"{store}/scopes/{scope}/entries/{key}"
        if call.path.get("scope")
        else f"{store}/entries/{key}"
    )


def _entry(call: Call, entry: Entry, suffix: str = "") -> dict[str, Any]:
    body: dict[str, Any] = {
        "path": _path(call, entry.scope, entry.key) + suffix,
        "createTime": stamp(entry.created),
        "revisionId": entry.revision,
        "revisionCreateTime": stamp(entry.revised),
        "state": "ACTIVE" if entry.active else "DELETED",
        "etag": entry.revision,
        "id": entry.key + suffix,
    }
    if entry.value is None:  # deleted
        return body | {"value": None, "users": [], "attributes": {}}
    body["value"] = msgspec.Raw(entry.value.encode())
    body["users"] = msgspec.Raw(entry.users.encode())
    body["attributes"] = msgspec.Raw(entry.attributes.encode())
    return body


def _scope(call: Call) -> str:
    return call.path.get("scope") or "global"


def _writable(call: Call, db: Connection, key: str) -> EntryId:
    scope = entries.check_name(_scope(call), "scope")
    if scope == ALL_SCOPES:
        raise invalid("Entries are written in one scope.")
    name = entries.check_name(call.path["store"], "data store")
    return EntryId(entries.make_store(db, call.universe, name), scope, key)


def _current(call: Call, db: Connection, key: str) -> Entry:
    store = entries.store_id(db, call.universe, call.path["store"])
    entry = entries.find(db, EntryId(store, _scope(call), key))
    if entry is None:
        raise not_found("The entry was not found.")
    return entry


def _past(call: Call, db: Connection, entry: Entry, revision: str) -> Entry | None:
    if not revision.startswith("latest:"):
        return entries.at_revision(db, entry, revision)
    at = moment(revision.removeprefix("latest:"))
    if not 0 < at <= call.now + FUTURE:
        raise invalid("The time must lie after 1970 and at most ten minutes ahead.")
    return entries.at_time(db, entry, at)


def _check_etag(current: Entry | None, etag: str) -> None:
    if etag and (current is None or current.revision != etag):
        raise ApiError("ABORTED", "The etag is not that of the current revision.")


def _window(text: str) -> tuple[int, int]:
    """Return the bounds of a filter, which may stand in any order."""
    bounds = {">=": 0, "<=": 1 << 62}
    if not text:
        return bounds[">="], bounds["<="]
    terms = [_BOUND.fullmatch(term) for term in text.split("&&")]
    found = {term["sign"]: moment(term[2]) for term in terms if term}
    if len(found) != len(terms):
        raise invalid("Invalid filter: only revision_create_time with >=, <= and && is supported.")
    bounds |= found
    return bounds[">="], bounds["<="]
