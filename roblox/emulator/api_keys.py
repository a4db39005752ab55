"""API keys: who they belong to, what they open, and the introspection of them."""

import sqlite3
from typing import Any

import msgspec

from roblox.emulator.calls import Answer, Call, Key, Refused, Shape, micros, moment

INVALID = "Invalid API Key"


class IntrospectBody(msgspec.Struct, rename="camel"):
    """The key that is asked about."""

    api_key: str


def find(db: sqlite3.Connection, raw: str) -> Key | None:
    """The key with this text."""
    row = db.execute("SELECT * FROM api_keys WHERE key = ?", (raw,)).fetchone()
    if row is None:
        return None
    key, name, owner, scopes, enabled, expires = row
    grants = tuple(
        (scope, frozenset(universes)) for scope, universes in msgspec.json.decode(scopes)
    )
    return Key(key, name, owner, grants, bool(enabled), expires)


def opened_by(db: sqlite3.Connection, raw: str | None) -> Key:
    """The key of a call. Refused (401, in the gateway's form) if it is missing, unknown, disabled
    or expired.
    """
    key = find(db, raw) if raw else None
    if key is None or not key.enabled or _expired(key):
        raise Refused("UNAUTHENTICATED", INVALID, shape=Shape.GATEWAY)
    return key


def introspect(call: Call) -> Answer:
    """What a key is; nothing but the key itself is needed to ask."""
    key = find(call.store.read(), call.json(IntrospectBody).api_key)
    if key is None:
        raise Refused("UNAUTHENTICATED", INVALID, shape=Shape.GATEWAY)
    return Answer(
        200,
        {
            "name": key.name,
            "authorizedUserId": key.owner,
            "scopes": _scopes(key),
            "enabled": key.enabled,
            "expired": _expired(key),
            "expirationTimeUtc": key.expires,
        },
    )


def _expired(key: Key) -> bool:
    return key.expires is not None and moment(key.expires) <= micros()


def _scopes(key: Key) -> list[dict[str, Any]]:
    named: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for scope, universes in key.grants:
        name, _, operation = scope.rpartition(":")
        named.setdefault((name or scope, tuple(sorted(universes))), []).append(operation or "*")
    return [
        {"name": name, "operations": operations, "universeIds": list(universes)}
        for (name, universes), operations in named.items()
    ]
