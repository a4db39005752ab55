"""Clients' questions and the panel's content. No input of a client decides or breaks anything."""

import math
import os
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import evaluate
from tests.roblox.luau.machine import Machine, take
from tests.roblox.luau.universe import NIA, Server, Universe

ZED = 157
EXAMPLES = 2000 if os.environ.get("GRPS_LONG") else 150


@pytest.fixture
def grps() -> Grps:
    made = Grps(names={NIA: "Nia", ZED: "Zed", 9: "Nina", 10: "Niko", 11: "Otto"})
    made.standing = {
        ZED: ("Tempest Major", None),
        9: ("Shock Trooper I", "suspension"),
        10: ("Initiate", None),
    }
    return made


@pytest.fixture
def server(grps: Grps) -> Server:
    universe = Universe(http=grps)
    made = universe.server()
    made.join(NIA, "Nia")
    made.join(ZED, "Zed")
    universe.run(5)
    return made


def test_a_player_sees_their_own_standing_and_what_is_missing(server: Server) -> None:
    server.award(NIA, "training")
    me = server.ask(NIA, "me")
    assert (me["rank"], me["points"], me["next"]) == ("Initiate", 15, "Shock Trooper I")
    assert me["missing"] == {"points": 35, "days": 0, "recommendations": 0}


@pytest.mark.parametrize(
    ("lock", "seen", "told"),
    [
        ({"rank": None, "until": None}, {}, " Your promotions are locked."),
        (
            {"rank": None, "until": "2026-02-03T04:05:06Z"},
            {"ends": 1770091506},
            " Your promotions are locked until 2026-02-03 04:05 UTC.",
        ),
        (
            {"rank": "Shock Trooper I", "until": None},
            {"rank": "Shock Trooper I"},
            " You may not get the rank Shock Trooper I.",
        ),
        ({"rank": "Captain I", "until": None}, None, ""),
        ({"rank": None, "until": "2025-01-01T00:00:00Z"}, None, ""),  # it ended
    ],
)
def test_a_locked_player_is_never_shown_as_due(
    grps: Grps, lock: dict[str, Any], seen: dict[str, Any] | None, told: str
) -> None:
    grps.locks = {NIA: [lock]}
    grps.adjusted[NIA] = (1, 60_00)
    universe = Universe(http=grps)
    server = universe.server()
    server.join(NIA, "Nia")
    universe.run(5)
    assert server.ask(NIA, "me").get("lock") == seen
    said = server.ask(NIA, "command", "me")["text"]
    assert said == f"Initiate, 60 points. Shock Trooper I needs 50 points.{told}"
    found = evaluate(server, f"grps:progress(game.Players:GetPlayerByUserId({NIA}))")
    assert found.get("kind") == (None if told else "promotion")
    assert list(found["failed"]) == (["locked"] if told else [])


def test_the_board_shows_who_is_here_with_the_most_points_first(server: Server) -> None:
    server.award(ZED, "training")
    assert [row["name"] for row in server.ask(NIA, "board")["rows"]] == ["Zed", "Nia"]


def test_an_officer_s_words_go_the_same_way_as_in_the_chat(server: Server) -> None:
    assert server.ask(ZED, "command", "warn Nia spammed the chat") == {"ok": True, "text": "Done."}
    assert server.ask(NIA, "command", "warn Zed why not")["ok"] is False


