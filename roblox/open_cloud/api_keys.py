"""Introspect API keys."""

from typing import Any

import msgspec

from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.operations import INTROSPECT


class Scope(msgspec.Struct, frozen=True, rename="camel"):
    """One API with its allowed operations, for some universes (`*` for all) or without any."""

    scope_name: str = ""
    name: str = ""
    operations: list[str] = []
    universe_datastore: Any = None
    universe_ids: list[Any] = []
    universe_id: Any = None

    def names(self) -> set[str]:
        """Return the scopes as `api:operation`."""
        base = self.scope_name or self.name
        return {f"{base}:{operation}" for operation in self.operations} | {base}

    def covers(self, universe: int | None) -> bool:
        limited = [
            str(number) for number in [*self.universe_ids, self.universe_id] if number is not None
        ]
        return not limited or "*" in limited or universe is None or str(universe) in limited


class KeyState(msgspec.Struct, frozen=True, rename="camel"):
    """A key as Roblox knows it."""

    name: str = ""
    authorized_user_id: int | None = None
    scopes: list[Scope] = []
    enabled: bool = True
    expired: bool = False
    expiration_time_utc: str | None = None


def introspect(client: OpenCloud) -> KeyState:
    """Return the state of the client's key. Raises OpenCloudError (401, 404) for an unknown key."""
    return client.call(Request(INTROSPECT, {}, body={"apiKey": client.api_key}), KeyState)
