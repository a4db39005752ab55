"""Officers, amounts and small helpers of the tests of the game's modules."""

import json
from typing import Any

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Answer, Http, Server, Universe

MAJOR, ADMIRAL, GENERAL = 1, 2, 3  # officers (conftest.grps)
ZED = 157
KO, TRAINING = 25, 1500  # hundredths
LATE = 3 * 86_400 + 3600  # seconds after which no event of a session may arrive


def events_only(grps: Grps, answer: Any) -> Http:
    """Answer events by answer(events), or as GRPS if that returns None."""

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        said = answer(json.loads(body)["events"]) if url.endswith("/roblox/events") else None
        return said or grps(url, method, headers, body)

    return http


def kinds(grps: Grps) -> set[str]:
    return {line["kind"] for line in grps.lines}


def sending(server: Server) -> bool:
    """Return whether a call with events is in progress."""
    chunk = server.machine.chunk("return (...).context.outbox.busy == true")
    return bool(server.machine.call(chunk, server.grps))


def crashed(universe: Universe) -> Server:
    """Start another server during the lease of a crashed one."""
    universe.playing().crash()
    server = universe.server()
    server.join(NIA)
    universe.run(30)
    assert server.session(NIA)["state"] == "waiting"
    for _ in range(6):
        server.award(NIA, "training")
    return server


def refusing(status: int) -> Http:
    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return status, {}, "{}"

    return http


def warnings(server: Server) -> list[str]:
    return [line for line in server.machine.said if "policy.away" in line]


def evaluate(server: Server, source: str, *args: Any) -> Any:
    chunk = server.machine.chunk(f"local grps, player, given = ... return {source}")
    player = server.machine.call(
        server.machine.chunk(f"return game.Players:GetPlayerByUserId({NIA})")
    )
    return take(server.machine.call(chunk, server.grps, player, *args))


def stay(universe: Universe, kind: str) -> None:
    server = universe.playing()
    server.award(NIA, kind)
    universe.run(8)
    server.close()
