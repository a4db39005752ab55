"""The Open Cloud clients of the experiences and of the group, as configured."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from common import database_clock
from common.parsing import whole_number
from roblox.models import CloudKey, Experience
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.data_stores import Store
from roblox.open_cloud.pacing import PATIENCE, Pacer

USE_EVERY = dt.timedelta(hours=1)  # last_used_at is not written more often


class NotConfigured(Exception):
    """A setting for Open Cloud is missing. The text says which."""


@dataclass(frozen=True, slots=True)
class Universe:
    """An experience's universe with its client, the game's store and index, and our own stores."""

    experience: Experience
    id: int
    client: OpenCloud
    store: Store
    key_format: str
    index: Store | None
    own: Store
    own_key_format: str
    board: Store | None
    topic: str
    queue: str

    def key(self, user_id: int) -> str:
        """Return the key of a player's entry in the game's store."""
        return self.key_format.replace("{userId}", str(user_id))

    def user_id(self, key: str) -> int | None:
        """Return the user id of an entry's key, None if it does not have the configured form."""
        before, _, after = self.key_format.partition("{userId}")
        middle = key[len(before) : len(key) - len(after) or None]
        if not (key.startswith(before) and key.endswith(after)):
            return None
        return whole_number(middle) or None

    def own_key(self, user_id: int) -> str:
        """Return the key of a player's entry in GRPS's own store."""
        return self.own_key_format.replace("{userId}", str(user_id))


@dataclass(frozen=True, slots=True)
class Group:
    """The community's group with its client."""

    id: int
    client: OpenCloud


def universe(
    experience: Experience, going_on: Callable[[], bool] = lambda: True, patience: float = PATIENCE
) -> Universe:
    """Return an experience's universe. Raises NotConfigured.

    Its calls wait for their budget at most `patience` seconds, and only while `going_on`.
    """
    config = next(
        (one for one in settings.INTEGRATIONS.experiences if one.key == experience.key), None
    )
    if config is None:
        raise NotConfigured(f"{experience.key} is no longer in config/backend.integrations.json.")
    if experience.universe_id is None:
        raise NotConfigured(
            f"{experience.key} has no universe: set {config.universe_id.env} and run bootstrap."
        )
    if not config.api_key.value():
        raise NotConfigured(f"{experience.key} has no Open Cloud key: set {config.api_key.env}.")
    number, own, stored = experience.universe_id, settings.INTEGRATIONS.mirrors, config.datastore
    return Universe(
        experience=experience,
        id=number,
        client=client(config.api_key.values(), going_on, patience),
        store=Store(number, stored.name, stored.scope),
        key_format=stored.key_format,
        index=Store(number, stored.index) if stored.index else None,
        own=Store(number, own.store),
        own_key_format=own.key_format,
        board=Store(number, own.board) if own.board else None,
        topic=own.topic,
        queue=own.queue,
    )


def group(going_on: Callable[[], bool] = lambda: True, patience: float = PATIENCE) -> Group:
    """Return the community's group, with the first configured key. Raises NotConfigured."""
    if settings.ROBLOX_GROUP_ID is None:
        raise NotConfigured("No group is configured: set ROBLOX_GROUP_ID.")
    keys = _first_keys()
    if not keys:
        raise NotConfigured("No Open Cloud key is configured: set ROBLOX_OPEN_CLOUD_API_KEY.")
    return Group(settings.ROBLOX_GROUP_ID, client(keys, going_on, patience))


def any_client() -> OpenCloud | None:
    """Return a client for calls outside of universes, None if no key is configured."""
    keys = _first_keys()
    return client(keys) if keys else None


def api_keys() -> dict[str, list[tuple[str, int | None]]]:
    """Return every configured key with the experiences (key and universe id) that it serves."""
    universes = dict(Experience.objects.values_list("key", "universe_id"))
    found: dict[str, list[tuple[str, int | None]]] = {}
    for config in settings.INTEGRATIONS.experiences:
        for api_key in config.api_key.values():
            found.setdefault(api_key, []).append((config.key, universes.get(config.key)))
    return found


def _first_keys() -> list[str]:
    """Return the keys of the first experience that has any."""
    configured = (one.api_key.values() for one in settings.INTEGRATIONS.experiences)
    return next(filter(None, configured), [])


def client(
    api_keys: Sequence[str], going_on: Callable[[], bool] = lambda: True, patience: float = PATIENCE
) -> OpenCloud:
    """Return a client with the configured budgets that uses the first key that works.

    Clients of the same keys share connections.
    """
    shared = _client(
        settings.OPEN_CLOUD_URL,
        tuple(api_keys),
        settings.REDIS_URL,
        _frozen(settings.OPEN_CLOUD_BUDGETS),
    )
    return shared.for_work(going_on, patience)


@lru_cache(maxsize=8)
def _client(
    url: str,
    api_keys: tuple[str, ...],
    redis_url: str,
    budgets: tuple[tuple[str, float | None], ...],
) -> OpenCloud:
    timeout = settings.INTEGRATIONS.open_cloud.timeout_seconds
    pacer = Pacer(redis_url, dict(budgets), urlsplit(url).netloc)
    return OpenCloud(url, api_keys[0], pacer, timeout=timeout, spare_keys=api_keys[1:])


def _frozen(budgets: dict[str, Any]) -> tuple[tuple[str, float | None], ...]:
    return tuple(sorted(budgets.items()))


def register_use(used: OpenCloud) -> None:
    """Store, once an hour at most, that a key was used: Roblox ends unused keys after 60 days."""
    now = database_clock.now()
    row, created = CloudKey.objects.get_or_create(
        fingerprint=used.fingerprint, defaults={"last_used_at": now}
    )
    if not created and (row.last_used_at is None or now - row.last_used_at > USE_EVERY):
        CloudKey.objects.filter(pk=row.pk).update(last_used_at=now)
