"""Officers' commands: checked by the game, decided by GRPS."""

import json
import random

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    ADMIRAL,
    GENERAL,
    MAJOR,
    ZED,
)
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Answer, Server, Universe

NIALL = 157


@pytest.fixture
def server(grps: Grps) -> Server:
    universe = Universe(http=grps)
    made = universe.server()
    for user_id, name in ((MAJOR, "Mara"), (ADMIRAL, "Ada"), (NIA, "Nia"), (NIALL, "Niall")):
        made.join(user_id, name)
    universe.run(5)
    return made


def test_a_warning_goes_to_grps_with_who_whom_and_why(server: Server, grps: Grps) -> None:
    assert server.say(MAJOR, "/grps warn Nia spammed the chat") == "Done."
    (sent,) = grps.commands
    assert (sent["kind"], sent["actorUserId"], sent["userId"], sent["reason"]) == (
        "warn",
        MAJOR,
        NIA,
        "spammed the chat",
    )
    assert sent["id"]


def test_a_command_takes_effect_here_without_a_message(server: Server, grps: Grps) -> None:
    grps.standing[NIA] = ("Suspended", "suspension")
    assert server.say(ADMIRAL, "/grps suspend Nia 7d harassed others") == "Done."
    server.universe.run(1)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


@pytest.mark.parametrize(
    ("text", "kind", "field", "value"),
    [
        ("adjust Nial 12.29 won the finals", "adjust", "amount", 12.29),
        ("adjust Nial -3 counted twice", "adjust", "amount", -3),
        ("rank Niall Shock Trooper II does the work", "propose", "rank", "Shock Trooper II"),
        ("suspend 157 7d harassed others", "suspend", "until", "2025-06-22T15:06:"),
        ("ban Niall perm exploits", "ban", "until", None),
        ("ban Niall exploits", "ban", "until", None),
        ('note "Niall" is polite', "note", "reason", "is polite"),
    ],
)
def test_arguments_are_read_by_their_type(
    server: Server, grps: Grps, text: str, kind: str, field: str, value: object
) -> None:
    assert server.say(ADMIRAL, f"/grps {text}") == "Done."
    (sent,) = grps.commands
    assert (sent["kind"], sent["userId"]) == (kind, NIALL)
    found = sent.get(field)
    assert found == value or (
        isinstance(value, str) and isinstance(found, str) and found.startswith(value)
    )


@pytest.mark.parametrize(
    ("name", "whom"),
    [
        ("Comet", 201),  # a display name
        ("com", 201),
        ("@nova_9", 201),
        ("Nova", "can be @Nova, @nova_9"),  # a display name that is another player's username
        ("@nova", 202),
        ("@com", "Nobody here is called @com"),
    ],
)
def test_whoever_is_meant_may_be_called_by_both_names(
    server: Server, grps: Grps, name: str, whom: int | str
) -> None:
    server.join(201, "nova_9", "Comet")
    server.join(202, "Nova", "Nova")
    server.join(203, "star", "Nova Star")
    server.leave(203)
    if name == "Nova":
        server.leave(201)
        server.universe.run(2)
        server.join(201, "nova_9", "Nova")
    server.universe.run(5)
    answer = server.say(MAJOR, f"/grps note {name} is polite")
    if isinstance(whom, int):
        assert answer == "Done."
        assert [sent["userId"] for sent in grps.commands] == [whom]
    else:
        assert whom in answer
        assert grps.commands == []


@pytest.mark.parametrize(
    ("officer", "text", "words"),
    [
        (MAJOR, "warn", "Say whom"),
        (MAJOR, "warn Nobody x", "Nobody here is called"),
        (MAJOR, "warn Ni spammed", "can be @Nia, @Niall"),
        (MAJOR, "warn Nia", "Say why"),
        (MAJOR, "fly Nia x", "fly is unknown"),
        (MAJOR, "ban Nia exploits", "your rank does not entitle you"),
        (MAJOR, "warn Ada x", "at or above your own position"),
        (MAJOR, "warn Mara x", "nobody acts on themselves"),
        (NIA, "warn Niall x", "your rank does not entitle you"),
        (ADMIRAL, "adjust Nia lots x", "Say how many points"),
        (ADMIRAL, "adjust Nia 0.001 x", "two decimals at most"),
        (ADMIRAL, "rank Nia Emperor x", "Say which rank"),
        (ADMIRAL, "rank Nia Imperator x", "the rank stands at or above"),
        (ADMIRAL, "ban Nia 0d exploits", "Say for how long"),
        (ADMIRAL, "ban Nia 99999999d exploits", "Say for how long"),
        (MAJOR, f"warn Nia {'ä' * 501}", "The reason is too long"),
        (NIA, "announce hello", "You may not announce"),
        (MAJOR, "announce", "Say what to announce"),
        (MAJOR, f"announce {'ä' * 201}", "at most 200 characters"),
    ],
)
def test_what_may_not_or_cannot_be_is_refused_in_a_sentence(
    server: Server, grps: Grps, officer: int, text: str, words: str
) -> None:
    assert words in server.say(officer, f"/grps {text}")
    assert grps.commands == []


