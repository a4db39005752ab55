"""Webhooks of the demo: a moderator acts, and three local receivers check the messages.

They check the limits of Discord and of Slack, and the signature of Standard Webhooks with the
published example (deploy/webhook_receiver.py).
"""

import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.utils import timezone

from deploy.webhook_receiver import NotGenuine, verify

TIMEOUT = 90.0  # seconds
PATHS = {
    "standard": "/hooks/grps",
    "discord": "/api/webhooks/1/token",
    "slack": "/services/T1/B1/token",
}
ACTS = 10


class Receiver:
    """A receiver of one kind. `errors`: defects of the messages."""

    def __init__(self, kind: str) -> None:
        self.kind, self.secret = kind, ""
        self.errors: list[str] = []
        self._texts: list[tuple[float, str]] = []
        handler = type("Handler", (_Handler,), {"receiver": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{PATHS[kind]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def received_at(self, text: str) -> float | None:
        return next((at for at, seen in list(self._texts) if text in seen), None)

    def handle(self, headers: dict[str, str], body: bytes) -> int:
        """Check a message; return the HTTP status."""
        try:
            message = (
                verify(self.secret, headers, body) if self.kind == "standard" else json.loads(body)
            )
            self.errors += [f"{self.kind}: {problem}" for problem in CHECKS[self.kind](message)]
        except (NotGenuine, ValueError, KeyError, TypeError) as error:
            self.errors.append(f"{self.kind}: {error!r}")
            return 400
        self._texts.append((time.monotonic(), json.dumps(message, ensure_ascii=False)))
        return 200


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status = self.receiver.handle(
            {name.lower(): value for name, value in self.headers.items()}, body
        )
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


def _discord(message: Any) -> Iterator[str]:
    if not 1 <= len(message["embeds"]) <= 10:
        yield f"{len(message['embeds'])} embeds"
    if message["allowed_mentions"] != {"parse": []}:
        yield "mentions are not switched off"
    if (
        sum(
            len(e["description"]) + len(e.get("title", "")) + len(e["footer"]["text"])
            for e in message["embeds"]
        )
        > 6000
    ):
        yield "more than 6,000 characters"


def _slack(message: Any) -> Iterator[str]:
    if not message["text"] or not 1 <= len(message["blocks"]) <= 50:
        yield "no text, or not 1 to 50 blocks"
    if any(
        len(block["text"]["text"]) > 3000
        for block in message["blocks"]
        if block["type"] == "section"
    ):
        yield "a section of more than 3,000 characters"


def _standard(message: Any) -> Iterator[str]:
    if not {"type", "timestamp", "data"} <= set(message):
        yield f"fields {sorted(message)}"


CHECKS: dict[str, Callable[[Any], Iterator[str]]] = {
    "discord": _discord,
    "slack": _slack,
    "standard": _standard,
}


def play(user_id: int) -> tuple[list[str], float]:
    """Ban and unban a player several times.

    Returns the errors, and the median of the seconds until a message arrived.
    """
    from audits.record import Actor
    from players.discipline import sanctions
    from players.moderation.actors import Staff
    from players.moderation.command import Command

    by = Staff(Actor("system", "demo", "demo"), rank=None, bypasses_second_person=True)
    errors, seconds = [], []
    with _endpoints() as receivers:
        for number in range(ACTS):
            reason = f"demo case {number} of {user_id}"  # without characters that a format escapes
            started = time.monotonic()
            if number % 2:
                sanctions.unban(user_id, Command(by=by, reason=reason, now=timezone.now()))
            else:
                sanctions.ban(
                    user_id, Command(by=by, reason=reason, now=timezone.now()), until=None
                )
            for receiver in receivers:
                at = _wait_for(receiver, reason)
                if at is None:
                    errors.append(
                        f"{receiver.kind}: {reason!r} did not arrive within {TIMEOUT:.0f} s"
                    )
                else:
                    seconds.append(at - started)
        errors += [error for receiver in receivers for error in receiver.errors]
    return errors, statistics.median(seconds) if seconds else TIMEOUT


def _wait_for(receiver: Receiver, text: str) -> float | None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        if (at := receiver.received_at(text)) is not None:
            return at
        time.sleep(0.005)
    return None


@contextmanager
def _endpoints() -> Iterator[list[Receiver]]:
    from audits.record import Actor
    from webhooks.endpoints import services
    from webhooks.endpoints.validation import EndpointInput

    actor = Actor("system", "demo", "demo")
    receivers, endpoint_ids = [Receiver(kind) for kind in PATHS], []
    try:
        for receiver in receivers:
            name = f"demo {receiver.kind} {os.getpid()}"
            wanted = EndpointInput(
                name=name, kind=receiver.kind, address=receiver.url, events=["player.*"]
            )
            endpoint, receiver.secret = services.create(wanted, actor=actor)
            endpoint_ids.append(endpoint.pk)
        yield receivers
    finally:
        for pk in endpoint_ids:
            services.delete(pk, actor=actor, reason="the demo is over")
        for receiver in receivers:
            receiver.server.shutdown()
