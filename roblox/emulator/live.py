"""What lives beside the data stores: messages, memory-store queues, users, API keys."""

import json
import time
import uuid
from typing import Any

from roblox.emulator.http import Refusal, Request, at_the_gateway, seconds, stamp

MOST_TTL = 3_888_000  # seconds


def publish_message(request: Request) -> Any:
    topic, message = request.field("topic", str), request.field("message", str)
    return _publish(request, topic, message)


def publish_to_topic(request: Request) -> Any:
    return _publish(request, request.parts["topic"], request.field("message", str))


def _publish(request: Request, topic: str, message: str) -> Any:
    if not 1 <= len(topic) <= 80 or len(message) > 1024:
        raise Refusal(400, "topic must have 1 to 80 characters and message at most 1024.")
    request.store.write(
        "INSERT INTO messages (universe, topic, message, at) VALUES (?, ?, ?, ?)",
        *(request.number("universe"), topic, message, time.time()),
    )
    return {}


def enqueue(request: Request, universe: int, queue: str, data: Any, priority: float, ttl: float) -> dict[str, Any]:
    """Put an item into a queue."""
    now = time.time()
    text = json.dumps(data, ensure_ascii=False)
    if len(text) > 32_768 or not 0 < ttl <= MOST_TTL:
        raise Refusal(400, "data must have at most 32 KB and ttl lie within 45 days.")
    request.store.write(
        "INSERT INTO queue_items (universe, queue, data, priority, expires, hidden, read_id)"
        " VALUES (?, ?, ?, ?, ?, 0, '')",
        *(universe, queue, text, priority, now + ttl),
    )
    return {"data": data, "priority": priority, "ttl": f"{ttl:.0f}s", "expireTime": stamp(now + ttl)}


def add_item(request: Request) -> Any:
    if not isinstance(request.body, dict) or "data" not in request.body:
        raise Refusal(400, "The field data is missing.")
    ttl = seconds(request.body.get("ttl", "60s"))
    priority = request.field("priority", int | float, 0)  # type: ignore[arg-type]
    return enqueue(
        request, request.number("universe"), request.parts["queue"], request.body["data"], priority, ttl or 0
    )


def read_items(request: Request) -> Any:
    count = min(int(request.query.get("count") or 1), 200)
    window = seconds(request.query.get("invisibilityWindow", "30s"))
    if window is None or window <= 0:
        raise Refusal(400, "invisibilityWindow must be seconds above zero like 30s.")
    universe, queue, now = request.number("universe"), request.parts["queue"], time.time()
    with request.store.atomic():
        request.store.write("DELETE FROM queue_items WHERE expires <= ?", now)
        rows = request.store.rows(
            "SELECT id, data, priority, expires FROM queue_items WHERE universe = ? AND queue = ? AND hidden <= ?"
            f" ORDER BY priority DESC, id LIMIT {count:d}",
            *(universe, queue, now),
        )
        if len(rows) < count and request.query.get("allOrNothing", "").lower() == "true":
            raise Refusal(404, "The queue has fewer items than asked for.")
        read_id = uuid.uuid4().hex
        request.store.write_many(
            "UPDATE queue_items SET hidden = ?, read_id = ? WHERE id = ?",
            [(now + window, read_id, row[0]) for row in rows],
        )
    path = f"universes/{universe}/memory-store/queues/{queue}/items"
    items = [
        {
            "path": f"{path}/{row[0]}",
            "data": json.loads(row[1]),
            "priority": row[2],
            "expireTime": stamp(row[3]),
            "id": str(row[0]),
        }
        for row in rows
    ]
    return {"readId": read_id, "items": items}


def discard_items(request: Request) -> Any:
    """What was read is gone, unless its time was over and it is there for others again."""
    request.store.write(
        "DELETE FROM queue_items WHERE universe = ? AND queue = ? AND read_id = ? AND hidden > ?",
        *(request.number("universe"), request.parts["queue"], request.field("readId", str), time.time()),
    )
    return {}


def get_user(request: Request) -> Any:
    user = request.number("user")
    row = request.store.row("SELECT name, display_name FROM users WHERE id = ?", user)
    if row is None:
        raise Refusal(404, "The user was not found.")
    return {
        "path": f"users/{user}",
        "createTime": "2020-01-01T00:00:00Z",
        "id": str(user),
        "name": row[0],
        "displayName": row[1],
        "about": "",
        "locale": "en_us",
        "premium": False,
    }


def users_by_name(request: Request) -> Any:
    names = request.field("usernames", list)
    found = []
    for name in names[:100]:
        row = request.store.row("SELECT id, name, display_name FROM users WHERE name = ? COLLATE NOCASE", str(name))
        if row is not None:
            found.append({"requestedUsername": name, "id": row[0], "name": row[1], "displayName": row[2]})
    return {"data": found}


def introspect(request: Request) -> Any:
    row = request.store.row("SELECT document FROM api_keys WHERE key = ?", request.field("apiKey", str))
    if row is None:
        raise at_the_gateway(401, "Invalid API Key")
    key = json.loads(row[0])
    return {
        "name": key["name"],
        "authorizedUserId": key["ownerUserId"],
        "scopes": [_scope(scope) for scope in key["scopes"]],
        "enabled": key["enabled"],
        "expired": is_expired(key),
        "expirationTimeUtc": key.get("expirationTimeUtc"),
    }


def _scope(scope: Any) -> dict[str, Any]:
    if isinstance(scope, str):
        scope = {"scope": scope, "universeIds": ["*"]}
    name, _, operation = scope["scope"].rpartition(":")
    operations = [operation] if name else ["*"]
    return {"name": name or scope["scope"], "operations": operations, "universeIds": scope.get("universeIds", ["*"])}


def is_expired(key: dict[str, Any]) -> bool:
    end = key.get("expirationTimeUtc")
    return bool(end) and str(end) <= stamp(time.time())
