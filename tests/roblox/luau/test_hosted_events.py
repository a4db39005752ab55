"""Events with a host in a game: commands, presence, reports; and the same rules as GRPS has."""

import os
import random
from typing import Any

import pytest

from players.policy import hosting
from players.policy.bundle import parse_bundle
from players.policy.hosting import PresenceTerms, Span
from players.policy.membership import MembershipStatus
from tests.roblox.luau import cases
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL, MAJOR, evaluate
from tests.roblox.luau.machine import Machine, take
from tests.roblox.luau.test_same_as_python import without_null
from tests.roblox.luau.universe import NIA, Server, Universe

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CASES = 100_000 if NIGHTLY else 500

ASK = """
local hosting = require(game.ServerScriptService.GRPS.shared.hosting)
local answers = {}
for place, one in (...) do
    local found = hosting.presence(one.span, one.least, one.late)
    answers[place] = { hosting.whyNotHost(one.rank, one.status, one.hosts) or "", found.minutes, found.late,
        found.leftEarly, found.attended }
end
return answers
"""


@pytest.fixture
def server(grps: Grps) -> Server:
    universe = Universe(http=grps)
    made = universe.server()
    for user_id, name in ((MAJOR, "Mara"), (ADMIRAL, "Ada"), (NIA, "Nia")):
        made.join(user_id, name)
    universe.run(5)
    return made


def test_a_training_is_started_reported_ended_and_awarded(server: Server, grps: Grps) -> None:
    assert server.say(ADMIRAL, "/grps event start training").startswith("Training started")
    assert "already" in server.say(MAJOR, "/grps event start training")
    server.universe.run(700)
    assert 11 <= len(grps.hosted) <= 13  # once a minute
    assert "Award it" in server.say(ADMIRAL, "/grps event end")
    assert server.say(ADMIRAL, "/grps award all training") == "3 are awarded."
    last = grps.hosted[-1]
    present = {one["userId"]: one["seconds"] for one in last["attendees"]}
    assert set(present) == {MAJOR, NIA}  # the host does not attend
    assert 680 <= present[NIA] <= 705
    assert (last["hostUserId"], last["award"]["byUserId"]) == (ADMIRAL, ADMIRAL)
    assert len({one["id"] for one in grps.hosted}) == 1
    assert [one["revision"] for one in grps.hosted] == [*range(1, len(grps.hosted) + 1)]


def test_members_host_nothing_and_a_host_may_strike(server: Server, grps: Grps) -> None:
    assert "does not host" in server.say(NIA, "/grps event start training")
    server.say(ADMIRAL, "/grps event start training")
    server.universe.run(20)
    assert "Only Ada" in server.say(MAJOR, "/grps event end")
    assert server.say(ADMIRAL, "/grps event strike Nia slept") == "Noted."
    struck = [one["userId"] for one in grps.hosted[-1]["attendees"] if one.get("struck") == "slept"]
    assert struck == [NIA]


def test_everybody_here_is_awarded_at_once(server: Server, grps: Grps) -> None:
    assert server.say(ADMIRAL, "/grps award all training") == "3 are awarded."
    (sent,) = grps.hosted
    assert sent["atOnce"] is True
    assert {one["userId"] for one in sent["attendees"]} == {MAJOR, NIA}
    assert "awards" in server.say(ADMIRAL, "/grps award all nothing_known")


AWARD_ALL = 'grps:awardAll(game:GetService("Players"):GetPlayers(), "training").text'


def test_a_script_awards_all_in_the_name_of_the_host(server: Server, grps: Grps) -> None:
    server.say(ADMIRAL, "/grps event start training")
    server.universe.run(700)
    evaluate(server, f"task.spawn(function() return {AWARD_ALL} end)")
    server.universe.run(5)
    assert grps.hosted[-1]["award"]["byUserId"] == ADMIRAL


def test_a_script_awards_all_without_a_host(server: Server, grps: Grps) -> None:
    assert evaluate(server, AWARD_ALL) == "3 are awarded."
    assert grps.hosted == []
    assert server.session(NIA)["known"] == 15_00


