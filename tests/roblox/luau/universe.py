"""Game servers and what they share: data stores, queues, messages, and GRPS over HTTP.

Servers run side by side in small steps of the clock, so that their calls interleave as in reality.
"""

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.roblox.luau.machine import PLACE, WORLD, Machine, Tree, read_tree, take

START = 1_750_000_000.0
NIA = 156  # a player without a role in the test
OWN = "return require(game.ServerScriptService.GRPS).start(...)"
PARTS = "game.Workspace.Finish.Touched = Instance.new('BindableEvent').Event "
EXAMPLE = (
    "require(game.ServerScriptService.Example) return require(game.ServerScriptService.GRPS).get()"
)
ASK = """
    local userId, question, given = ...
    local player = game.Players:GetPlayerByUserId(userId)
    task.spawn(function()
        player.answer = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, question, given)
    end)
    return player
"""
STEP = 0.25  # seconds that one server runs before the next

Answer = tuple[int, dict[str, str], str]
Http = Callable[[str, str, dict[str, str], str], Answer | None]


def nobody(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
    """Answer nothing, as GRPS during an outage."""
    return None


@dataclass
class Universe:
    """An experience. `http` answers requests.

    `faults`: by kind of data store call, the share (0 to 1) that fails, and the share that is done
    but reported as failed.
    """

    http: Http = nobody
    seed: int = 0
    faults: dict[str, tuple[float, float]] = field(default_factory=dict)
    stores: dict[str, dict[str, str]] = field(default_factory=dict)
    queues: dict[str, list[str]] = field(default_factory=dict)
    expiries: dict[str, float] = field(default_factory=dict)  # by item of a queue
    stored: int = 0  # bytes in the queues at the last insertion
    counts: Counter[str] = field(default_factory=Counter)
    kicked: dict[int, str] = field(default_factory=dict)
    servers: list["Server"] = field(default_factory=list)
    now: float = START
    losing_messages: float = 0.0
    in_studio: bool = False
    private: bool = False  # whether servers that start now are private
    secrets: set[str] = field(default_factory=lambda: {"GRPS_KEY"})
    bans: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    usernames: dict[str, int] = field(
        default_factory=dict
    )  # Roblox's users in lower case, for players on no server
    latency: dict[str, float] = field(
        default_factory=dict
    )  # seconds, by "stores" and "http"; default 0.1
    budgets_told: tuple[str, ...] = ("newer", "older")  # names of budget types in use

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def server(self, **config: Any) -> "Server":
        """Start another server with GRPS."""
        made = Server(self, {"url": "https://grps.example.org"} | config)
        self.servers.append(made)
        return made

    def playing(self, *user_ids: int) -> "Server":
        """Start another server, with these players (or Nia) ready to earn."""
        server = self.server()
        for user_id in user_ids or (NIA,):
            server.join(user_id)
        self.run(3)
        return server

    def example(self, before: str = "", present: tuple[int, ...] = ()) -> "Server":
        """Start a server of the example experience, whose script starts GRPS.

        `before`: Luau to run first. `present`: players who are there already.
        """
        made = Server(
            self, {}, read_tree("example.project.json"), PARTS + before + EXAMPLE, present
        )
        self.servers.append(made)
        return made

    def run(self, seconds: float, most: float = STEP) -> None:
        """Advance the clock of all servers, in steps of at most `most` seconds."""
        until = self.now + seconds
        while self.now < until:
            step = min(most, until - self.now)
            self.now += step
            for server in list(self.servers):
                server.catch_up()

    def page(self, store: str, ascending: bool, size: int) -> list[dict[str, Any]]:
        """Return the first entries of an ordered store: [{key, value}]."""
        rows = [(int(text), key) for key, text in self.stores.get(store, {}).items()]
        rows.sort(reverse=not ascending)
        return [{"key": key, "value": value} for value, key in rows[:size]]

    def publish(self, topic: str, message: Any) -> None:
        """Send a message of GRPS to all servers."""
        self.spread(topic, json.dumps(message))

    def spread(self, topic: str, text: str) -> None:
        """Send a text on a topic to all servers. Some messages are lost."""
        for server in self.servers:
            if self.dice.random() >= self.losing_messages:
                server.machine.call(server.outside.get("hear"), topic, text)

    def read(self, store: str, key: str) -> str | None:
        """Return the JSON of an entry, or None."""
        return self.stores.get(store, {}).get(key)

    def write(self, store: str, key: str, text: str, user_ids: list[int] | None) -> None:
        """Write an entry. `user_ids` is None for an ordered store."""
        self.stores.setdefault(store, {})[key] = text

    def enqueue(self, queue: str, text: str, seconds: float) -> None:
        """Add an item to a MemoryStore queue for `seconds`. Raises above the experience's quota."""
        for name, items in self.queues.items():
            self.queues[name] = [
                item for item in items if self.expiries.get(item, self.now) >= self.now
            ]
        self.stored = sum(len(item) for items in self.queues.values() for item in items) + len(text)
        if self.stored > 64 * 1024 + 1200 * sum(len(server.present) for server in self.servers):
            raise RuntimeError("MemoryLimitExceeded: the quota of the experience is used up")
        self.queues.setdefault(queue, []).append(text)
        self.expiries[text] = self.now + seconds

    def ban(self, user_id: int, seconds: int, shown: str, private: str) -> None:
        """Ban a user; -1 seconds: for ever. Raises in Studio, as Roblox does."""
        if self.in_studio:
            raise RuntimeError("BanAsync is not available in Studio.")
        self.bans[user_id] = (seconds, shown, private)

    def record(self, user_id: int) -> Any:
        text = self.read("GRPS_Points", f"player:{user_id}")
        return json.loads(text) if text else None

    def total(self, user_id: int) -> int:
        """Return a player's sum in the data store, in hundredths."""
        record = self.record(user_id) or {}
        sessions = record.get("sessions") or {}
        folded = record.get("folded") or {"total": 0}
        return int(sum(one["total"] for one in sessions.values()) + folded["total"])

    def fault(self, kind: str) -> str:
        wrong, ambiguous = self.faults.get(kind, (0.0, 0.0))
        found = self.dice.random()
        if found >= wrong + ambiguous:
            return ""
        self.counts["failed"] += 1
        return "error" if found < wrong else "ambiguous"


class Server:
    """One game server."""

    def __init__(
        self,
        universe: Universe,
        config: dict[str, Any],
        tree: Tree = PLACE,
        start: str = OWN,
        present: tuple[int, ...] = (),
    ) -> None:
        self.universe = universe
        self.at, self.hangs_until = universe.now, 0.0
        self.present: set[int] = set()
        self.machine = Machine(tree, now=universe.now)
        self.machine.engine.get("game").set(
            "JobId", uuid.UUID(int=universe.dice.getrandbits(128)).hex
        )
        if universe.private:
            self.machine.engine.get("game").set("PrivateServerId", "their-own")
            self.machine.engine.get("game").set("PrivateServerOwnerId", 7)
        services = self.machine._load(WORLD / "services.luau").call()[0]
        self.outside = self.machine.call(services, self.machine.engine, self._host())
        for user_id in present:
            self.join(user_id)
        self.grps = self.machine.call(self.machine.chunk(start), config)
        self._award = self.machine.chunk(
            "local grps, userId, kind, details = ... "
            "local found = grps.context.store:award(userId, kind, details) return { found.amount, found.reason or '' }"
        )
        self._give = self.machine.chunk(
            "local grps, userId, kind, details = ... local Players = game:GetService('Players') "
            "local player = Players:GetPlayerByUserId(userId) "
            "if details.actor then details.actor = Players:GetPlayerByUserId(details.actor) end "
            "if player == nil then return { 0, 'NO_SESSION' } end "
            "local found = grps:award(player, kind, details) return { found.amount, found.reason or '' }"
        )

    def catch_up(self) -> None:
        """Run everything up to the universe's time, unless the server hangs."""
        now = self.universe.now
        if now < self.hangs_until:
            return
        if self.hangs_until:
            self.machine.set_clock(now)  # delayed work sees the present time
            self.hangs_until, self.at = 0.0, now
        self.machine.step(now - self.at)
        self.at = now

    def hang(self, seconds: float) -> None:
        """Hang for `seconds`, as an overloaded server does. Its data is outdated afterwards."""
        self.hangs_until = self.universe.now + seconds

    def join(self, user_id: int, name: str = "", display_name: str = "") -> None:
        name = name or f"player_{user_id}"
        self.present.add(user_id)
        self.machine.call(self.outside.get("join"), user_id, name, display_name or name)

    def leave(self, user_id: int) -> None:
        self.present.discard(user_id)
        self.machine.call(self.outside.get("leave"), user_id)

    def leave_over(self, kind: str, count: int) -> None:
        """Let other scripts of the game use a budget until `count` requests are left."""
        self.machine.call(self.outside.get("leaveOver"), kind, count)

    def award(self, user_id: int, kind: str, **details: Any) -> tuple[int, str]:
        """Award an event. Returns hundredths, and the reason if it is less than the full value."""
        amount, reason = take(self.machine.call(self._award, self.grps, user_id, kind, details))
        return amount, reason

    def give(self, user_id: int, kind: str, **details: Any) -> tuple[int, str]:
        """Call `grps:award(player, …)` as the game's script does. `actor` is a player's user id."""
        amount, reason = take(self.machine.call(self._give, self.grps, user_id, kind, details))
        return amount, reason

    def say(self, user_id: int, text: str) -> str:
        """Type into the chat. Returns the answer, or "" after half a minute."""
        self.machine.call(self.outside.get("answer"), user_id)  # forget earlier answers
        self.machine.call(self.outside.get("say"), user_id, text)
        for _ in range(15):
            self.universe.run(2)
            answer = self.told(user_id)
            if answer is not None:
                return answer
        return ""

    def told(self, user_id: int) -> str | None:
        """Return a player's last notification, once."""
        answer = take(self.machine.call(self.outside.get("answer"), user_id))
        return None if answer is None else str(answer)

    def ask(self, user_id: int, *question: Any) -> Any:
        """Ask GRPSAsk as a client. Returns the answer."""
        player = self.machine.call(self.machine.chunk(ASK), user_id, *question)
        self.universe.run(2)
        return take(self.machine.call(self.machine.chunk("return (...).answer"), player))

    def session(self, user_id: int) -> Any:
        found = self.machine.call(
            self.machine.chunk(
                "local grps, userId = ... return grps.context.store:session(userId)"
            ),
            self.grps,
            user_id,
        )
        return take(found) if found is not None else None

    def do(self, source: str, *args: Any) -> Any:
        """Run Luau that may use `grps`, in a new thread."""
        chunk = self.machine.chunk(
            f"local grps = ... task.spawn(function(...) {source} end, select(2, ...))"
        )
        return take(self.machine.call(chunk, self.grps, *args))

    def close(self, *leaving: int) -> None:
        """Shut down within thirty seconds, as Roblox does. `leaving`: players who are removed."""
        self.machine.call(self.machine.engine.get("close"))
        for user_id in leaving:
            self.leave(user_id)
        for _ in range(120):
            if self.machine.call(self.machine.engine.get("closing")) == 0:
                break
            self.universe.run(STEP)
        self.crash()

    def crash(self) -> None:
        """End the server at once, without any shutdown code."""
        self.universe.servers.remove(self)

    def _host(self) -> Any:
        universe, lua = self.universe, self.machine.lua

        def http(url: str, method: str, headers: Any, body: str) -> Any:
            answer = universe.http(
                url, method, {str(k): str(v) for k, v in take(headers).items()}, body or ""
            )
            if answer is None:
                return None
            return self.machine.give(
                {"StatusCode": answer[0], "Headers": answer[1], "Body": answer[2]}
            )

        functions: dict[str, Callable[..., Any]] = {
            "read": universe.read,
            "write": lambda store, key, text, users: universe.write(store, key, text, take(users)),
            "encode": lambda value: encode(take(value)),
            "decode": lambda text: self.machine.give(without_null(json.loads(text))),
            "fault": universe.fault,
            "count": lambda kind: universe.counts.update([kind]),
            "guid": lambda: str(uuid.UUID(int=universe.dice.getrandbits(128))),
            "secret": lambda name: f"secret of {name}" if name in universe.secrets else None,
            "inStudio": lambda: universe.in_studio,
            "http": http,
            "enqueue": universe.enqueue,
            "ban": universe.ban,
            "userIdOf": lambda name: universe.usernames.get(name.lower(), 0),
            "sorted": lambda store, ascending, size: self.machine.give(
                universe.page(store, ascending, int(size))
            ),
            "quote": lambda text: quote(text, safe=""),
            "publish": universe.spread,
            "latency": universe.latency.get,
            "told": lambda names: names in universe.budgets_told,
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
    """Encode JSON as HttpService does: an empty table becomes a list."""
    return json.dumps(_emptied(value), ensure_ascii=False, separators=(",", ":"))


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _emptied(item) for key, item in value.items()} if value else []
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    return value


def without_null(value: Any) -> Any:
    """Decode JSON as HttpService does: null values are dropped."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value
