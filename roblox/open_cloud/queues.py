"""Memory-store queues: what is read is hidden for a while, and gone once it is discarded."""

from typing import Any, NamedTuple

import msgspec

from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.data_stores import Nothing
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import DISCARD_QUEUE, READ_QUEUE

MOST = 200  # items at once


class Items(NamedTuple):
    """What was read; `read_id` discards all of it."""

    read_id: str
    data: list[Any]


class _Item(msgspec.Struct, frozen=True):
    data: Any = None


class _Items(msgspec.Struct, frozen=True, rename="camel"):
    read_id: str = ""
    items: list[_Item] = []


def read(
    client: OpenCloud, universe: int, queue: str, *, count: int = MOST, hidden: int = 60
) -> Items:
    """Up to `count` items, hidden from other readers for `hidden` seconds; none when the queue is
    empty.
    """
    query: dict[str, str | int] = {
        "count": min(count, MOST),
        "allOrNothing": "false",
        "invisibilityWindow": f"{hidden}s",
    }
    try:
        found = client.call(
            READ_QUEUE, _Items, parts={"universe": universe, "queue": queue}, query=query
        )
    except OpenCloudError as error:
        if error.missing:
            return Items("", [])
        raise
    return Items(found.read_id, [item.data for item in found.items])


def discard(client: OpenCloud, universe: int, queue: str, read_id: str) -> None:
    """Take what was read out of the queue for good."""
    client.call(
        DISCARD_QUEUE,
        Nothing,
        parts={"universe": universe, "queue": queue},
        body={"readId": read_id},
    )
