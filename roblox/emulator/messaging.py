"""Messages to the live servers of a universe; the emulator keeps them for `GET
/_emulator/messages`.
"""

import msgspec

from roblox.emulator.calls import Answer, Call, invalid

TOPIC_LENGTH = 80
MESSAGE_LENGTH = 1024


class PublishBody(msgspec.Struct):
    """What v2 takes."""

    topic: str
    message: str


class MessageBody(msgspec.Struct):
    """What v1 takes; the topic is in the path."""

    message: str | None = None


def publish(call: Call) -> Answer:
    body = call.json(PublishBody)
    return _publish(call, body.topic, body.message)


def publish_v1(call: Call) -> Answer:
    message = call.json(MessageBody).message
    if not message:
        raise invalid(
            "A message is needed.", fields={"message": ["The message field is required."]}
        )
    answer = _publish(call, call.path["topic"], message)
    return Answer(answer.status)


def _publish(call: Call, topic: str, message: str) -> Answer:
    if not 1 <= len(topic) <= TOPIC_LENGTH:
        raise invalid(f"The topic must have 1 to {TOPIC_LENGTH} characters.")
    if not 1 <= len(message) <= MESSAGE_LENGTH:
        raise invalid(f"The message must have 1 to {MESSAGE_LENGTH} characters.")
    with call.store.write() as db:
        db.execute(
            "INSERT INTO messages (universe, topic, message, sent) VALUES (?, ?, ?, ?)",
            (call.universe, topic, message, call.now),
        )
    return Answer(200, {})