def test_a_form_goes_the_same_way_as_words(server: Server, grps: Grps) -> None:
    form = {"verb": "warn", "userId": NIA, "reason": "  spammed the chat "}
    assert server.ask(ZED, "act", form) == {"ok": True, "text": "Done."}
    assert server.ask(ZED, "command", "warn Nia spammed the chat") == {"ok": True, "text": "Done."}
    one, other = grps.commands
    for name in ("id", "occurredAt"):
        assert one.pop(name) != other.pop(name)
    assert one == other


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"verb": "suspend", "userId": NIA, "duration": "7d", "reason": "x"}, "suspend Nia 7d x"),
        ({"verb": "ban", "userId": NIA, "duration": "perm", "reason": "x"}, "ban Nia perm x"),
        ({"verb": "ban", "userId": NIA, "reason": "x"}, "ban Nia x"),
        ({"verb": "adjust", "userId": NIA, "amount": -12.5, "reason": "x"}, "adjust Nia -12.5 x"),
        (
            {"verb": "rank", "userId": NIA, "rank": "shock trooper ii", "reason": "x"},
            "rank Nia Shock Trooper II x",
        ),
        ({"verb": "lock", "userId": NIA, "duration": "7d", "reason": "x"}, "lock Nia 7d x"),
        ({"verb": "unlock", "userId": NIA, "reason": "x"}, "unlock Nia x"),
        (
            {"verb": "deny", "userId": NIA, "rank": "Captain I", "reason": "x"},
            "deny Nia Captain I x",
        ),
        (
            {"verb": "allow", "userId": NIA, "rank": "Captain I", "reason": "x"},
            "allow Nia captain i x",
        ),
    ],
)
def test_every_field_means_what_the_words_mean(
    server: Server, grps: Grps, form: dict[str, Any], words: str
) -> None:
    stand(server, ZED, "Supreme Admirals")
    assert server.ask(ZED, "act", form)["ok"] is True
    one = grps.commands.pop()
    server.universe.run(1 - server.universe.now % 1)
    assert server.ask(ZED, "command", words)["ok"] is True
    other = grps.commands.pop()
    untimed = {"id", "occurredAt", "until"}
    assert {key: one[key] for key in one if key not in untimed} == {
        key: other[key] for key in other if key not in untimed
    }
    assert ("until" in one) is ("until" in other) is (form.get("duration") == "7d")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (None, "A command has"),
        ("warn Nia x", "A command has"),
        ([1, 2], "no such field"),
        ({}, "Say what to do"),
        ({"verb": "fly"}, "fly is unknown"),
        ({"verb": "x" * 81}, "too long or not readable"),
        ({"verb": 7}, "must be a string"),
        ({"verb": "warn", "userId": NIA}, "Say why"),
        ({"verb": "warn", "userId": NIA, "reason": "   "}, "Say why"),
        ({"verb": "warn", "userId": NIA, "reason": "x" * 501}, "too long"),
        ({"verb": "warn", "userId": NIA, "reason": {"a": {"a": {}}}}, "must be a string"),
        ({"verb": "warn", "userId": str(NIA), "reason": "x"}, "must be a number"),
        ({"verb": "warn", "userId": 1.5, "reason": "x"}, "Say whom"),
        ({"verb": "warn", "userId": math.nan, "reason": "x"}, "Say whom"),
        ({"verb": "warn", "userId": math.inf, "reason": "x"}, "Say whom"),
        ({"verb": "warn", "userId": -NIA, "reason": "x"}, "Say whom"),
        ({"verb": "warn", "reason": "x"}, "Say whom"),
        ({"verb": "warn", "userId": NIA, "reason": "x", "admin": True}, "no such field"),
        ({"verb": "warn", "userId": NIA, "reason": "x", "amount": 5}, "warn takes no amount"),
        ({"verb": "announce", "userId": NIA, "reason": "x"}, "announce takes no userId"),
        ({"verb": "adjust", "userId": NIA, "reason": "x"}, "Say how many points"),
        (
            {"verb": "adjust", "userId": NIA, "reason": "x", "amount": math.nan},
            "Say how many points",
        ),
        (
            {"verb": "adjust", "userId": NIA, "reason": "x", "amount": -math.inf},
            "Say how many points",
        ),
        ({"verb": "adjust", "userId": NIA, "reason": "x", "amount": 0}, "Say how many points"),
        ({"verb": "ban", "userId": NIA, "reason": "x", "duration": "soon"}, "Say for how long"),
        ({"verb": "ban", "userId": NIA, "reason": "x", "duration": "0m"}, "Say for how long"),
        ({"verb": "rank", "userId": NIA, "reason": "x", "rank": "Emperor"}, "Say which rank"),
        ({"verb": "award", "userId": NIA, "event": "picnic"}, "Say which event"),
        (
            {"verb": "award", "userId": NIA, "event": "training", "reason": "x"},
            "award takes no reason",
        ),
        ({"verb": "warn", "userId": ZED, "reason": "x"}, "nobody acts on themselves"),
        ({"verb": "ban", "userId": NIA, "reason": "x"}, "does not entitle"),
    ],
)
def test_a_form_is_checked_field_by_field(
    server: Server, grps: Grps, form: Any, words: str
) -> None:
    answer = server.ask(ZED, "act", form)
    assert answer["ok"] is False
    assert words in answer["text"]
    assert grps.commands == []
    assert server.machine.errors == []


def stand(server: Server, user_id: int, rank: str) -> None:
    server.universe.publish("GRPS", {"grps": 1, "userId": user_id, "standing": {"rank": rank}})


