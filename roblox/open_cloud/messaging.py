"""Messages to live game servers. They may get lost, so nothing depends on one."""

from typing import Any

import msgspec

from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.data_stores import Nothing
from roblox.open_cloud.operations import PUBLISH

MAX_MESSAGE = 1024  # characters


def publish(client: OpenCloud, universe: int, topic: str, message: Any) -> None:
    """Send `message` as JSON to every live server that listens to `topic`.

    Raises ValueError if it is too long.
    """
    text = msgspec.json.encode(message).decode()
    if len(text) > MAX_MESSAGE:
        raise ValueError(f"a message holds {MAX_MESSAGE} characters, this one {len(text)}")
    client.call(
        Request(PUBLISH, {"universe": universe}, body={"topic": topic, "message": text}), Nothing
    )
