"""Games (roblox/luau/shared) and GRPS (players/policy) decide the same for any policy and player.

Only games decide awards. Theirs equal the reference model's (tests/players/policy) and violate no
rule of the server.
"""

import os
import random
from typing import Any

import pytest

from players.policy.bundle import parse_bundle
from players.policy.validation import PolicyError
from tests.roblox.luau import cases
from tests.roblox.luau.machine import Machine, take

SHARED = "ServerScriptService.GRPS.shared"
# About half of them are broken on purpose, where both sides must only refuse.
POLICIES = 6000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 120
QUESTIONS = 40  # of each valid policy: more than 2,000 in all, and more than 100,000 at night
CHUNK = 200  # policies for each machine

ASK = """
local shared = game.ServerScriptService.GRPS.shared
local permissions, points, policy, ranks, membership = require(shared.permissions), require(shared.points),
    require(shared.policy), require(shared.ranks), require(shared.membership)
local sessions = require(game.ServerScriptService.GRPS.server.data.sessions)
local document, questions = ...
local bundle, problems = policy.read(document)
if bundle == nil then
    return { refused = policy.describe(problems) }
end
local asked = {}
function asked.award(one)
    local found = points.award(one.event, one.earner, bundle.points)
    return { found.amount, found.reason or "", points.dayOf(one.event.at), points.weekOf(one.event.at) }
end
function asked.stream(one)
    local session = sessions.new({ UserId = 1, Name = "Nia", DisplayName = "" }, "token")
    session.rank, session.membership, session.unknownSince = one.rank, one.membership, one.unknownSince
    session.others, session.elsewhere, session.adjusted.total = one.others, one.elsewhere, one.adjusted
    sessions.recount(session)
    local amounts, reasons, wrong = {}, {}, false
    for place, event in one.events do
        local found = sessions.award(session, event.type, event, bundle, event.at)
        amounts[place], reasons[place] = found.amount, found.reason or ""
        wrong = wrong or found.reason ~= nil
    end
    return { amounts, reasons, session.total, session.kos, session.wos, wrong,
        math.max(0, session.known) }
end
function asked.sums(one)
    return { points.balance(one.sums, one.adjusted), points.losable(one.sums[1], one.elsewhere, one.adjusted) }
end
function asked.evaluate(one)
    local lock = ranks.lockBefore(one.locks, ranks.nextAfter(one.standing.rank, bundle), one.now)
    one.standing.locked = lock ~= nil
    local found = ranks.evaluate(one.standing, bundle, one.now)
    local missing = found.missing
    local target = if found.target then found.target.name else ""
    return { found.kind or "", target, found.automatic, table.concat(found.failed, ","), missing.points, missing.days,
        missing.recommendations, found.dueAt or -1, (table.find(one.locks, lock) or 0) - 1 }
end
function asked.may(one)
    one.details.to = bundle.byName[one.to]
    if one.details.secondAbove ~= nil then
        one.details.secondAbove = bundle.secondAbove
    end
    local found = permissions.may(one.act, bundle.byName[one.actor], bundle.byName[one.target], one.details)
    return { found.allowed, found.needsSecondPerson, found.reason or "" }
end
function asked.belonging(one)
    return { membership.belongs(one.state), membership.earns(one.state, one.unknownFor),
        membership.isIgnored(one.roles, bundle.ignoredRoles) }
end
function asked.sanction(one)
    local expires = permissions.warningExpires(one.start, bundle.punishments)
    return { permissions.sanctionFor(one.warnings, bundle.punishments),
        permissions.suspensionEnds(one.start, bundle.punishments), expires or -1 }
end
local answers = {}
for place, one in questions do
    answers[place] = asked[one.ask](one)
end
return { answers = answers }
"""


def without_null(value: Any) -> Any:
    """Remove null values, as a game's JSON decoder does."""
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_null(item) for item in value]
    return value


def disagreement(machine: Machine, ask: Any, dice: random.Random) -> str:
    """Return the first question of a random policy that both answer differently, or ""."""
    documents = cases.own() if dice.random() < 0.1 else cases.policy(dice)
    if dice.random() < 0.5:
        documents = cases.broken(dice, documents)
    try:
        bundle = parse_bundle(documents)
    except PolicyError as error:
        answer = take(
            machine.call(ask, {"version": "1"} | without_null(cases.for_games(documents)), [])
        )
        if "refused" in answer or _is_valid(cases.without_unsent(documents)):
            return ""
        return f"Python refuses it, Luau does not: {error}\n{documents}"
    asked = [cases.question(dice, bundle) for _ in range(QUESTIONS)]
    answer = take(
        machine.call(
            ask,
            {"version": "1"} | without_null(cases.for_games(documents)),
            [without_null(one) for one, _ in asked],
        )
    )
    if "refused" in answer:
        return f"Luau refuses it, Python does not: {answer['refused']}\n{documents}"
    for (one, expected), found in zip(asked, answer["answers"], strict=True):
        if found != expected or str(found) != str(expected):
            return f"{one}: Luau says {found}, Python says {expected}\n{documents}"
        if law := cases.broken_law(one, found, bundle):
            return f"{one}: the server objects to {found}: {law}\n{documents}"
    return ""


