"""Messages to the live servers of a universe, stored for `GET /_emulator/messages`."""

import msgspec
from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.errors import invalid
from roblox.emulator.responses import respond

TOPIC_LENGTH = 80
MESSAGE_LENGTH = 1024


class PublishBody(msgspec.Struct):
    """The body of v2."""

    topic: str
    message: str


class MessageBody(msgspec.Struct):
    """The body of v1, whose path has the topic."""

    message: str | None = None


def publish(call: Call) -> Response:
    body = call.json(PublishBody)
    return _publish(call, body.topic, body.message)


def publish_v1(call: Call) -> Response:
    message = call.json(MessageBody).message
    if not message:
        raise invalid(
            "A message is needed.", fields={"message": ["The message field is required."]}
        )
    _publish(call, call.path["topic"], message)
    return respond()


def _publish(call: Call, topic: str, message: str) -> Response:
    if not 1 <= len(topic) <= TOPIC_LENGTH:
        raise invalid(f"The topic must have 1 to {TOPIC_LENGTH} characters.")
    if not 1 <= len(message) <= MESSAGE_LENGTH:
        raise invalid(f"The message must have 1 to {MESSAGE_LENGTH} characters.")
    with call.store.write() as db:
        db.execute(
            "INSERT INTO messages (universe, topic, message, sent) VALUES (?, ?, ?, ?)",
            (call.universe, topic, message, db.now),
        )
    return respond({})
