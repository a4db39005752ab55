"""Decisions a second of the Luau modules, and their share of Roblox's budgets."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from bench.results import Result
from players.policy.validation import FILES

CONFIG = Path(__file__).resolve().parent.parent / "config"
DECISIONS = 300_000
GOAL = 100_000  # a second
READ = """
local policy = require(game.ServerScriptService.GRPS.shared.policy)
local points = require(game.ServerScriptService.GRPS.shared.points)
local ranks = require(game.ServerScriptService.GRPS.shared.ranks)
local permissions = require(game.ServerScriptService.GRPS.shared.permissions)
local document, count = ...
local bundle = policy.read(document)
"""
DECIDE = {
    "awards": """
local earner = {
    canEarn = true, membership = "member", known = 0, today = 0, thisWeek = 0, lastCounted = { ko = 0 },
}
local types = { "ko", "wo", "training", "activity" }
for number = 1, count do
    earner.today = number % 60000
    local event = { type = types[number % 4 + 1], at = number * 7, duration = 300, magnitude = 2 }
    points.award(event, earner, bundle.points)
end
""",
    "evaluations of a rank": """
for number = 1, count do
    local rank = bundle.ranks[number % #bundle.ranks + 1].name
    local points_ = number % 2000000
    ranks.evaluate({
        rank = rank, points = points_, rankSince = 0, recommendations = number % 3, sanctioned = number % 7 == 0,
        membership = "member",
    }, bundle, number * 60)
end
""",
    "permissions": """
local acts = { "warn", "adjust", "ban", "promote" }
for number = 1, count do
    local actor = bundle.ranks[number % #bundle.ranks + 1]
    local target = bundle.ranks[number % 5 + 1]
    permissions.may(acts[number % 4 + 1], actor, target, {
        own = false, actorMembership = "member", targetMembership = "member", amount = number % 90000, to = target,
    })
end
""",
}


def decisions() -> Iterator[Result]:
    from tests.roblox.luau.machine import Machine
    from tests.roblox.luau.universe import without_null

    document = {
        key: json.loads((CONFIG / name).read_text(encoding="utf-8")) for key, name in FILES.items()
    }
    machine = Machine()
    given = machine.give({"version": "1"} | without_null(document))
    for kind, source in DECIDE.items():
        decide = machine.chunk(READ + source)
        best = 0.0
        for _ in range(5):
            started = time.perf_counter()
            machine.call(decide, given, DECISIONS)
            best = max(best, DECISIONS / (time.perf_counter() - started))
        yield Result(f"luau: {kind} a second / 100,000", best / GOAL, 1, "higher")


def budgets() -> Iterator[Result]:
    """Measure ten minutes of a hundred players and fifty events a second. Goal: a quarter."""
    from tests.roblox.luau import crowd

    for kind, share in crowd.shares(10).items():
        yield Result(f"luau: {kind} asked for / budget", share, 0.25, "lower")
