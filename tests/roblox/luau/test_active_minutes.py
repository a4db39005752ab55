"""Active minutes: what the server sees, what clients can only take away, and what GRPS gets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.roblox.luau.client import Client
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import NIA, Answer, Server, Universe

DAY = "2025-06-15"
MARK = "grps:active(game.Players:GetPlayerByUserId(...))"
BODY = """
    local userId = ...
    local at = 0
    local vector = {}
    vector.__index = function(one, key) return if key == "Magnitude" then math.abs(rawget(one, "x")) else nil end
    vector.__sub = function(one, other) return setmetatable({ x = one.x - other.x }, vector) end
    local root = Instance.new("BasePart")
    root.Name = "HumanoidRootPart"
    local character = Instance.new("Model")
    root.Parent = character
    root.Position = setmetatable({ x = 0 }, vector)
    game.Players:GetPlayerByUserId(userId).Character = character
    while true do
        task.wait(1)
        at += if grps.still then 0 else 2
        root.Position = setmetatable({ x = at }, vector)
    end
"""


class Recorder:
    """GRPS, with the active minutes that it was sent. `refusing`: it refuses these alone."""

    def __init__(self, grps: Grps) -> None:
        self.grps, self.sent, self.refusing = grps, list[dict[str, Any]](), False

    def __call__(self, url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        if url.endswith("/roblox/events"):
            given = json.loads(body)
            if given.get("activity") and self.refusing and not given["events"]:
                return 422, {}, "{}"
            self.sent += given.get("activity") or []
            given["events"] = given["events"] or []
            body = json.dumps(given)
        return self.grps(url, method, headers, body)


@pytest.fixture
def heard(grps: Grps) -> Recorder:
    return Recorder(grps)


@pytest.fixture
def server(heard: Recorder) -> Iterator[Server]:
    made = Universe(http=heard).playing()
    yield made
    assert made.machine.errors == []


def test_who_moves_is_active_and_is_awarded(server: Server, heard: Recorder, grps: Grps) -> None:
    server.do(BODY, NIA)
    server.universe.run(630)
    assert heard.sent[-1]["userId"] == NIA
    assert (heard.sent[-1]["day"], heard.sent[-1]["session"]) == (DAY, server.session(NIA)["epoch"])
    assert heard.sent[-1]["minutes"] in (9, 10)
    assert grps.total(NIA) == 2 * 100  # the policy's event, for each five minutes
    minutes = [one["minutes"] for one in heard.sent]
    assert minutes == sorted(set(minutes))
    server.universe.run(60)
    record = server.universe.record(NIA)
    assert record["sessions"][str(server.session(NIA)["epoch"])]["active"][DAY] in (10, 11)


def test_who_does_nothing_is_not_active(server: Server, heard: Recorder, grps: Grps) -> None:
    server.universe.run(600)
    assert (heard.sent, grps.total(NIA)) == ([], 0)


def test_activity_ends_after_the_policys_seconds(server: Server, heard: Recorder) -> None:
    server.do(MARK, NIA)
    server.universe.run(600)
    assert [one["minutes"] for one in heard.sent] in ([1, 2], [2], [1])


def test_a_client_only_takes_activity_away(server: Server, heard: Recorder) -> None:
    client = Client(server, NIA)
    client.run(40)  # says that its player touches nothing
    for _ in range(10):
        server.machine.call(client._idle, NIA, False)  # a client that claims activity
        server.universe.run(20)
    assert heard.sent == []
    server.machine.call(client._idle, NIA, True)
    server.do(BODY, NIA)
    server.universe.run(600)
    assert [one["minutes"] for one in heard.sent] in ([1], [1, 2])  # until its word counts


def test_a_touch_brings_activity_back(server: Server, heard: Recorder) -> None:
    client = Client(server, NIA)
    server.do(BODY, NIA)
    client.run(200)
    before = heard.sent[-1]["minutes"]
    for _ in range(12):
        client.machine.call(client.outside.get("touch"))
        client.run(10)
    server.universe.run(70)
    assert heard.sent[-1]["minutes"] > before


def test_refused_minutes_do_not_hold_events(server: Server, heard: Recorder, grps: Grps) -> None:
    heard.refusing = True
    server.do(BODY, NIA)
    server.universe.run(130)
    server.award(NIA, "training")
    server.universe.run(10)
    assert grps.total(NIA) == 15_00


def test_without_the_section_nothing_counts(heard: Recorder, grps: Grps) -> None:
    grps.policy["community"].pop("activity")
    made = Universe(http=heard).playing()
    made.do(BODY, NIA)
    made.universe.run(400)
    assert (heard.sent, grps.total(NIA)) == ([], 0)


def test_the_game_may_refuse_the_event_of_activity(heard: Recorder, grps: Grps) -> None:
    start = (
        "(...).canEarn = function(_, kind) return kind ~= 'activity' end "
        "return require(game.ServerScriptService.GRPS).start(...)"
    )
    universe = Universe(http=heard)
    made = Server(universe, {"url": "https://grps.example.org"}, start=start)
    universe.servers.append(made)
    made.join(NIA)
    universe.run(3)
    made.do(BODY, NIA)
    universe.run(400)
    assert heard.sent[-1]["minutes"] >= 5
    assert grps.total(NIA) == 0
