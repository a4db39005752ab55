"""API keys: their owners, scopes and introspection."""

from typing import Any

import msgspec
from werkzeug import Response

from roblox.emulator.calls import ApiKey, Call
from roblox.emulator.clock import moment
from roblox.emulator.errors import ApiError, Shape
from roblox.emulator.responses import respond
from roblox.emulator.store import Connection


class IntrospectBody(msgspec.Struct, rename="camel"):
    api_key: str


def find(db: Connection, raw: str) -> ApiKey | None:
    row = db.execute("SELECT * FROM api_keys WHERE key = ?", (raw,)).fetchone()
    if row is None:
        return None
    key, name, owner, scopes, enabled, expires = row
    grants = tuple(
        (scope, frozenset(universes)) for scope, universes in msgspec.json.decode(scopes)
    )
    return ApiKey(key, name, owner, grants, bool(enabled), expires)


def authenticate(call: Call) -> ApiKey:
    """Return the call's key.

    Raises ApiError (401, in the gateway's form) if it is missing, unknown, disabled or expired.
    """
    raw = call.request.headers.get("x-api-key")
    key = find(call.store.read(), raw) if raw else None
    if key is None or not key.enabled or _expired(key, call.now):
        raise _unknown_key()
    return key


def introspect(call: Call) -> Response:
    """Describe the key in the body."""
    key = find(call.store.read(), call.json(IntrospectBody).api_key)
    if key is None:
        raise _unknown_key()
    return respond(
        {
            "name": key.name,
            "authorizedUserId": key.owner,
            "scopes": _scopes(key),
            "enabled": key.enabled,
            "expired": _expired(key, call.now),
            "expirationTimeUtc": key.expires,
        }
    )


def _unknown_key() -> ApiError:
    return ApiError("UNAUTHENTICATED", "Invalid API Key", shape=Shape.GATEWAY)


def _expired(key: ApiKey, now: int) -> bool:
    return key.expires is not None and moment(key.expires) <= now


def _scopes(key: ApiKey) -> list[dict[str, Any]]:
    named: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for scope, universes in key.grants:
        name, _, operation = scope.rpartition(":")
        named.setdefault((name or scope, tuple(sorted(universes))), []).append(operation or "*")
    return [
        {"name": name, "operations": operations, "universeIds": list(universes)}
        for (name, universes), operations in named.items()
    ]
