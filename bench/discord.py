"""Interactions of Discord compared with views that only do the same reads."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.load import Connection, get, post
from bench.results import Result

ID = 1  # of the application and its guild
REQUESTS = 300
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC_KEY = KEY.public_key().public_bytes_raw().hex()
NUMBERS = itertools.count(time.time_ns() // 1000)
PLAYERS = itertools.count()
Compare = Callable[..., tuple[float, float]]


def discord(port: int, players: int, compare: Compare) -> Iterator[Result]:
    """Compare a ping with a view without work, and /points with a view of the same reads."""
    connection = Connection(port)

    def ours(make: Callable[[], bytes]) -> float:
        return sum(connection.timed([make() for _ in range(REQUESTS)]))

    def user() -> int:
        return 10_000_001 + next(PLAYERS) * 7919 % players

    def points() -> bytes:
        options = [{"name": "player", "type": 3, "value": str(user())}]
        return _signed(type=2, data={"name": "points", "options": options})

    connection.send(get("/bench/bare"))
    pairs: dict[str, tuple[Callable[[], bytes], Callable[[], bytes]]] = {
        "ping / bare view": (lambda: _signed(type=1), lambda: get("/bench/bare")),
        "/points / bare view of the same reads": (
            points,
            lambda: get(f"/bench/facts?player={user()}"),
        ),
    }
    for name, (make, bare) in pairs.items():
        ours(make), ours(bare)
        mine, theirs = compare(lambda make=make: ours(make), lambda bare=bare: ours(bare))
        yield Result(f"discord: {name} (throughput)", theirs / mine, 0.5, "higher")


def _signed(**changes: Any) -> bytes:
    """Return a new interaction of another person, signed as Discord does."""
    number = str(next(NUMBERS))
    interaction = {
        "id": number,
        "application_id": str(ID),
        "guild_id": str(ID),
        "token": "bench",
        "member": {"user": {"id": number}},
    }
    body = json.dumps(interaction | changes).encode()
    timestamp = str(int(time.time()))
    signature = KEY.sign(timestamp.encode() + body).hex()
    headers = {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": timestamp}
    return post("/discord/interactions", body, headers)
