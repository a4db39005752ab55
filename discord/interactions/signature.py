"""Verify that an interaction is from Discord, before anything of it is parsed.

Discord signs the header X-Signature-Timestamp and the body's bytes with Ed25519. The public key is
no secret: it only verifies.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from common import database_clock
from common.parsing import whole_number

WINDOW = 60  # seconds by which the timestamp may be off, in both directions
LARGEST_BODY = 65_536  # bytes; verifying costs more for longer ones


class BadSignature(Exception):
    """The signature does not prove that the request is from Discord. The text says why."""


def verify(signature: str, timestamp: str, body: bytes) -> None:
    """Check a signature in hexadecimal over `timestamp` and `body`. Raises BadSignature."""
    if not settings.DISCORD_PUBLIC_KEY:
        raise BadSignature("Interactions are closed: DISCORD_PUBLIC_KEY is not configured.")
    if len(body) > LARGEST_BODY:
        raise BadSignature(f"The body is longer than {LARGEST_BODY} bytes.")
    moment = whole_number(timestamp, most=10**12)
    if moment is None:
        raise BadSignature("Send X-Signature-Timestamp: whole seconds since 1970.")
    try:
        given = bytes.fromhex(signature)
        _key(settings.DISCORD_PUBLIC_KEY).verify(given, timestamp.encode() + body)
    except (ValueError, InvalidSignature):
        raise BadSignature(
            "X-Signature-Ed25519 does not fit: is DISCORD_PUBLIC_KEY the application's?"
        ) from None
    if abs(database_clock.timestamp() - moment) > WINDOW:
        raise BadSignature("The signature's time is more than a minute off; check the clock.")


@lru_cache(maxsize=4)
def _key(text: str) -> Ed25519PublicKey:
    """Raises ValueError for a text that is no public key in hexadecimal."""
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
