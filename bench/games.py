"""Simulated games of the demo: the modules of roblox/luau in Luau machines, against GRPS.

A day simulates one experience. Players join, earn points and leave; officers send commands. Servers
crash, hang and close; two servers load one player; data stores are throttled and report false
results; responses and messages are lost; GRPS is unavailable for an hour. Simulated time runs
faster than real time.
"""

import json
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

from devserver.emulator import KEY
from tests.roblox.luau.universe import Answer, Server, Universe

STORE, INDEX, TOPIC = "GRPS_Points", "GRPS_Points_Index", "GRPS"
HOME = "https://grps.example.org"  # the games' configured address; Wire sends to the real one
HOUR, TICK = 3600.0, 20.0  # seconds
MAX_PLAYERS = 60  # players of one server
# Seconds for leases of crashed servers to end and for their events to be sent, also after an
# outage.
SETTLING = 3600.0
EVENT_TYPES = ["ko", "wo", "training", "operation", "picnic"]  # the policy has no picnic
WEIGHTS = [50, 15, 8, 5, 0.3]


class Wire:
    """HTTP from the games to GRPS. `away`: an outage. `lossy`: the share of lost responses."""

    def __init__(self, url: str, api_key: str, dice: random.Random) -> None:
        self.client = httpx.Client(base_url=url, headers={"x-grps-api-key": api_key}, timeout=30)
        self.dice = dice
        self.away, self.lossy = False, 0.0
        self.refused: list[str] = []
        self.results: Counter[str] = Counter()

    def __call__(self, url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        if self.away:
            return None
        path = url.removeprefix(HOME)
        given = {name: value for name, value in headers.items() if name != "x-grps-api-key"}
        try:
            answer = self.client.request(method, path, headers=given, content=body.encode() or None)
        except httpx.TransportError:
            time.sleep(0.3)  # a real outage; simulated time must not run ahead
            return None
        self._count_results(path, answer)
        if self.dice.random() < self.lossy:
            self.results["answers lost"] += 1
            return None
        return answer.status_code, dict(answer.headers), answer.text

    def _count_results(self, path: str, answer: httpx.Response) -> None:
        if 400 <= answer.status_code < 500:
            self.refused.append(f"{path}: {answer.status_code} {answer.text}")
        if path != "/roblox/events" or answer.status_code != 200:
            return
        receipt = answer.json()
        self.results["accepted"] += receipt["accepted"]
        self.results["duplicates"] += receipt["duplicates"]
        self.results.update(
            f"{kind}: {one['code']}" for kind in ("rejected", "notices") for one in receipt[kind]
        )


@dataclass
class EmulatedUniverse(Universe):
    """A universe whose data stores, queues, messages and bans are the Open Cloud emulator's."""

    id: int = 0
    roblox: httpx.Client = field(default_factory=httpx.Client)
    last_message: int = 0

    def read(self, store: str, key: str) -> str | None:
        where: dict[str, str | int] = {
            "universeId": self.id,
            "store": store,
            "scope": "global",
            "key": key,
        }
        answer = self.roblox.get("/_emulator/entry", params=where)
        return answer.text if answer.status_code == 200 else None

    def write(self, store: str, key: str, text: str, user_ids: list[int] | None) -> None:
        if user_ids is None:
            self._act("setOrdered", store=store, id=key, value=int(text))
        else:
            self._act(
                "setEntry", store=store, key=key, value=json.loads(text), users=list(user_ids)
            )

    def page(self, store: str, ascending: bool, size: int) -> list[dict[str, Any]]:
        path = f"/cloud/v2/universes/{self.id}/ordered-data-stores/{store}/scopes/global/entries"
        query: dict[str, str | int] = {"maxPageSize": size} | (
            {} if ascending else {"orderBy": "value desc"}
        )
        answer = self.roblox.get(path, params=query, headers={"x-api-key": KEY})
        rows = answer.raise_for_status().json()["orderedDataStoreEntries"]
        return [{"key": row["id"], "value": row["value"]} for row in rows]

    def enqueue(self, queue: str, text: str, seconds: float) -> None:
        self._act("enqueue", queue=queue, data=text, ttl=f"{seconds:.0f}s")

    def waiting(self, queue: str) -> int:
        """Return the number of items left in a queue."""
        answer = self.roblox.get(
            "/_emulator/items", params={"universeId": self.id, "queue": queue}
        ).raise_for_status()
        return int(answer.json()["items"])

    def ban(self, user_id: int, seconds: int, shown: str, private: str) -> None:
        length = {"duration": f"{seconds}s"} if seconds > 0 else {}
        self._act(
            "ban", userId=user_id, active=True, displayReason=shown, privateReason=private, **length
        )
        super().ban(user_id, seconds, shown, private)

    def listen(self) -> None:
        """Deliver what GRPS published to the live servers."""
        where = {"universeId": self.id, "after": self.last_message}
        for one in self.roblox.get("/_emulator/messages", params=where).raise_for_status().json():
            self.last_message = one["id"]
            self.spread(one["topic"], one["message"])

    def _act(self, act: str, **body: Any) -> None:
        answer = self.roblox.post(
            "/_emulator/act", json={"act": act, "universeId": self.id, **body}
        )
        answer.raise_for_status()


def _is_settled(session: Any) -> bool:
    """Return whether a record is loaded, and GRPS and the server know each other's events."""
    return (
        session["state"] == "ready"
        and session["synced"]
        and not session["tail"]
        and not session["inherited"]
    )


def universe(
    wire: Wire, seed: int, began: float, roblox_url: str = "", universe_id: int = 0
) -> Universe:
    """Return the emulator's universe; without an address, one with data stores in memory."""
    if not roblox_url:
        return Universe(http=wire, seed=seed, now=began)
    client = httpx.Client(base_url=roblox_url, timeout=30)
    return EmulatedUniverse(http=wire, seed=seed, now=began, id=universe_id, roblox=client)


@dataclass
class Stay:
    """One planned visit of a player. Times are seconds since the start of the day."""

    user_id: int
    comes: float
    goes: float
    ticks: float = 0.0


@dataclass
class Day:
    """A day in one experience. `disturbed`: players whose last seconds may be lost."""

    key: str
    universe: Universe
    wire: Wire
    players: range
    hours: float
    dice: random.Random
    officers: list[int] = field(default_factory=list)
    earned: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    disturbed: set[int] = field(default_factory=set)
    events: int = 0
    count: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.here: dict[int, Server] = {}
        self.hanging: dict[Server, set[int]] = {}
        self.begin(self.universe.now)
        self.stays = sorted(self._planned(), key=lambda stay: stay.comes)
        self.present: list[Stay] = []
        # GRPS is unavailable for an hour in the middle (a third of a shorter day). The stores are
        # throttled for half an hour after that.
        middle = 0.4 * self.hours * HOUR
        self.away = (middle, middle + min(1.0, self.hours / 3) * HOUR)
        self.throttled = (self.away[1], self.away[1] + HOUR / 2)

    def begin(self, moment: float) -> None:
        """Set the clock before the first player joins."""
        self.universe.now = self.began = moment

    def arrive(self, users: list[int]) -> None:
        """Let all users join one server for the first time, and leave."""
        server = self.universe.server()
        for user_id in users:
            server.join(user_id, f"citizen_{user_id}")
        self.universe.run(60 + len(users) / 2, most=1)  # a server asks GRPS 120 times a minute
        for user_id in users:
            self._award(server, user_id, "activity", duration=300)
        while any(one["tail"] or not one["sequence"] for one in map(server.session, users)):
            self.universe.run(20, most=1)  # until GRPS knows all players
        server.close()

    def _planned(self) -> list[Stay]:
        stays = []
        for user_id in self.players:
            moment = self.dice.uniform(0, 0.5) * self.hours * HOUR
            for _ in range(self.dice.choice([0, 1, 1, 1, 2])):
                length = self.dice.uniform(600, 2400)
                stays.append(Stay(user_id, moment, min(moment + length, self.hours * HOUR)))
                # Sometimes they join another server before they have left the first one.
                moment += length + self.dice.choice([-60, 300, 900, 1800])
        return stays

    @property
    def elapsed(self) -> float:
        return self.universe.now - self.began

    def is_over(self) -> bool:
        return self.elapsed >= self.hours * HOUR

    def advance(self) -> None:
        """Play for one tick."""
        now = self.elapsed
        self.wire.away = self.away[0] <= now < self.away[1]
        self.universe.losing_messages, self.wire.lossy = 0.3, 0.05
        rate = (0.2, 0.1) if self.throttled[0] <= now < self.throttled[1] else (0.02, 0.02)
        self.universe.faults = dict.fromkeys(
            ("UpdateAsync", "GetAsync", "SetIncrementSortedAsync"), rate
        )
        self._disturb()
        for officer in self.officers:
            if officer not in self.here:
                self._join(officer)
        while self.stays and self.stays[0].comes <= now:
            stay = self.stays.pop(0)
            self._join(stay.user_id)
            self.present.append(stay)
        for stay in list(self.present):
            self._play(stay, now)
        if isinstance(self.universe, EmulatedUniverse):
            self.universe.listen()
        self.universe.run(TICK, most=1)

    def _join(self, user_id: int) -> None:
        """Join a server with free places. The player may still be on another server."""
        before = self.here.get(user_id)
        choice = [one for one in self.universe.servers if not one.hangs_until and one is not before]
        room = [
            one
            for one in choice
            if sum(server is one for server in self.here.values()) < MAX_PLAYERS
        ]
        server = self.dice.choice(room) if room else self.universe.server()
        server.join(user_id, f"citizen_{user_id}")
        self.here[user_id] = server
        self.count["stays"] += 1
        if before is not None and before in self.universe.servers:
            self.count["players wanted by two servers"] += 1
            before.leave(user_id)

    def _play(self, stay: Stay, now: float) -> None:
        server = self.here.get(stay.user_id)
        if now >= stay.goes or server is None:
            self.present.remove(stay)
            if server is not None:
                server.leave(stay.user_id)
                del self.here[stay.user_id]
            return
        if server.hangs_until:
            return
        if now >= stay.ticks:
            if stay.ticks:
                self._award(server, stay.user_id, "activity", duration=300)
            stay.ticks = now + 300
        if self.dice.random() < 0.3:
            self._award(server, stay.user_id, self.dice.choices(EVENT_TYPES, WEIGHTS)[0])
        if self.dice.random() < 0.01:
            near = [officer for officer in self.officers if self.here.get(officer) is server]
            if near:
                self._award(server, stay.user_id, "recommendation", actor=self.dice.choice(near))

    def _award(self, server: Server, user_id: int, kind: str, **details: Any) -> None:
        amount, reason = server.give(user_id, kind, **details)
        self.earned[user_id] += amount
        self.events += reason not in {"NO_SESSION", "UNKNOWN_TYPE"}
        if reason == "WAITING":
            self.disturbed.add(user_id)  # only the game knows its points

    def _disturb(self) -> None:
        for server in [one for one in self.hanging if not one.hangs_until]:
            for user_id in self.hanging.pop(server):
                server.leave(user_id)  # they were disconnected long before
        for server in [one for one in self.universe.servers if not one.hangs_until]:
            fate = self.dice.random()
            if fate < 0.0015:
                self.count["servers crashed"] += 1
                self.disturbed |= self._empty(server)
                server.crash()
            elif fate < 0.003:
                self.count["servers that hung for ten minutes"] += 1
                self.hanging[server] = self._empty(server)
                self.disturbed |= self.hanging[server]
                server.hang(600)
            elif fate < 0.0045:
                self.count["servers closed"] += 1
                self._empty(server)
                server.close()

    def _empty(self, server: Server) -> set[int]:
        """Remove the players of a lost server and let them rejoin later. Returns their user ids."""
        gone = {user_id for user_id, one in self.here.items() if one is server}
        for user_id in gone:
            del self.here[user_id]
        for stay in [one for one in self.present if one.user_id in gone]:
            self.present.remove(stay)
            if stay.goes - self.elapsed > 120:
                self.stays.insert(0, Stay(stay.user_id, self.elapsed + 10, stay.goes))
        self.stays.sort(key=lambda stay: stay.comes)
        return gone

    def end(self) -> None:
        """Close all servers in order."""
        self.universe.faults, self.universe.losing_messages = {}, 0.0
        self.wire.away, self.wire.lossy = False, 0.0
        for server in list(self.universe.servers):
            server.close()
        self.here.clear()

    def rejoin_all(self) -> list[str]:
        """Let everybody join once more, so that events left by crashed servers are sent.

        Returns a sentence for each player whose record was not settled afterwards.
        """
        last = self.universe.server()
        waiting = {*self.players, *self.officers}
        for user_id in waiting:
            last.join(user_id, f"citizen_{user_id}")
        for _ in range(round(SETTLING / TICK)):
            self.universe.run(TICK, most=1)
            waiting = {user_id for user_id in waiting if not _is_settled(last.session(user_id))}
            if not waiting:
                break
        last.close()
        return [f"{self.key}: player {user_id} is not settled" for user_id in sorted(waiting)]

    def officer_says(self, officer: int, text: str) -> str:
        """Send a chat command and return its answer. The officer joins first where necessary."""
        while officer not in self.here or self.here[officer].hangs_until:
            self._join(officer)
            self.universe.run(8, most=1)
        return self.here[officer].say(officer, text)

    def shown_points(self, users: list[int]) -> dict[int, float]:
        """Return the points that the game shows to players."""
        server = self.universe.server()
        for user_id in users:
            server.join(user_id, f"citizen_{user_id}")
        self.universe.run(60, most=1)
        shown = {user_id: max(0, server.session(user_id)["known"]) / 100 for user_id in users}
        server.close()
        return shown
