"""Standard and ordered data stores, version 2."""

import json
import re
import time
from typing import Any

from roblox.emulator.http import Refusal, Request, page, stamp

MOST_VALUE = 4_194_304
STARTS_WITH = re.compile(r'^id\.startsWith\("([^"]*)"\)$')
BOUND = re.compile(r"^entry (>=|<=) (-?\d+)$")
COLUMNS = "id, value, users, attributes, revision, created, updated, state"
WHERE = "universe = ? AND store = ? AND scope = ?"


def _where(request: Request) -> tuple[int, str, str]:
    return request.number("universe"), request.parts["store"], request.parts.get("scope") or "global"


def _path(request: Request) -> str:
    universe, store, scope = _where(request)
    return f"universes/{universe}/data-stores/{store}/scopes/{scope}/entries"


def _etag(revision: int) -> str:
    return f"{revision:08X}"


def _entry(request: Request, row: tuple[Any, ...]) -> dict[str, Any]:
    name, value, users, attributes, revision, created, updated, state = row
    return {
        "path": f"{_path(request)}/{name}",
        "createTime": stamp(created),
        "revisionId": f"{revision:016X}",
        "revisionCreateTime": stamp(updated),
        "state": state,
        "etag": _etag(revision),
        "value": json.loads(value),
        "id": name,
        "users": json.loads(users),
        "attributes": json.loads(attributes),
    }


def list_entries(request: Request) -> Any:
    prefix = ""
    if request.query.get("filter"):
        matched = STARTS_WITH.match(request.query["filter"])
        if not matched:
            raise Refusal(400, "Invalid filter.")
        prefix = matched[1]
    shown = "" if request.query.get("showDeleted") == "true" else "AND state = 'ACTIVE'"
    delay = float(_note(request, "listingDelaySeconds") or 0)
    where = _where(request)

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        rows = request.store.rows(
            f"SELECT id FROM entries WHERE {WHERE} AND id > ? AND id >= ? AND id < ? AND created <= ? {shown}"
            f" ORDER BY id LIMIT {count:d}",
            *where,
            after[0] if after else "",
            prefix,
            prefix + "\U0010ffff",
            time.time() - delay,
        )
        return [([row[0]], {"path": f"{_path(request)}/{row[0]}", "id": row[0]}) for row in rows]

    items, token = page(request, fetch, request.size(10, 256))
    return {"dataStoreEntries": items, "nextPageToken": token}


def _note(request: Request, name: str) -> str:
    row = request.store.row("SELECT value FROM notes WHERE name = ?", name)
    return str(row[0]) if row else ""


def _read(request: Request, name: str) -> tuple[Any, ...] | None:
    return request.store.row(f"SELECT {COLUMNS} FROM entries WHERE {WHERE} AND id = ?", *_where(request), name)


def get_entry(request: Request) -> Any:
    name, _, revision = request.parts["entry"].partition("@")
    row = _read(request, name)
    if row is None:
        raise Refusal(404, "Entry not found in the datastore.")
    if revision and not revision.startswith("latest"):
        old = request.store.row(
            f"SELECT value, updated FROM revisions WHERE {WHERE} AND id = ? AND printf('%016X', revision) = ?",
            *(*_where(request), name, revision),
        )
        if old is not None:
            row = (row[0], old[0], *row[2:4], int(revision, 16), row[5], old[1], row[7])
        elif revision != f"{row[4]:016X}":
            raise Refusal(404, "The revision was not found.")
    elif row[7] == "DELETED":
        raise Refusal(404, "Entry not found in the datastore.")
    return _entry(request, row)


def create_entry(request: Request) -> Any:
    name = request.query.get("id", "")
    if not 1 <= len(name) <= 50:
        raise Refusal(400, "id must have 1 to 50 characters.")
    with request.store.atomic():
        row = _read(request, name)
        if row is not None and row[7] == "ACTIVE":
            raise Refusal(400, "An entry with this id exists already.")
        return _put(request, name, row)


