"""Messages in a channel, with components such as buttons."""

from typing import Any

import msgspec

from discord.rest import routes
from discord.rest.client import Discord, Nothing, Request

# A name in a message must not ping anybody, whatever it contains.
NO_MENTIONS: dict[str, list[str]] = {"parse": []}


class Message(msgspec.Struct, frozen=True):
    id: int
    channel_id: int = 0


def create(client: Discord, channel_id: int, body: dict[str, Any]) -> Message:
    """Post a message. `body` is Discord's: content, embeds, components. Nobody is mentioned."""
    parts = {"channel": channel_id}
    content = {"allowed_mentions": NO_MENTIONS} | body
    return client.call(Request(routes.CREATE_MESSAGE, parts, body=content), Message)


def edit(client: Discord, message: Message, body: dict[str, Any]) -> Message:
    """Change a message of the bot. Parts that `body` leaves out stay."""
    content = {"allowed_mentions": NO_MENTIONS} | body
    request = Request(routes.EDIT_MESSAGE, _parts(message), body=content)
    return client.call(request, Message)


def delete(client: Discord, message: Message) -> None:
    client.call(Request(routes.DELETE_MESSAGE, _parts(message)), Nothing)


def _parts(message: Message) -> dict[str, str | int]:
    return {"channel": message.channel_id, "message": message.id}
