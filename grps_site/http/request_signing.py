"""Sign a call with HMAC-SHA256. Needs neither Django nor any package (deploy/signed_call.py).

headers = sign(secret, "POST", "/automation/decisions", body)
"""

import hashlib
import hmac
import secrets
import time
from typing import NamedTuple


class SignedCall(NamedTuple):
    """The signed parts of a call. `target`: the path with its query, as sent.

    `visitor`: the value of x-grps-visitor, if the header is sent.
    """

    method: str
    target: str
    body: bytes
    visitor: str = ""

    def message(self, timestamp: str, nonce: str) -> bytes:
        parts = [timestamp, nonce, self.method, self.target, hashlib.sha256(self.body).hexdigest()]
        return ".".join([*parts, self.visitor] if self.visitor else parts).encode()


def signature(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def sign(
    secret: str, method: str, target: str, body: bytes = b"", *, now: float | None = None
) -> dict[str, str]:
    """Return the three headers of a signed call. `now` is in seconds since 1970."""
    timestamp = str(int(time.time() if now is None else now))
    nonce = secrets.token_hex(16)
    message = SignedCall(method.upper(), target, body).message(timestamp, nonce)
    return {
        "x-grps-timestamp": timestamp,
        "x-grps-nonce": nonce,
        "x-grps-signature": f"v1={signature(secret, message)}",
    }