def _is_valid(documents: cases.Documents) -> bool:
    try:
        parse_bundle(documents)
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("first", range(0, POLICIES, CHUNK))
def test_both_decide_the_same(first: int) -> None:
    machine = Machine()
    ask = machine.chunk(ASK)
    for seed in range(first, min(first + CHUNK, POLICIES)):
        found = disagreement(machine, ask, random.Random(seed))
        assert not found, f"seed {seed}: {found}"


MUTATIONS = (
    ("points", "event.at - last < kind.cooldown", "event.at - last <= kind.cooldown"),
    ("points", "event.duration < kind.shortest", "event.duration <= kind.shortest"),
    ("points", "full <= math.min(today, thisWeek)", "full < math.min(today, thisWeek)"),
    ("points", "if thisWeek <= today then", "if thisWeek < today then"),
    ("points", "-math.max(0, earner.known)) + 0", "-math.max(0, earner.known))"),
    ("points", "total += math.max(0, sum)", "total += sum"),
    ("points", "math.min(own, points.balance", "math.max(own, points.balance"),
    ("points", "(day + 3) % 7", "(day + 4) % 7"),
    ("points", "full = multipliers.multiplied", "local _ = multipliers.multiplied"),
    ("multipliers", "at < one.ends", "at <= one.ends"),
    ("multipliers", "at >= one.starts", "at > one.starts"),
    ("multipliers", "highest = math.max(highest, one.factor)", "highest = one.factor"),
    ("multipliers", "or one.events[eventType]", "or true"),
    ("multipliers", "amount % ONE * by // ONE", "0"),
    ("multipliers", "year % 400 == 0", "year % 4000 == 0"),
    ("community", "one.after <= last", "one.after < last"),
    ("community", "points[found.shortest] == 0", "false"),
    ("community", "checks.number(30, 3600, true)", "checks.number(29, 3600, true)"),
    ("ranks", "state.points >= rank.minPoints", "state.points > rank.minPoints"),
    ("ranks", "math.ceil(left / DAY)", "math.floor(left / DAY)"),
    ("ranks", "#failed == 0 and not target.privileged", "#failed == 0"),
    ("ranks", "one.ends > now", "one.ends >= now"),
    ("ranks", "one.rank == target.name", "true"),
    ("permissions", "target.position >= actor.position", "target.position > actor.position"),
    ("permissions", "> limit", ">= limit"),
    ("permissions", "> (details.secondAbove", ">= (details.secondAbove"),
    (
        "policy",
        "else hundredths(document.permissions.secondPersonAbove)",
        "else permissions.SECOND_ABOVE",
    ),
    (
        "permissions",
        "warnings >= punishments.severeThreshold",
        "warnings > punishments.severeThreshold",
    ),
    ("membership", "unknownFor < UNKNOWN_EARNS", "unknownFor <= UNKNOWN_EARNS"),
    ("membership", 'state == "member"', 'state ~= "left"'),
    ("membership", "#roleNames > 0", "true"),
    ("permissions", "recommend = true, propose = true", "propose = true"),
    ("permissions", "suspend = true, ban = true", "suspend = true"),
    ("policy", "rank.minPoints <= below.minPoints", "rank.minPoints < below.minPoints"),
    ("document_checks", "length > most", "length >= most"),
    ("policy", "document.dailyCap > document.weeklyCap", "false"),
    ("policy", "math.round(amount * 100)", "math.floor(amount * 100)"),
)


@pytest.mark.parametrize(("module", "old", "new"), MUTATIONS)
def test_a_boundary_that_is_off_by_one_is_found(module: str, old: str, new: str) -> None:
    """The comparison must find every one of these defects."""
    changed = []

    def mutate(path: str, source: str) -> str:
        if not path.endswith(f"/{module}.luau"):
            return source
        assert source.count(old) == 1, f"{path}: {old!r} stands there {source.count(old)} times"
        changed.append(path)
        return source.replace(old, new)

    machine = Machine(mutate=mutate)
    ask = machine.chunk(ASK)
    assert any(disagreement(machine, ask, random.Random(seed)) for seed in range(6000))
    assert changed
