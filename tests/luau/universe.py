"""A universe of game servers: what they share (data stores, queues, messages, GRPS by HTTP), and each one's machine.

Servers run side by side in small steps of the clock, so that they meet where real ones would.
"""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.luau.machine import WORLD, Machine, take

START = 1_750_000_000.0
STEP = 0.25  # seconds that servers run on before the others catch up

Answer = tuple[int, dict[str, str], str]
Http = Callable[[str, str, dict[str, str], str], Answer | None]


def nobody(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
    """GRPS that is away."""
    return None


@dataclass
class Universe:
    """`http`: who answers; `faults`: by kind of data store call, how often (0 to 1) it fails, and is done yet fails."""

    http: Http = nobody
    seed: int = 0
    faults: dict[str, tuple[float, float]] = field(default_factory=dict)
    stores: dict[str, dict[str, str]] = field(default_factory=dict)
    queues: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    kicked: dict[int, str] = field(default_factory=dict)
    servers: list["Server"] = field(default_factory=list)
    now: float = START
    losing_messages: float = 0.0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def server(self, **config: Any) -> "Server":
        """Another server, with GRPS started."""
        made = Server(self, {"url": "https://grps.example.org"} | config)
        self.servers.append(made)
        return made

    def run(self, seconds: float, most: float = STEP) -> None:
        """Let time pass for everybody, in steps of at most so many seconds."""
        until = self.now + seconds
        while self.now < until:
            step = min(most, until - self.now)
            for server in list(self.servers):
                server.machine.step(step)
            self.now += step

    def publish(self, topic: str, message: Any) -> None:
        for server in self.servers:
            if self.dice.random() >= self.losing_messages:
                server.machine.call(server.outside.get("hear"), topic, json.dumps(message))

    def record(self, user_id: int) -> Any:
        text = self.stores.get("GRPS_Points", {}).get(f"player:{user_id}")
        return json.loads(text) if text else None

    def total(self, user_id: int) -> int:
        """What the data store holds of a player, in hundredths."""
        record = self.record(user_id) or {}
        sessions = record.get("sessions") or {}
        folded = record.get("folded") or {"total": 0}
        return int(sum(one["total"] for one in sessions.values()) + folded["total"])

    def fault(self, kind: str) -> str:
        wrong, ambiguous = self.faults.get(kind, (0.0, 0.0))
        found = self.dice.random()
        return "error" if found < wrong else "ambiguous" if found < wrong + ambiguous else ""


class Server:
    """One game server."""

    def __init__(self, universe: Universe, config: dict[str, Any]) -> None:
        self.universe = universe
        self.machine = Machine(now=universe.now)
        self.machine.engine.get("game").set("JobId", uuid.UUID(int=universe.dice.getrandbits(128)).hex)
        services = self.machine._load(WORLD / "services.luau").call()[0]
        self.outside = self.machine.call(services, self.machine.engine, self._host())
        self.grps = self.machine.call(
            self.machine.chunk("return require(game.ServerScriptService.GRPS).start(...)"), config
        )
        self._award = self.machine.chunk(
            "local grps, userId, kind, details = ... "
            "local found = grps.context.store:award(userId, kind, details) return { found.amount, found.reason or '' }"
        )

    def join(self, user_id: int, name: str = "") -> None:
        self.machine.call(self.outside.get("join"), user_id, name or f"player_{user_id}")

    def leave(self, user_id: int) -> None:
        self.machine.call(self.outside.get("leave"), user_id)

    def award(self, user_id: int, kind: str, **details: Any) -> tuple[int, str]:
        """Hundredths, and why it is not the full amount."""
        amount, reason = take(self.machine.call(self._award, self.grps, user_id, kind, details))
        return amount, reason

    def say(self, user_id: int, text: str) -> str:
        """Type something into the chat; what is answered within some seconds."""
        self.machine.call(self.outside.get("say"), user_id, text)
        self.universe.run(2)
        return str(take(self.machine.call(self.outside.get("answer"), user_id)))

    def session(self, user_id: int) -> Any:
        found = self.machine.call(
            self.machine.chunk("local grps, userId = ... return grps.context.store:session(userId)"), self.grps, user_id
        )
        return take(found) if found is not None else None

    def do(self, source: str, *args: Any) -> Any:
        """Run Luau with `grps` in its hands, in a thread of its own."""
        chunk = self.machine.chunk(f"local grps = ... task.spawn(function(...) {source} end, select(2, ...))")
        return take(self.machine.call(chunk, self.grps, *args))

    def close(self) -> None:
        """Shut it down in order, as Roblox does: thirty seconds at most."""
        self.machine.call(self.machine.engine.get("close"))
        for _ in range(120):
            if self.machine.call(self.machine.engine.get("closing")) == 0:
                break
            self.universe.run(STEP)
        self.crash()

    def crash(self) -> None:
        """It is gone, in the middle of whatever it did."""
        self.universe.servers.remove(self)

    def _host(self) -> Any:
        universe, lua = self.universe, self.machine.lua

        def http(url: str, method: str, headers: Any, body: str) -> Any:
            answer = universe.http(url, method, {str(k): str(v) for k, v in take(headers).items()}, body or "")
            if answer is None:
                return None
            return self.machine.give({"StatusCode": answer[0], "Headers": answer[1], "Body": answer[2]})

        functions: dict[str, Callable[..., Any]] = {
            "read": lambda store, key: universe.stores.get(store, {}).get(key),
            "write": lambda store, key, text: universe.stores.setdefault(store, {}).__setitem__(key, text),
            "encode": lambda value: encode(take(value)),
            "decode": lambda text: self.machine.give(without_null(json.loads(text))),
            "fault": universe.fault,
            "count": lambda kind: universe.counts.update([kind]),
            "guid": lambda: str(uuid.UUID(int=universe.dice.getrandbits(128))),
            "secret": lambda name: f"secret of {name}",
            "http": http,
            "enqueue": lambda name, text: universe.queues.setdefault(name, []).append(text),
            "kicked": lambda user_id, message: universe.kicked.__setitem__(user_id, message),
        }
        made = lua.create_table()
        for name, function in functions.items():
            made.set(name, lua.create_function(_called(function)))
        return made


def _called(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def call(lua: Any, args: Any) -> list[Any]:
        return [function(*(str(one) if type(one).__name__ == "String" else one for one in args))]

    return call


def encode(value: Any) -> str:
    """JSON as HttpService writes it: an empty table is a list."""
    return json.dumps(_emptied(value), ensure_ascii=False, separators=(",", ":"))


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _emptied(item) for key, item in value.items()} if value else []
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    return value


def without_null(value: Any) -> Any:
    """JSON as HttpService reads it: null is nothing."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value
