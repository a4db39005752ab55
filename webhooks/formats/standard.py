"""Standard Webhooks 1.0: our own JSON, signed (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import secrets as random

import msgspec

from webhooks.formats.base import USER_AGENT, BadEndpoint, Format, Message, Rendered

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret, by the specification


class Standard(Format):
    name, title, signs = "standard", "Standard Webhooks", True

    def render(self, message: Message) -> Rendered:
        (payload,) = message.payloads
        body = msgspec.json.encode(
            {"type": payload.action, "timestamp": payload.at, "data": payload.data}
        )
        timestamp = str(int(message.at.timestamp()))
        signatures = " ".join(
            signature(secret, message.id, timestamp, body) for secret in message.secrets
        )
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signatures,
        }
        return Rendered(headers, body)


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return `v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`.

    Raises BadEndpoint for an invalid secret.
    """
    digest = hmac.digest(
        key_of(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256
    )
    return "v1," + base64.b64encode(digest).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes of a secret, with or without `whsec_`. Raises BadEndpoint."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadEndpoint(
            "secret: it must be `whsec_` and base64; leave it empty to have one made."
        ) from None
    if not LEAST <= len(key) <= MOST:
        raise BadEndpoint(f"secret: it must be base64 of {LEAST} to {MOST} bytes, not {len(key)}.")
    return key


def new_secret() -> str:
    return PREFIX + base64.b64encode(random.token_bytes(32)).decode()
