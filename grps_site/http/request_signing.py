"""Sign a call: HMAC-SHA256 over timestamp, nonce, method, path with query, and the body's hash. No
Django needed.

headers = sign(secret, "POST", "/automation/decisions", body)
"""

import hashlib
import hmac
import secrets
import time


def message(timestamp: str, nonce: str, method: str, target: str, body: bytes) -> bytes:
    """What is signed. `target` is the path with its query as sent."""
    return f"{timestamp}.{nonce}.{method}.{target}.{hashlib.sha256(body).hexdigest()}".encode()


def signature(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def sign(
    secret: str, method: str, target: str, body: bytes = b"", *, now: float | None = None
) -> dict[str, str]:
    """The three headers of a signed call; `now` in seconds since 1970."""
    timestamp = str(int(time.time() if now is None else now))
    nonce = secrets.token_hex(16)
    signed = message(timestamp, nonce, method.upper(), target, body)
    return {
        "x-grps-timestamp": timestamp,
        "x-grps-nonce": nonce,
        "x-grps-signature": f"v1={signature(secret, signed)}",
    }