def test_it_fails_closed_where_grps_or_the_rank_is_unknown(server: Server, grps: Grps) -> None:
    grps.away = True
    assert "GRPS does not answer" in server.say(MAJOR, "/grps warn Nia x")
    assert "rank cannot be found out" in server.say(MAJOR, "/grps warn 99999 x")
    grps.away = False
    grps.standing[MAJOR] = ("Tempest Major", "suspension")
    server.award(MAJOR, "ko")
    server.universe.run(10)
    assert "Your rank is not known" in server.say(MAJOR, "/grps warn Nia x")
    assert grps.commands == []


def test_a_command_whose_answer_was_lost_keeps_its_id(server: Server, grps: Grps) -> None:
    grps.dice, grps.lossy = random.Random(1), 1.0
    assert "GRPS does not answer" in server.say(MAJOR, "/grps warn Nia spammed the chat")
    assert "GRPS does not answer" in server.say(MAJOR, "/grps warn Niall spammed the chat")
    server.universe.run(60)
    assert "GRPS does not answer" in server.say(MAJOR, "/grps warn Niall spammed the chat")
    grps.lossy = 0.0
    assert server.say(MAJOR, "/grps warn Niall spammed the chat") == "Done."
    assert server.say(MAJOR, "/grps warn Niall spammed the chat") == "Done."
    first, niall, again, answered, another = grps.commands
    assert niall == again == answered
    assert len({first["id"], niall["id"], another["id"]}) == 3


def test_what_grps_refuses_or_holds_is_told_in_its_words(server: Server, grps: Grps) -> None:
    grps.verdict = "held"
    assert server.say(ADMIRAL, "/grps ban Nia exploits") == "Done."
    grps.detail = (
        "Nothing happened yet to Nia. Nexus may move 500 points an act. Sign in to the console and confirm request 12, "
        "or let a second person approve it."
    )
    for text in ("adjust Nia 501 won", "award Nia training", "rank Nia Captain II leads"):
        assert server.say(ADMIRAL, f"/grps {text}") == grps.detail
    assert grps.total(NIA) == 0  # a waiting event does not count
    assert server.say(NIA, "/grps me") == "Initiate, 0 points. Shock Trooper I needs 50 points."
    assert "warn, pardon" in server.say(NIA, "/grps help")


def test_a_reason_has_500_characters_not_bytes(server: Server, grps: Grps) -> None:
    assert server.say(MAJOR, f"/grps warn Nia {'ä' * 500}") == "Done."
    assert grps.commands[0]["reason"] == "ä" * 500


@pytest.mark.parametrize("version", ["TextChatService", "LegacyChatService"])
def test_a_command_runs_once_in_either_chat(server: Server, grps: Grps, version: str) -> None:
    server.do(
        f"grps.context.chat:stop() game.TextChatService.ChatVersion = '{version}' grps.context.chat:start()"
    )
    assert server.say(MAJOR, "/grps warn Nia spammed") == "Done."
    server.say(MAJOR, "/grpsx warn Nia spammed")
    server.say(MAJOR, "hello")
    assert len(grps.commands) == 1


def test_an_answer_is_told_to_nobody_else(server: Server) -> None:
    server.say(MAJOR, "/grps note Nia is polite")
    told = "local ids = {} for _, one in game.ReplicatedStorage.GRPSTold.sent do table.insert(ids, one[1].UserId) end "
    assert take(server.machine.call(server.machine.chunk(f"{told} return ids"))) == [MAJOR]


def test_an_event_is_awarded_to_whoever_is_here(server: Server, grps: Grps) -> None:
    assert server.say(ADMIRAL, "/grps award Nia training") == "15 points."
    assert "Say which event" in server.say(ADMIRAL, "/grps award Nia picnic")
    assert "not entitle" in server.say(MAJOR, "/grps award Nia training")
    server.universe.run(8)
    assert grps.total(NIA) == 1500


