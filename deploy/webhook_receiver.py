#!/usr/bin/env python3
"""A receiver of GRPS's webhooks that checks what it gets. Nothing but Python's standard library;
copy it and go on.

    WEBHOOK_SECRET=whsec_… python3 webhook_receiver.py 8099

Answer 2xx once you have it, within 15 seconds; do the work afterwards. Anything else is sent again,
under the same id.
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
MOST = 1_000_000  # bytes; a message is never longer


class NotGenuine(Exception):
    """This was not sent by whoever knows the secret, or too long ago."""


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None
) -> dict[str, Any]:
    """The message. `body` must be the bytes as they came: JSON that was read and written again
    signs differently.

    Raises NotGenuine.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and timestamp.isascii() and timestamp.isdigit()):
        raise NotGenuine("webhook-id or webhook-timestamp is missing")
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE:
        raise NotGenuine("webhook-timestamp is too far from now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    expected = "v1," + base64.b64encode(digest).decode()
    # While a secret is being rotated there are two signatures, separated by a space; one that fits
    # is enough.
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
        raise NotGenuine("no signature fits")
    message: dict[str, Any] = json.loads(body)
    return message


class Handler(BaseHTTPRequestHandler):
    """Takes each message once. A real receiver keeps the ids where a restart does not lose them."""

    protocol_version = "HTTP/1.1"
    seen: set[str] = set()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > MOST:
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
        """The messages are log enough."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