def test_officers_get_their_verbs_and_others_none(server: Server) -> None:
    assert server.ask(NIA, "me")["officer"] is False
    assert not server.ask(NIA, "me")["verbs"]
    me = server.ask(ZED, "me")
    assert me["officer"] is True
    assert {one["verb"]: one.get("wants") for one in me["verbs"]} == {
        "announce": None,
        "lift": None,
        "note": None,
        "pardon": None,
        "rank": "rank",
        "recommend": None,
        "suspend": "duration",
        "warn": None,
    }
    stand(server, ZED, "Supreme Admirals")
    assert {"adjust", "award", "ban", "unban", "lock", "unlock", "deny", "allow"} <= {
        one["verb"] for one in server.ask(ZED, "me")["verbs"]
    }


def test_an_officer_finds_who_is_here_and_elsewhere(server: Server, grps: Grps) -> None:
    grps.adjusted[9] = (1, 250)
    answer = server.ask(ZED, "find", " ni ")
    assert answer == {
        "ok": True,
        "rows": [
            {"userId": NIA, "name": "Nia", "rank": "Initiate", "points": 0, "here": True},
            {
                "userId": 9,
                "name": "Nina",
                "rank": "Shock Trooper I",
                "points": 2.5,
                "sanction": "suspension",
                "here": False,
            },
            {"userId": 10, "name": "Niko", "rank": "Initiate", "points": 0, "here": False},
        ],
    }


def test_a_user_id_finds_somebody_anywhere(server: Server) -> None:
    (row,) = server.ask(ZED, "find", "9")["rows"]
    assert (row["name"], row["rank"], row["sanction"], row["here"]) == (
        "player_9",
        "Shock Trooper I",
        "suspension",
        False,
    )
    (row,) = server.ask(ZED, "find", str(NIA))["rows"]
    assert (row["name"], row["here"]) == ("Nia", True)


def test_a_search_shows_ten_at_most_and_who_is_here_first(server: Server, grps: Grps) -> None:
    grps.names |= {number: f"nia_{number:02}" for number in range(20, 40)}
    rows = server.ask(ZED, "find", "NIA")["rows"]
    assert len(rows) == 10
    assert rows[0]["name"] == "Nia"


def test_without_grps_a_search_shows_who_is_here_and_says_so(server: Server, grps: Grps) -> None:
    grps.away = True
    answer = server.ask(ZED, "find", "n")
    assert [row["name"] for row in answer["rows"]] == ["Nia"]
    assert "players of this server alone" in answer["text"]


def test_nobody_but_an_officer_may_search(server: Server, grps: Grps) -> None:
    assert server.ask(NIA, "find", "z") == {"ok": False, "text": "Only officers may search."}
    grps.standing[ZED] = ("Tempest Major", "suspension")
    server.award(ZED, "ko")
    server.universe.run(10)
    assert server.ask(ZED, "find", "n")["ok"] is False
    assert grps.asked["/roblox/players"] == 0


def test_an_officer_searches_once_in_two_seconds(server: Server, grps: Grps) -> None:
    chunk = server.machine.chunk(
        "local userId = ... local player, answers = game.Players:GetPlayerByUserId(userId), {} "
        "for _ = 1, 3 do task.spawn(function() "
        "  table.insert(answers, game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, 'find', 'ni')) end) end "
        "return answers"
    )
    answers = server.machine.call(chunk, ZED)
    server.universe.run(1)
    assert sorted(one["ok"] for one in take(answers)) == [False, False, True]
    assert grps.asked["/roblox/players"] == 1


@pytest.mark.parametrize(
    "question",
    [
        ("fly",),
        (),
        (7,),
        ({"a": 1},),
        (math.nan,),
        ("__index",),
        ("command",),
        ("command", 7),
        ("command", ["warn"]),
        ("command", "x" * 601),
        ("find",),
        ("find", 9),
        ("find", {"a": 1}),
        ("find", "   "),
        ("find", "x" * 51),
        ("find", "a\0"),
        ("find", "9" * 30),
    ],
)
def test_nonsense_is_answered_and_breaks_nothing(server: Server, question: tuple[Any, ...]) -> None:
    assert server.ask(ZED, *question)["ok"] is False
    assert server.machine.errors == []