@pytest.mark.parametrize(
    ("length", "until"),
    [
        ("7d", "2025-06-22T15:06"),
        ("7D", "2025-06-22T15:06"),
        ("2mo", "2025-08-14T15:06"),
        ("1Y", "2026-06-15T15:06"),
        ("1y", "2026-06-15T15:06"),
        ("PERM", None),
    ],
)
def test_a_length_may_be_of_months_and_years_and_in_capitals(
    server: Server, grps: Grps, length: str, until: str | None
) -> None:
    assert server.say(ADMIRAL, f"/grps ban Nia {length} exploits") == "Done."
    (sent,) = grps.commands
    found = sent.get("until")
    assert (found[:16] if found else None, sent["reason"]) == (until, "exploits")


@pytest.mark.parametrize("verb", ["ban", "suspend"])
@pytest.mark.parametrize(
    "word", ["3days", "30", "1d12h", "0d", "11y", "-7d", "+1d", "1.5d", "7dd", "2months", ".5d"]
)
def test_a_misspelt_length_bans_nobody_for_good(
    server: Server, grps: Grps, verb: str, word: str
) -> None:
    answer = server.say(ADMIRAL, f"/grps {verb} Nia {word} exploits")
    assert (
        f"{word} is not a length. Say for how long, as 30m, 12h, 7d, 2w, 3mo, 1y or perm" in answer
    )
    assert grps.commands == []


def test_the_panel_reads_lengths_by_the_same_rule(server: Server) -> None:
    chunk = server.machine.chunk(
        "local order, why = require(game.ServerScriptService.GRPS.server.moderation.command_parser)"
        ".read({ verb = 'ban', userId = 1, duration = '3days', reason = 'x' }, {}) "
        "return if order == nil then why else 'read'"
    )
    assert "3days is not a length" in str(take(server.machine.call(chunk)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ban Nia 7d exploits", "ban Nia until 2025-06-22 15:06 UTC: asking GRPS."),
        ("ban Nia exploits", "ban Nia for good: asking GRPS."),
        (
            "suspend Nia harassed others",
            "suspend Nia for as long as the policy says: asking GRPS.",
        ),
    ],
)
def test_the_officer_reads_until_when_before_grps_is_asked(
    server: Server, grps: Grps, text: str, said: str
) -> None:
    server.universe.latency["http"] = 3.0
    assert server.say(ADMIRAL, f"/grps {text}") == said
    assert grps.commands == []
    server.universe.run(5)
    assert (server.told(ADMIRAL), len(grps.commands)) == ("Done.", 1)


@pytest.mark.parametrize(
    "text",
    [
        "note \u201cNiall\u201d is polite",
        "note \u201eNiall\u201c is polite",
        "note «Niall» is polite",
    ],
)
def test_curly_quotes_are_quotes(server: Server, grps: Grps, text: str) -> None:
    assert server.say(ADMIRAL, f"/grps {text}") == "Done."
    (sent,) = grps.commands
    assert (sent["userId"], sent["reason"]) == (NIALL, "is polite")


@pytest.mark.parametrize("name", ["Zed", "@zed", "ZED"])
def test_somebody_elsewhere_is_called_by_their_username(
    server: Server, grps: Grps, name: str
) -> None:
    server.universe.usernames["zed"] = 900
    assert server.say(ADMIRAL, f"/grps warn {name} spammed in another server") == "Done."
    assert [sent["userId"] for sent in grps.commands] == [900]


def test_a_name_that_nobody_has_reaches_nobody(server: Server, grps: Grps) -> None:
    assert "whole username or the user id" in server.say(ADMIRAL, "/grps warn Zod spammed")
    server.universe.usernames["zod"] = 901
    server.universe.faults["GetUserIdFromNameAsync"] = (1.0, 0.0)
    assert "whole username or the user id" in server.say(ADMIRAL, "/grps warn Zod spammed")
    assert grps.commands == []


def test_members_who_may_not_act_cause_no_name_look_ups(server: Server, grps: Grps) -> None:
    server.universe.usernames["zed"] = 900
    before = server.universe.counts["name"]
    server.say(NIA, "/grps warn Zed spammed")
    assert server.universe.counts["name"] == before
    assert grps.commands == []


@pytest.mark.parametrize(
    ("shown", "typed"),
    [
        ("Ärger", "äRGER"),
        ("Ärger", "A\u0308rger"),
        ("ДЖОРДЖ", "джордж"),
        ("Ёлка", "ёлка"),
        ("ΝΊΚΟΣ", "νίκος"),
        ("ŁUKASZ", "łukasz"),
        ("Ñandú", "ÑANDÚ"),
    ],
)
def test_names_outside_ascii_are_compared_whatever_their_case(
    server: Server, grps: Grps, shown: str, typed: str
) -> None:
    server.join(201, "nova_9", shown)
    server.universe.run(5)
    assert server.say(MAJOR, f"/grps note {typed} is polite") == "Done."
    assert [sent["userId"] for sent in grps.commands] == [201]