def update_entry(request: Request) -> Any:
    name = request.parts["entry"]
    if len(name) > 50:
        raise Refusal(400, "id must have 1 to 50 characters.")
    with request.store.atomic():
        row = _read(request, name)
        missing = row is None or row[7] == "DELETED"
        if missing and request.query.get("allowMissing", "").lower() != "true":
            raise Refusal(404, "Entry not found in the datastore.")
        etag = request.body.get("etag") if isinstance(request.body, dict) else None
        if etag and (row is None or etag != _etag(row[4])):
            raise Refusal(409, "The etag does not match the entry's.")
        return _put(request, name, row)


def _put(request: Request, name: str, row: tuple[Any, ...] | None) -> Any:
    if not isinstance(request.body, dict) or "value" not in request.body:
        raise Refusal(400, "The field value is missing or malformed.")
    put_value(
        request,
        name,
        request.body["value"],
        users=request.field("users", list, []),
        attributes=request.field("attributes", dict, {}),
        row=row,
    )
    fresh = _read(request, name)
    assert fresh is not None
    return _entry(request, fresh)


def put_value(
    request: Request,
    name: str,
    value: Any,
    *,
    users: list[Any],
    attributes: dict[str, Any],
    row: tuple[Any, ...] | None,
) -> None:
    """Write a value; users and attributes that are not given are cleared. The one before stays as a revision."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if len(text) > MOST_VALUE:
        raise Refusal(400, "The value is too large.")
    now, where = time.time(), _where(request)
    revision, created = (row[4] + 1, row[5]) if row else (1, now)
    if row is not None:
        request.store.write(
            "INSERT OR REPLACE INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?)", *where, name, row[4], row[1], row[6]
        )
    request.store.write(
        "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'ACTIVE')",
        *(*where, name, text, json.dumps(users), json.dumps(attributes), revision, created, now),
    )


def increment_entry(request: Request) -> Any:
    name = request.parts["entry"]
    amount = request.field("amount", int | float, 1)  # type: ignore[arg-type]
    with request.store.atomic():
        row = _read(request, name)
        value = json.loads(row[1]) if row and row[7] == "ACTIVE" else 0
        if isinstance(value, bool) or not isinstance(value, int) or amount != int(amount):
            raise Refusal(400, "Only whole numbers can be incremented.")
        total = max(-(2**53), min(2**53, value + int(amount)))
        put_value(
            request,
            name,
            total,
            users=request.field("users", list, []),
            attributes=request.field("attributes", dict, {}),
            row=row,
        )
        fresh = _read(request, name)
        assert fresh is not None
        return _entry(request, fresh)


def delete_entry(request: Request) -> Any:
    with request.store.atomic():
        row = _read(request, request.parts["entry"])
        if row is None or row[7] == "DELETED":
            raise Refusal(404, "Entry not found in the datastore.")
        request.store.write(
            f"UPDATE entries SET state = 'DELETED', updated = ?, revision = revision + 1 WHERE {WHERE} AND id = ?",
            *(time.time(), *_where(request), row[0]),
        )
    return {}


def list_revisions(request: Request) -> Any:
    row = _read(request, request.parts["entry"])
    if row is None:
        raise Refusal(404, "Entry not found in the datastore.")
    name, where = row[0], _where(request)

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        below = after[0] if after else row[4] + 1
        newest = [(row[4], row[1], row[6])] if below > row[4] else []
        old = request.store.rows(
            f"SELECT revision, value, updated FROM revisions WHERE {WHERE} AND id = ? AND revision < ?"
            f" ORDER BY revision DESC LIMIT {count:d}",
            *(*where, name, below),
        )
        found = [*newest, *old][:count]
        return [
            ([number], _entry(request, (name, value, row[2], row[3], number, row[5], at, row[7])))
            for number, value, at in found
        ]

    items, token = page(request, fetch, request.size(10, 100))
    return {"dataStoreEntries": items, "nextPageToken": token}


def list_stores(request: Request) -> Any:
    universe = request.number("universe")

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        rows = request.store.rows(
            f"SELECT store, min(created) FROM entries WHERE universe = ? AND store > ? GROUP BY store LIMIT {count:d}",
            *(universe, after[0] if after else ""),
        )
        return [
            ([name], {"path": f"universes/{universe}/data-stores/{name}", "id": name, "createTime": stamp(created)})
            for name, created in rows
        ]

    items, token = page(request, fetch, request.size(10, 100))
    return {"dataStores": items, "nextPageToken": token}


def _ordered_entry(request: Request, name: str, value: int) -> dict[str, Any]:
    universe, store, scope = _where(request)
    path = f"universes/{universe}/ordered-data-stores/{store}/scopes/{scope}/entries/{name}"
    return {"path": path, "value": value, "id": name}


def list_ordered(request: Request) -> Any:
    order = request.query.get("orderBy", "value")
    if order not in {"value", "value asc", "value desc"}:
        raise Refusal(400, "orderBy must be `value` or `value desc`.")
    down = order.endswith("desc")
    bounds = []
    for part in filter(None, request.query.get("filter", "").split(" && ")):
        matched = BOUND.match(part)
        if not matched:
            raise Refusal(400, "Invalid filter.")
        bounds.append(f"AND value {matched[1]} {int(matched[2])}")
    behind = f"AND (value, id) {'<' if down else '>'} (?, ?)"

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        direction = "DESC" if down else "ASC"
        rows = request.store.rows(
            f"SELECT id, value FROM ordered WHERE {WHERE} {behind if after else ''} {' '.join(bounds)}"
            f" ORDER BY value {direction}, id {direction} LIMIT {count:d}",
            *(*_where(request), *(after or ())),
        )
        return [([value, name], _ordered_entry(request, name, value)) for name, value in rows]

    items, token = page(request, fetch, request.size(10, 100))
    return {"orderedDataStoreEntries": items, "nextPageToken": token}


def _ordered(request: Request, name: str) -> int | None:
    row = request.store.row(f"SELECT value FROM ordered WHERE {WHERE} AND id = ?", *_where(request), name)
    return int(row[0]) if row else None


def put_ordered(request: Request, name: str, value: int) -> Any:
    request.store.write("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?, ?)", *_where(request), name, value)
    return _ordered_entry(request, name, value)


def _ordered_value(request: Request, name: str) -> int:
    value = request.field(name, int | float)  # type: ignore[arg-type]
    if value != int(value):
        raise Refusal(400, f"{name} must be a whole number.")
    return int(value)


def get_ordered(request: Request) -> Any:
    value = _ordered(request, request.parts["entry"])
    if value is None:
        raise Refusal(404, "Entry not found in the ordered datastore.")
    return _ordered_entry(request, request.parts["entry"], value)


def create_ordered(request: Request) -> Any:
    name = request.query.get("id", "")
    if not 1 <= len(name) <= 63:
        raise Refusal(400, "id must have 1 to 63 characters.")
    with request.store.atomic():
        if _ordered(request, name) is not None:
            raise Refusal(400, "An entry with this id exists already.")
        return put_ordered(request, name, _ordered_value(request, "value"))


def update_ordered(request: Request) -> Any:
    with request.store.atomic():
        missing = _ordered(request, request.parts["entry"]) is None
        if missing and request.query.get("allowMissing", "").lower() != "true":
            raise Refusal(404, "Entry not found in the ordered datastore.")
        return put_ordered(request, request.parts["entry"], _ordered_value(request, "value"))


def increment_ordered(request: Request) -> Any:
    with request.store.atomic():
        value = _ordered(request, request.parts["entry"]) or 0
        return put_ordered(request, request.parts["entry"], value + _ordered_value(request, "amount"))


def delete_ordered(request: Request) -> Any:
    done = request.store.write(
        f"DELETE FROM ordered WHERE {WHERE} AND id = ?", *_where(request), request.parts["entry"]
    )
    if not done:
        raise Refusal(404, "Entry not found in the ordered datastore.")
    return {}