def test_a_text_that_is_no_text_is_refused(server: Server) -> None:
    chunk = server.machine.chunk(
        "local userId = ... local player, answers = game.Players:GetPlayerByUserId(userId), {} "
        "for _, question in { 'command', 'find', 'act' } do "
        "  local given = if question == 'act' then { verb = 'warn', userId = 156, reason = '\\xff' } else '\\xff' "
        "  local answer = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, question, given) "
        "  table.insert(answers, answer.ok == false and utf8.len(answer.text) ~= nil) "
        "  task.wait(1) end return answers"
    )
    spawned = server.machine.chunk(
        "local work, userId = ... local found = {} task.spawn(function() found[1] = work(userId) end) return found"
    )
    found = server.machine.call(spawned, chunk, ZED)
    server.universe.run(5)
    assert take(found) == [[True, True, True]]


WORDS = ["me", "board", "top", "news", "find", "command", "act"]
FIELDS = ["verb", "userId", "amount", "rank", "duration", "event", "reason", "other"]
VERBS = ["warn", "ban", "suspend", "adjust", "rank", "award", "announce", "me", "help", "note"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-(2**53), 2**53),
    st.text(max_size=30),
    st.sampled_from(
        ["x" * 700, "7d", "99999999999999999999d", "Nia", "Initiate", "training", *VERBS]
    ),
)
DEEP = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(max_size=8), st.sampled_from(FIELDS)), inner, max_size=4),
    ),
    max_leaves=20,
)
FORMS = st.fixed_dictionaries(
    {"verb": st.sampled_from(VERBS)}, optional=dict.fromkeys(FIELDS[1:], DEEP)
)
COMMANDS = st.lists(
    st.one_of(st.sampled_from([*VERBS, "Nia", "156", "7d", '"']), st.text(max_size=12)), max_size=5
)
QUESTIONS = st.tuples(
    st.one_of(st.sampled_from(WORDS), DEEP), st.one_of(DEEP, FORMS, COMMANDS.map(" ".join))
)


@pytest.fixture(scope="module")
def patient() -> Server:
    """Start a server whose limits for questions are not reached."""
    grps = Grps(names={NIA: "Nia"})
    grps.standing[ZED] = ("Supreme Admirals", None)
    made = Universe(http=grps).server()
    made.join(NIA, "Nia")
    made.join(ZED, "Zed")
    made.universe.run(5)
    return made


@given(questions=st.lists(QUESTIONS, min_size=1, max_size=6))
@settings(max_examples=EXAMPLES)
@seed(20250615)
def test_whatever_a_client_sends_is_answered(
    patient: Server, questions: list[tuple[Any, Any]]
) -> None:
    for question, sent in questions:
        answer = patient.ask(ZED, question, sent)
        assert answer["ok"] in (True, False)
        assert answer["ok"] or isinstance(answer["text"], str)
    assert patient.machine.errors == []


def test_only_a_client_that_asks_too_often_is_slowed(server: Server) -> None:
    chunk = server.machine.chunk(
        "local userId = ... local player, text = game.Players:GetPlayerByUserId(userId), nil "
        "for _ = 1, 12 do text = game.ReplicatedStorage.GRPSAsk.OnServerInvoke(player, 'board').text end return text"
    )
    assert "Too fast" in str(server.machine.call(chunk, NIA))
    assert server.ask(ZED, "board")["ok"] is True


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567.5, "1,234,567.5"), (999, "999"), (1000, "1,000"), (-1500.25, "-1,500.25")],
)
def test_numbers_read_well(value: float, text: str) -> None:
    machine = Machine()
    words = machine.require("ServerScriptService.GRPS.client.strings")
    assert take(machine.call(words.get("number"), value)) == text


def test_the_panel_says_what_is_missing() -> None:
    machine = Machine()
    words = machine.require("ServerScriptService.GRPS.client.strings")
    me = {"ok": True, "rank": "Initiate", "points": 12.5, "next": "Major"}
    short = me | {"missing": {"points": 1037.5, "days": 1, "recommendations": 0}}
    assert take(machine.call(words.get("own"), short)) == "Initiate, 12.5 points"
    assert (
        take(machine.call(words.get("missing"), short))
        == "Major still needs 1,037.5 points, 1 day."
    )
    asked = me | {"missing": {"points": 0, "days": 2, "recommendations": 1}}
    assert (
        take(machine.call(words.get("missing"), asked))
        == "Major still needs 2 days, 1 recommendation."
    )
    due = me | {"missing": {"points": 0, "days": 0, "recommendations": 0}}
    assert take(machine.call(words.get("missing"), due)) == "You have all that Major needs."
