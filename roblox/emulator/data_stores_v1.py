"""Standard data stores, v1: values are raw bodies, everything else is in headers."""

import base64
import hashlib
import re
import sqlite3
from typing import Any

import msgspec

from roblox.emulator import entries
from roblox.emulator.calls import MICROS, Answer, Call, Refused, decode, invalid, moment, stamp
from roblox.emulator.data_stores import added
from roblox.emulator.entries import Content, Entry

LIMIT = 16  # rows of a page unless told
MAXIMUM = 100


def list_stores(call: Call) -> Answer:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    prefix = call.query.get("prefix", "")
    rows = call.store.read().execute(
        "SELECT name, created FROM data_stores WHERE universe = ? AND name > ? AND name >= ? AND name < ?"
        " ORDER BY name LIMIT ?",
        (call.universe, page.cursor or "", prefix, prefix + "\U0010ffff", page.fetch),
    )
    kept, token = page.cut(rows.fetchall(), lambda row: row[0])
    stores = [{"name": name, "createdTime": stamp(created)} for name, created in kept]
    return Answer(200, {"datastores": stores, "nextPageCursor": token})


def list_entries(call: Call) -> Answer:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    everywhere = call.flag("allScopes")
    db = call.store.read()
    edge = call.now - int(call.store.option("listingDelaySeconds") * MICROS)
    scope = None if everywhere else call.query.get("scope") or "global"
    prefix = call.query.get("prefix", "")
    rows = entries.page_of_keys(db, _store(call, db), scope, prefix, page.cursor, page.fetch, edge)
    kept, token = page.cut(rows, list)
    keys = [
        {"scope": scope, "key": f"{scope}/{key}"} if everywhere else {"key": key}
        for scope, key in kept
    ]
    return Answer(200, {"keys": keys, "nextPageCursor": token})


def get_entry(call: Call) -> Answer:
    """204 for a deleted entry."""
    entry = _entry(call, call.store.read())
    return _raw(entry) if entry.active else Answer(204)


def set_entry(call: Call) -> Answer:
    """`matchVersion` and `exclusiveCreate` are refused with 412 and the current value."""
    new = _content(call)
    match, exclusive = call.query.get("matchVersion", ""), call.flag("exclusiveCreate")
    if match and exclusive:
        raise invalid(
            "matchVersion and exclusiveCreate exclude each other.", reason="InvalidParameter"
        )
    with call.store.write() as db:
        store, scope, key = _writable(call, db)
        current = entries.find(db, store, scope, key)
        exists = current is not None and bool(current.active)
        if (exclusive and exists) or (match and (current is None or current.revision != match)):
            return _failed(current)
        return Answer(200, _version(entries.put(db, store, scope, key, new, call.now)))


def delete_entry(call: Call) -> Answer:
    with call.store.write() as db:
        entry = _entry(call, db)
        if not entry.active:
            raise _not_found()
        entries.remove(db, entry, call.now)
    return Answer(204)


def increment_entry(call: Call) -> Answer:
    text = call.query.get("incrementBy", "1")
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise invalid("incrementBy must be a whole number.", reason="InvalidAmount")
    users, attributes = _metadata(call)
    with call.store.write() as db:
        store, scope, key = _writable(call, db)
        total = added(entries.find(db, store, scope, key), int(text))
        new = entries.content(str(total).encode(), users, attributes)
        return _raw(entries.put(db, store, scope, key, new, call.now))


def list_versions(call: Call) -> Answer:
    page = call.page(LIMIT, MAXIMUM, "limit", "cursor")
    db = call.store.read()
    since = moment(call.query["startTime"]) if call.query.get("startTime") else 0
    until = moment(call.query["endTime"]) if call.query.get("endTime") else 1 << 62
    rows = [row for row in entries.revisions(db, _entry(call, db)) if since <= row.revised <= until]
    descending = call.query.get("sortOrder", "Ascending").lower() == "descending"
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
    return Answer(200, {"versions": versions, "nextPageCursor": token})


def get_version(call: Call) -> Answer:
    db = call.store.read()
    found = entries.at_revision(db, _entry(call, db), _parameter(call, "versionId"))
    if found is None:
        raise _not_found()
    return _raw(found) if found.active else Answer(204)


def _parameter(call: Call, name: str) -> str:
    value = call.query.get(name, "")
    if not value:
        raise invalid(f"{name} is needed.", fields={name: [f"The {name} field is required."]})
    return value


def _store(call: Call, db: sqlite3.Connection) -> int:
    return entries.store_id(db, call.universe, _parameter(call, "datastoreName"))


def _entry(call: Call, db: sqlite3.Connection) -> Entry:
    scope = call.query.get("scope") or "global"
    entry = entries.find(db, _store(call, db), scope, _parameter(call, "entryKey"))
    if entry is None:
        raise _not_found()
    return entry


def _writable(call: Call, db: sqlite3.Connection) -> tuple[int, str, str]:
    name = entries.check_name(_parameter(call, "datastoreName"), "data store")
    key = entries.check_name(_parameter(call, "entryKey"), "key")
    scope = entries.check_name(call.query.get("scope") or "global", "scope")
    known = entries.store_id(db, call.universe, name)
    needed = "universe-datastores.control:create"
    if not known and call.key and not call.key.may(needed, call.universe):
        raise Refused("INSUFFICIENT_SCOPE", f"The API key does not have the scope {needed}.")
    return entries.make_store(db, call.universe, name, call.now), scope, key


def _content(call: Call) -> Content:
    sent = call.header("content-md5")
    if sent is not None and sent != _md5(call.body):
        raise invalid("content-md5 does not fit the body.", reason="ChecksumMismatch")
    decode(call.body, msgspec.Raw)
    users, attributes = _metadata(call)
    return entries.content(call.body, users, attributes)


def _metadata(call: Call) -> tuple[list[str], dict[str, Any]]:
    ids = decode((call.header("roblox-entry-userids") or "[]").encode(), list[int])
    attributes = decode((call.header("roblox-entry-attributes") or "{}").encode(), dict[str, Any])
    return [f"users/{number}" for number in ids], attributes


def _raw(entry: Entry, status: int = 200) -> Answer:
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
    return Answer(status, body, headers)


def _failed(current: Entry | None) -> Answer:
    return _raw(current, 412) if current else Answer(412)


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


def _not_found() -> Refused:
    return Refused("NOT_FOUND", "Entry not found in the datastore.", reason="EntryNotFound")
