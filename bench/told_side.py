"""The part of the demo in which the world is told: a moderator acts, and three receivers on this
machine check it.

One is shaped like Discord, one like Slack, one verifies Standard Webhooks with the example that we
hand to others.
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

PATIENCE = 90.0  # seconds
PATHS = {
    "standard": "/hooks/grps",
    "discord": "/api/webhooks/1/token",
    "slack": "/services/T1/B1/token",
}
ACTS = 10


class Receiver:
    """One receiver of a kind: `complaints` about the form of what came, `came` is when a text was
    first seen.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.secret = kind, ""
        self.complaints: list[str] = []
        self._texts: list[tuple[float, str]] = []
        handler = type("Handler", (_Handler,), {"receiver": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{PATHS[kind]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def came(self, text: str) -> float | None:
        return next((at for at, seen in list(self._texts) if text in seen), None)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Judge a message as the real one would; the status to answer."""
        try:
            message = (
                verify(self.secret, headers, body) if self.kind == "standard" else json.loads(body)
            )
            self.complaints += [f"{self.kind}: {wrong}" for wrong in CHECKS[self.kind](message)]
        except (NotGenuine, ValueError, KeyError, TypeError) as error:
            self.complaints.append(f"{self.kind}: {error!r}")
            return 400
        self._texts.append((time.monotonic(), json.dumps(message, ensure_ascii=False)))
        return 200


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        status = self.receiver.take(
            {name.lower(): value for name, value in self.headers.items()}, body
        )
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


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
    """Ban and pardon a player some times; what did not arrive as it should, and the median of the
    seconds it took.
    """
    from audits.record import Actor
    from players.discipline import sanctions
    from players.moderation.actors import Staff
    from players.moderation.command import Command

    by = Staff(Actor("system", "demo", "demo"), rank=None, alone=True)
    wrong, took = [], []
    with _endpoints() as receivers:
        for number in range(ACTS):
            word = f"demo case {number} of {user_id}"  # nothing that a format would escape
            began = time.monotonic()
            if number % 2:
                sanctions.unban(user_id, Command(by=by, reason=word, now=timezone.now()))
            else:
                sanctions.ban(user_id, Command(by=by, reason=word, now=timezone.now()), until=None)
            for receiver in receivers:
                at = _wait_for(receiver, word)
                if at is None:
                    wrong.append(
                        f"{receiver.kind}: {word!r} did not arrive within {PATIENCE:.0f} s"
                    )
                else:
                    took.append(at - began)
        wrong += [complaint for receiver in receivers for complaint in receiver.complaints]
    return wrong, statistics.median(took) if took else PATIENCE


def _wait_for(receiver: Receiver, word: str) -> float | None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (at := receiver.came(word)) is not None:
            return at
        time.sleep(0.005)
    return None


@contextmanager
def _endpoints() -> Iterator[list[Receiver]]:
    from audits.record import Actor
    from webhooks.endpoints import services
    from webhooks.endpoints.validation import EndpointInput

    actor = Actor("system", "demo", "demo")
    receivers, made = [Receiver(kind) for kind in PATHS], []
    try:
        for receiver in receivers:
            name = f"demo {receiver.kind} {os.getpid()}"
            wanted = EndpointInput(
                name=name, kind=receiver.kind, address=receiver.url, events=["player.*"]
            )
            endpoint, receiver.secret = services.create(wanted, actor=actor)
            made.append(endpoint.pk)
        yield receivers
    finally:
        for pk in made:
            services.delete(pk, actor=actor, reason="the demo is over")
        for receiver in receivers:
            receiver.server.shutdown()
