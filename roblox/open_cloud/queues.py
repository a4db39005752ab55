"""Memory-store queues: items that were read are hidden for a while, until they are discarded."""

from typing import Any, NamedTuple

import msgspec

from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.data_stores import Nothing
from roblox.open_cloud.errors import OpenCloudError
from roblox.open_cloud.operations import DISCARD_QUEUE, READ_QUEUE

MOST = 200  # items in one read


class Items(NamedTuple):
    """Items that were read. `read_id` discards all of them."""

    read_id: str
    data: list[Any]


class _Item(msgspec.Struct, frozen=True):
    data: Any = None


class _Items(msgspec.Struct, frozen=True, rename="camel"):
    read_id: str = ""
    items: list[_Item] = []


def read(client: OpenCloud, universe: int, queue: str, hidden: int = 60) -> Items:
    """Read up to 200 items, hidden from other readers for `hidden` seconds."""
    query: dict[str, str | int] = {
        "count": MOST,
        "allOrNothing": "false",
        "invisibilityWindow": f"{hidden}s",
    }
    try:
        found = client.call(
            Request(READ_QUEUE, {"universe": universe, "queue": queue}, query=query), _Items
        )
    except OpenCloudError as error:
        if error.missing:
            return Items("", [])
        raise
    return Items(found.read_id, [item.data for item in found.items])


def discard(client: OpenCloud, universe: int, queue: str, read_id: str) -> None:
    """Delete the items of a reading from the queue."""
    client.call(
        Request(DISCARD_QUEUE, {"universe": universe, "queue": queue}, body={"readId": read_id}),
        Nothing,
    )
