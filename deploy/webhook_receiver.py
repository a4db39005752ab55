#!/usr/bin/env python3
"""An example of a receiver for GRPS's webhooks, with Python's standard library only.

    WEBHOOK_SECRET=whsec_… python3 webhook_receiver.py 8099

Answer with 2xx within 15 seconds, and do slow work afterwards. Every other answer makes GRPS send
the message again, with the same id.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE = 300  # seconds that the sender's clock may be off
MAX_BODY = 1_000_000  # bytes


class NotGenuine(Exception):
    """The message is not signed with the secret, or is too old."""


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None
) -> dict[str, Any]:
    """Check the signature and return the message. Raises NotGenuine.

    `body`: the bytes as received. JSON that was decoded and encoded again has another signature.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and timestamp.isascii() and timestamp.isdigit()):
        raise NotGenuine("webhook-id or webhook-timestamp is missing")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise NotGenuine("webhook-timestamp is too far from now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = "v1," + base64.b64encode(digest).decode()
    # During a rotation of the secret there are two signatures, separated by a space. One must
    # match.
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise NotGenuine("no signature fits")
    message: dict[str, Any] = json.loads(body)
    return message


class Handler(BaseHTTPRequestHandler):
    """A receiver that handles each message once. A real one stores the ids permanently."""

    protocol_version = "HTTP/1.1"
    seen: set[str] = set()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            self._answer(413)
            return
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            message = verify(os.environ["WEBHOOK_SECRET"], headers, body)
        except (NotGenuine, ValueError) as error:
            print(f"refused: {error}", flush=True)
            self._answer(401)
            return
        if headers["webhook-id"] not in self.seen:
            self.seen.add(headers["webhook-id"])
            print(f"{message['type']}: {message['data']['message']}", flush=True)
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: messages are printed."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