def test_an_unanswered_command_keeps_its_id_for_five_minutes(
    universe: Universe, grps: Grps
) -> None:
    server = universe.playing(GENERAL, NIA, ZED)
    lost = {"adjust"}

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        answer = grps(url, method, headers, body)
        return (
            None
            if url.endswith("/roblox/sanctions") and json.loads(body)["kind"] in lost
            else answer
        )

    universe.http = http
    assert "does not answer" in server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals")
    assert server.say(GENERAL, f"/grps warn {ZED} spammed") == "Done."
    lost.clear()
    assert server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals") == "Done."
    first, _, again = grps.commands
    assert first["id"] == again["id"]
    lost.add("adjust")
    assert "does not answer" in server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals")
    universe.run(400)
    lost.clear()
    assert server.say(GENERAL, f"/grps adjust {NIA} 5 won the finals") == "Done."
    assert grps.commands[-1]["id"] != grps.commands[-2]["id"]


def test_a_refusal_of_grps_is_shown_as_one(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    universe.http = lambda url, *call: (403, {}, "{}") if "sanctions" in url else grps(url, *call)
    assert (
        server.say(GENERAL, f"/grps warn {NIA} spammed")
        == "GRPS does not accept this (403). Nothing was done."
    )


@pytest.mark.parametrize("verdict", ["refused", "held"])
def test_an_event_is_given_only_if_grps_allows_it(
    universe: Universe, grps: Grps, verdict: str
) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.verdict = verdict
    assert server.say(GENERAL, f"/grps award {NIA} training") == "Done."
    assert server.session(NIA)["total"] == 0
    grps.verdict = "applied"
    assert server.say(GENERAL, f"/grps award {NIA} training") == "15 points."
    assert [(sent["kind"], sent["event"], sent["reason"]) for sent in grps.commands] == [
        ("award", "training", "gave the event training")
    ] * 2


def test_an_event_is_given_once_while_grps_is_slow(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    universe.latency["http"] = 6
    for _ in range(5):
        server.machine.call(server.outside.get("say"), GENERAL, f"/grps award {NIA} training")
        universe.run(1.25)
    universe.run(60)
    assert len({sent["id"] for sent in grps.commands}) == 1
    assert grps.total(NIA) == universe.total(NIA) == 15_00


def test_a_player_who_left_gets_no_event(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.away = True
    server.award(NIA, "ko")
    server.leave(NIA)
    universe.run(2)
    assert "not on this server" in server.say(GENERAL, f"/grps award {NIA} training")
    assert grps.commands == []


def test_an_event_whose_answer_was_lost_is_given_once(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA)
    grps.lossy, grps.dice = 1.0, random.Random(1)
    assert "does not answer" in server.say(GENERAL, f"/grps award {NIA} training")
    grps.lossy = 0.0
    assert server.say(GENERAL, f"/grps award {NIA} training") == "15 points."
    first, second = grps.commands
    assert first["id"] == second["id"]
    universe.run(10)
    assert grps.total(NIA) == universe.total(NIA) + 15_00 == 15_00


def test_refused_members_do_not_fill_the_log(universe: Universe, grps: Grps) -> None:
    server = universe.playing(GENERAL, NIA, MAJOR)
    server.do("grps.context.say('store.important', 'evidence')")
    grps.away = True
    for _ in range(70):
        server.ask(NIA, "act", {"verb": "warn", "userId": MAJOR, "reason": "x"})
        server.ask(MAJOR, "act", {"verb": "warn", "userId": GENERAL, "reason": "x"})
    grps.away = False
    universe.run(90)
    kinds = [line["kind"] for line in grps.lines]
    assert "store.important" in kinds
    assert 5 <= kinds.count("command.refused") <= 30  # of the officer, five a minute
    assert {line["text"] for line in grps.lines if line["kind"] == "command.refused"} == {
        f"player_{MAJOR}: warn: You may not: the player stands at or above your own position."
    }


def test_a_member_asks_for_leave_for_themselves(server: Server, grps: Grps) -> None:
    assert server.say(NIA, "/grps leave 1w exams, and a move") == "Staff decide."
    assert grps.commands == [{"userId": NIA, "days": 7, "reason": "exams, and a move"}]
    server.universe.run(2)
    for text in ("leave", "leave 7d", "leave perm exams", "leave Nia exams", "leave 90d exams"):
        assert "leave" in server.say(NIA, f"/grps {text}")
        server.universe.run(2)
    assert len(grps.commands) == 1