def question(dice: random.Random, ranks: list[Any], levels: list[str]) -> tuple[Any, Any]:
    """Return a question for Luau, and Python's answer."""
    rank, status = dice.choice(ranks), dice.choice([*MembershipStatus])
    hosts = dice.sample(levels, dice.randint(0, len(levels)))
    around = [0, 59, 60, 61, 599, 600, 601, dice.randint(0, 20_000)]
    first, last, seconds, length = (dice.choice(around) for _ in range(4))
    least, late = dice.choice(around), dice.choice(around)
    found = hosting.presence(
        Span(first=first, last=last, seconds=seconds, length=length),
        PresenceTerms(least=least, late=late),
    )
    why = hosting.why_not_host(rank, status, hosts)
    asked = {
        "rank": {"isPunishment": rank.is_punishment, "ignored": rank.ignored, "level": rank.level},
        "status": status.value,
        "hosts": dict.fromkeys(hosts, True) or {"": False},
        "span": {"first": first, "last": last, "seconds": seconds, "length": length},
        "least": least,
        "late": late,
    }
    expected = [str(why or ""), found.minutes, found.late, found.left_early, found.attended]
    return asked, expected


def test_games_and_grps_judge_hosts_and_presence_alike() -> None:
    dice, machine = random.Random(17), Machine()
    bundle = parse_bundle(cases.own())
    ranks, levels = [*bundle.ranks], [*bundle.levels]
    ask = machine.chunk(ASK)
    for _ in range(0, CASES, 500):
        questions = [question(dice, ranks, levels) for _ in range(500)]
        answers = take(machine.call(ask, [asked for asked, _ in questions]))
        assert answers == [expected for _, expected in questions]


CAPS = """
local policy = require(game.ServerScriptService.GRPS.shared.policy)
local sessions = require(game.ServerScriptService.GRPS.server.data.sessions)
local document, acts = ...
local bundle = policy.read(document)
local session = sessions.new({ UserId = 1, Name = "Nia", DisplayName = "" }, "token")
session.rank, session.membership = "Captain I", "member"
local amounts = {}
for place, act in acts do
    if act.hosted ~= nil then
        sessions.setHosted(session, act.at, act.hosted[1], act.hosted[2])
        amounts[place] = 0
    else
        amounts[place] = sessions.award(session, "training", act, bundle, act.at).amount
    end
end
return amounts
"""


def day_and_week(at: int) -> tuple[int, int]:
    day = at // 86_400
    return day, day - (day + 3) % 7


def test_games_and_hosted_awards_share_the_caps() -> None:
    dice, machine, documents = random.Random(18), Machine(), cases.own()
    points = parse_bundle(documents).points
    caps, weight = (points.daily_cap, points.weekly_cap), points.events["training"].weight or 0
    ask = machine.chunk(CAPS)
    told = {"version": "1"} | without_null(cases.for_games(documents))
    for _ in range(CASES // 25):
        at, acts, expected = 1_900_000_000, [], []
        games: list[tuple[int, int]] = []  # moment and amount
        hosted: list[tuple[int, int]] = []
        for _ in range(40):
            at += dice.choice([0, 60, 3600, 20_000, 86_400])
            used = [
                sum(
                    amount
                    for one, amount in games + hosted
                    if day_and_week(one)[span] == day_and_week(at)[span]
                )
                for span in (0, 1)
            ]
            magnitude = dice.choice([1, 2, 8, 30])
            found = hosting.capped(weight * magnitude, used[0], used[1], caps)
            if dice.random() < 0.4:
                hosted.append((at, found))
                ours = [
                    sum(x for one, x in hosted if day_and_week(one)[span] == day_and_week(at)[span])
                    for span in (0, 1)
                ]
                acts.append({"at": at, "hosted": ours})
                expected.append(0)
            else:
                games.append((at, found))
                acts.append({"at": at, "magnitude": magnitude})
                expected.append(found)
        assert take(machine.call(ask, told, acts)) == expected
