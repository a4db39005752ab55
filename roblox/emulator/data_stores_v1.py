"""Standard data stores, v1: values are raw bodies, everything else is in headers."""

import base64
import hashlib
import re
from typing import Any

import msgspec
from werkzeug import Response

from roblox.emulator import entries
from roblox.emulator.calls import Call, decode
from roblox.emulator.clock import MICROS, moment, stamp
from roblox.emulator.data_stores import added
from roblox.emulator.entries import Content, Entry, EntryId, KeyQuery
from roblox.emulator.errors import ApiError, invalid
from roblox.emulator.responses import respond
from roblox.emulator.store import Connection

LIMIT = 16  # rows of a page by default
MAXIMUM = 100


def list_stores(call: Call) -> Response:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    prefix = call.query("prefix")
    rows = call.store.read().execute(
        "SELECT name, created FROM data_stores"
        " WHERE universe = ? AND name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?",
        (call.universe, page.cursor or "", prefix, prefix + "\U0010ffff", page.fetch),
    )
    kept, token = page.cut(rows.fetchall(), lambda row: row[0])
    stores = [{"name": name, "createdTime": stamp(created)} for name, created in kept]
    return respond({"datastores": stores, "nextPageCursor": token})


def list_entries(call: Call) -> Response:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    everywhere = call.flag("allScopes")
    db = call.store.read()
    query = KeyQuery(
        _store(call, db),
        None if everywhere else _scope(call),
        call.query("prefix"),
        page.cursor,
        page.fetch,
        call.now - int(call.store.option("listingDelaySeconds") * MICROS),
    )
    rows = entries.page_of_keys(db, query)
    kept, token = page.cut(rows, list)
    keys = [
        {"scope": scope, "key": f"{scope}/{key}"} if everywhere else {"key": key}
        for scope, key in kept
    ]
    return respond({"keys": keys, "nextPageCursor": token})


def get_entry(call: Call) -> Response:
    """Return the value, 204 for a deleted entry."""
    entry = _entry(call, call.store.read())
    return _raw(entry) if entry.active else respond(status=204)


def set_entry(call: Call) -> Response:
    """Write a value. `matchVersion` and `exclusiveCreate` fail with 412 and the current one."""
    new = _content(call)
    match, exclusive = call.query("matchVersion"), call.flag("exclusiveCreate")
    if match and exclusive:
        raise invalid(
            "matchVersion and exclusiveCreate exclude each other.", reason="InvalidParameter"
        )
    with call.store.write() as db:
        entry = _writable(call, db)
        current = entries.find(db, entry)
        exists = current is not None and bool(current.active)
        if (exclusive and exists) or (match and (current is None or current.revision != match)):
            return _failed(current)
        return respond(_version(entries.put(db, entry, new)))


def delete_entry(call: Call) -> Response:
    with call.store.write() as db:
        entry = _entry(call, db)
        if not entry.active:
            raise _not_found()
        entries.remove(db, entry)
    return respond(status=204)


def increment_entry(call: Call) -> Response:
    text = call.query("incrementBy") or "1"
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise invalid("incrementBy must be a whole number.", reason="InvalidAmount")
    users, attributes = _metadata(call)
    with call.store.write() as db:
        entry = _writable(call, db)
        total = added(entries.find(db, entry), int(text))
        new = entries.content(str(total).encode(), users, attributes)
        return _raw(entries.put(db, entry, new))


def list_versions(call: Call) -> Response:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    db = call.store.read()
    since = moment(call.query("startTime")) if call.query("startTime") else 0
    until = moment(call.query("endTime")) if call.query("endTime") else 1 << 62
    rows = [row for row in entries.revisions(db, _entry(call, db)) if since <= row.revised <= until]
    descending = call.query("sortOrder").lower() == "descending"
    rows.sort(key=lambda row: row.number, reverse=descending)
    if page.cursor is not None:
        rows = [
            row
            for row in rows
            if (row.number < page.cursor if descending else row.number > page.cursor)
        ]
    kept, token = page.cut(rows, lambda row: row.number)
    lengths = (entries.length(db, row) for row in kept)
    versions = [_version(row, length) for row, length in zip(kept, lengths, strict=True)]
    return respond({"versions": versions, "nextPageCursor": token})


def get_version(call: Call) -> Response:
    db = call.store.read()
    found = entries.at_revision(db, _entry(call, db), _parameter(call, "versionId"))
    if found is None:
        raise _not_found()
    return _raw(found) if found.active else respond(status=204)


def _parameter(call: Call, name: str) -> str:
    value = call.query(name)
    if not value:
        raise invalid(f"{name} is needed.", fields={name: [f"The {name} field is required."]})
    return value


def _store(call: Call, db: Connection) -> int:
    return entries.store_id(db, call.universe, _parameter(call, "datastoreName"))


def _entry(call: Call, db: Connection) -> Entry:
    found = EntryId(_store(call, db), _scope(call), _parameter(call, "entryKey"))
    entry = entries.find(db, found)
    if entry is None:
        raise _not_found()
    return entry


def _scope(call: Call) -> str:
    return call.query("scope") or "global"


def _writable(call: Call, db: Connection) -> EntryId:
    name = entries.check_name(_parameter(call, "datastoreName"), "data store")
    key = entries.check_name(_parameter(call, "entryKey"), "key")
    scope = entries.check_name(_scope(call), "scope")
    known = entries.store_id(db, call.universe, name)
    needed = "universe-datastores.control:create"
    if not known and call.key and not call.key.may(needed, call.universe):
        raise ApiError("INSUFFICIENT_SCOPE", f"The API key does not have the scope {needed}.")
    return EntryId(entries.make_store(db, call.universe, name), scope, key)


def _content(call: Call) -> Content:
    sent = call.request.headers.get("content-md5")
    if sent is not None and sent != _md5(call.body):
        raise invalid("content-md5 does not fit the body.", reason="ChecksumMismatch")
    decode(call.body, msgspec.Raw)
    users, attributes = _metadata(call)
    return entries.content(call.body, users, attributes)


def _metadata(call: Call) -> tuple[list[str], dict[str, Any]]:
    headers = call.request.headers
    ids = decode((headers.get("roblox-entry-userids") or "[]").encode(), list[int])
    attributes = decode((headers.get("roblox-entry-attributes") or "{}").encode(), dict[str, Any])
    return [f"users/{number}" for number in ids], attributes


def _raw(entry: Entry, status: int = 200) -> Response:
    body = (entry.value or "").encode()
    ids = [
        int(user.removeprefix("users/"))
        for user in msgspec.json.decode(entry.users, type=list[str])
    ]
    headers = {
        "content-md5": _md5(body),
        "roblox-entry-version": entry.revision,
        "roblox-entry-created-time": stamp(entry.created),
        "roblox-entry-version-created-time": stamp(entry.revised),
        "roblox-entry-attributes": entry.attributes,
        "roblox-entry-userids": msgspec.json.encode(ids).decode(),
    }
    return respond(body, status, headers)


def _failed(current: Entry | None) -> Response:
    return _raw(current, 412) if current else respond(status=412)


def _version(entry: Entry, length: int | None = None) -> dict[str, Any]:
    return {
        "version": entry.revision,
        "deleted": not entry.active,
        "contentLength": len((entry.value or "").encode()) if length is None else length,
        "createdTime": stamp(entry.revised),
        "objectCreatedTime": stamp(entry.created),
    }


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _not_found() -> ApiError:
    return ApiError("NOT_FOUND", "Entry not found in the datastore.", reason="EntryNotFound")
