"""A player's client in its own Luau machine: tests read its screen, press buttons and type."""

import json
from typing import Any

from tests.roblox.luau.machine import WORLD, Machine, take
from tests.roblox.luau.universe import STEP, Server, without_null

COPIED = """
    local function told(instance)
        local found = { kind = instance.ClassName, path = instance.path, below = {} }
        found.attributes = instance:GetAttributes()
        for _, child in instance:GetChildren() do found.below[child.Name] = told(child) end
        return found
    end
    return told(game.ReplicatedStorage.GRPSClient)
"""
ANSWER = (
    "local userId, question, given = ... local found = {} "
    "local player = game.Players:GetPlayerByUserId(userId) "
    "task.spawn(function() found[1] = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, question, given) end) "
    "return found"
)

IDLE = (
    "local userId, still = ... local player = game.Players:GetPlayerByUserId(userId) "
    "game.ReplicatedStorage.GRPSIdle.OnServerEvent:Fire(player, still)"
)


class Client:
    """A client. `asked`: the questions that it sent. Its questions fail while it is `deaf`."""

    def __init__(self, server: Server, user_id: int, locale: str = "en-us") -> None:
        self.server, self.user_id, self._locale = server, user_id, locale
        self.asked: list[tuple[str, Any]] = []
        self.deaf = False
        self._answers: list[Any] = []
        self._answer = server.machine.chunk(ANSWER)
        self._idle = server.machine.chunk(IDLE)
        self._told = 0
        self.machine = Machine({}, now=server.universe.now)
        world = self.machine._load(WORLD / "client.luau").call()[0]
        self.outside = self.machine.call(world, self.machine.engine, self._host(), user_id)
        self._replicate()
        self.machine.require("ReplicatedStorage.GRPSClient.client.run")

    def run(self, seconds: float) -> None:
        until = self.server.universe.now + seconds
        while self.server.universe.now < until:
            self.server.universe.run(STEP)
            self._hear()
            self.machine.step(STEP)

    def press(self, text: str) -> None:
        self._do("press", text)

    def type(self, placeholder: str, text: str, *, enter: bool = False) -> None:
        self._do("type", placeholder, text, enter)

    def key(self, name: str = "F6", *, handled: bool = False, gamepad: bool = False) -> None:
        self._do("key", name, handled, gamepad)

    @property
    def selected(self) -> str | None:
        """Return the text of what a gamepad selects."""
        found: str | None = take(self.machine.call(self.outside.get("selected")))
        return found

    @property
    def shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = take(self.machine.call(self.outside.get("shown")))
        return found

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.shown if one["text"]]

    @property
    def buttons(self) -> list[str]:
        return [one["text"] for one in self.shown if one["class"] == "TextButton"]

    @property
    def boxes(self) -> list[str]:
        return [one["placeholder"] for one in self.shown if one["class"] == "TextBox"]

    def _replicate(self) -> None:
        """Give this machine the package's copy that the server made for clients."""
        copy = take(self.server.machine.call(self.server.machine.chunk(COPIED)))
        place = self.machine.engine.get("game")
        storage = self.machine.lua.load_chunk("return (...).ReplicatedStorage").call(place)[0]
        self.machine.plant_copy("GRPSClient", copy, storage)

    def _do(self, name: str, *args: Any) -> None:
        self.machine.call(self.outside.get(name), *args)
        self.run(2)

    def _hear(self) -> None:
        """Pass the server's new notifications for this player to the client."""
        source = "local sent, userId = game.ReplicatedStorage.GRPSTold.sent, ... local mine = {} "
        source += "for _, one in sent do if one[1].UserId == userId then table.insert(mine, one[2]) end end return mine"
        told = take(self.server.machine.call(self.server.machine.chunk(source), self.user_id)) or []
        for text in told[self._told :]:
            self.machine.call(self.outside.get("tell"), text)
        self._told = len(told)

    def _host(self) -> Any:
        lua = self.machine.lua

        def ask(_: Any, args: Any) -> list[Any]:
            question, given = take(args[0]), take(args[1]) if len(args) > 1 else None
            self.asked.append((question, given))
            found = (
                None
                if self.deaf
                else self.server.machine.call(self._answer, self.user_id, question, given)
            )
            self._answers.append(found)
            return [len(self._answers) - 1]

        def answer(_: Any, args: Any) -> list[Any]:
            found = self._answers[int(args[0])]
            if found is None:
                return [False]
            said = found.get(1)
            return [None if said is None else self.machine.give(take(said))]

        def decode(_: Any, args: Any) -> list[Any]:
            return [self.machine.give(without_null(json.loads(str(args[0]))))]

        made = lua.create_table()
        made.set("ask", lua.create_function(ask))
        made.set("answer", lua.create_function(answer))

        def idle(_: Any, args: Any) -> list[Any]:
            self.server.machine.call(self._idle, self.user_id, bool(args[0]))
            return []

        made.set("idle", lua.create_function(idle))
        made.set("locale", self._locale)
        made.set("decode", lua.create_function(decode))
        return made
