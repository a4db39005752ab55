"""The panel on a client's screen with a real game server: what it shows, asks and sends."""

import pytest

from tests.roblox.luau.client import Client
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.universe import NIA, Server, Universe

ZED = 157
SEARCH, WHY, WORDS = (
    "A name, or a user id",
    "Why, in a sentence",
    "Or in words: warn NAME why … (help)",
)


@pytest.fixture
def grps() -> Grps:
    made = Grps(names={NIA: "Nia", ZED: "Zed", 9: "Nina"})
    made.standing = {ZED: ("Supreme Admirals", None), 9: ("Initiate", "suspension")}
    made.adjusted = {ZED: (1, 5000)}
    return made


@pytest.fixture
def server(grps: Grps) -> Server:
    universe = Universe(http=grps)
    made = universe.server()
    made.join(NIA, "Nia")
    made.join(ZED, "Zed")
    universe.run(5)
    return made


@pytest.fixture
def member(server: Server) -> Client:
    return Client(server, NIA)


@pytest.fixture
def officer(server: Server) -> Client:
    made = Client(server, ZED)
    made.key()
    made.press("Officers")
    return made


def test_it_opens_by_key_or_button_and_asks_only_while_open(member: Client) -> None:
    assert member.texts == ["Rank"]
    member.run(20)
    assert member.asked == []
    member.key()
    assert member.buttons == ["Rank", "Me", "Here", "Everybody", "News", "×"]
    assert "Initiate, 0 points" in member.texts
    member.key()
    assert member.texts == ["Rank"]
    member.press("Rank")
    assert "Initiate, 0 points" in member.texts
    member.press("×")
    assert member.texts == ["Rank"]
    member.key()
    member.key()
    asked = len(member.asked)
    member.run(20)
    assert len(member.asked) == asked
    member.key(handled=True)
    member.key("F7")
    assert member.texts == ["Rank"]


def test_it_refreshes_every_five_seconds(member: Client) -> None:
    for _ in range(5):
        member.key()
    asked = len(member.asked)
    member.run(20)
    assert len(member.asked) - asked == 4


def test_points_and_what_is_missing_follow_the_game(member: Client) -> None:
    member.key()
    member.server.award(NIA, "training")
    member.run(5)
    assert "Initiate, 15 points" in member.texts
    assert "Shock Trooper I still needs 35 points." in member.texts


def test_a_lock_is_said_beside_what_is_missing(grps: Grps) -> None:
    denied = "Shock Trooper I"
    grps.locks = {NIA: [{"rank": denied, "until": None}], 9: [{"rank": None, "until": None}]}
    grps.adjusted[9] = (1, 60_00)
    grps.standing = {}
    universe = Universe(http=grps)
    server = universe.server()
    for user_id in (NIA, 9):
        server.join(user_id)
    universe.run(5)
    for user_id, words in (
        (NIA, f"{denied} still needs 50 points. You may not get the rank {denied}."),
        (9, f"You have all that {denied} needs. Your promotions are locked."),
    ):
        client = Client(server, user_id)
        client.key()
        assert words in client.texts


def test_the_end_of_a_leave_is_told_once_and_shown(grps: Grps) -> None:
    grps.leaves = {NIA: {"last": "2026-02-03", "endsSoon": True}, 9: None}
    grps.standing = {}
    universe = Universe(http=grps)
    server = universe.server()
    for user_id in (NIA, 9):
        server.join(user_id)
    universe.run(5)
    reminder = "Your leave ends on 2026-02-03. Until then you can ask for more days on the website."
    assert (server.told(NIA), server.told(9)) == (reminder, None)
    client = Client(server, NIA)
    client.key()
    assert "You are on leave until 2026-02-03." in client.texts


def test_each_tab_shows_its_own(member: Client) -> None:
    member.key()
    member.press("Here")
    assert "1. Zed, Supreme Admirals, 50\n2. Nia, Initiate, 0" in member.texts
    member.press("Everybody")
    assert "1. Zed, Supreme Admirals, 50\n2. Nia, Initiate, 0\n3. Nina, Initiate, 0" in member.texts
    member.press("News")
    assert "No news yet." in member.texts
    member.server.say(ZED, "/grps announce The finals begin")
    member.run(130)
    assert "Zed: The finals begin (2 minutes ago)" in member.texts


def test_without_grps_the_leaderboard_says_what_it_lacks(member: Client, grps: Grps) -> None:
    member.server.universe.stores["GRPS_Points_Index"] = {"7": "123450"}
    grps.away = True
    member.key()
    member.press("Everybody")
    member.run(3)
    assert any(
        "without adjustments" in text and "\n1. player_7, 1,234.5" in text for text in member.texts
    )


def test_going_through_the_tabs_is_not_too_fast(member: Client) -> None:
    member.key()
    for name in ("Here", "Everybody", "News", "Me", "Here", "Me"):
        member.machine.call(member.outside.get("press"), name)
        member.run(0.5)
    member.run(1)
    assert not any("Too fast" in text for text in member.texts)


def test_members_see_nothing_of_officers(member: Client) -> None:
    member.key()
    assert "Officers" not in member.buttons
    assert member.boxes == []


def test_an_officer_searches_chooses_and_warns(officer: Client, grps: Grps) -> None:
    officer.type(SEARCH, "ni", enter=True)
    assert "Nia, Initiate, 0, here" in officer.buttons
    assert "Nina, Initiate, 0, suspended" in officer.buttons
    officer.press("Nia, Initiate, 0, here")
    assert "Chosen: Nia (156)" in officer.texts
    officer.press("warn")
    officer.type(WHY, "spammed the chat")
    officer.press("warn Nia")
    assert "Done." in officer.texts
    (sent,) = grps.commands
    assert (sent["kind"], sent["userId"], sent["actorUserId"], sent["reason"]) == (
        "warn",
        NIA,
        ZED,
        "spammed the chat",
    )


@pytest.mark.parametrize(
    ("verb", "box", "text", "field", "value"),
    [
        ("adjust", "Points, as 12.5 or -3", "-2.5", "amount", -2.5),
        ("rank", "Rank, by its whole name", "Shock Trooper II", "rank", "Shock Trooper II"),
        ("ban", "For how long: 30m, 7d, 2w, 3mo, 1y, perm", "perm", "until", None),
        ("suspend", "For how long: 30m, 7d, 2w, 3mo, 1y, perm", "7d", "until", "2025-06-22"),
    ],
)
def test_a_verb_shows_the_box_that_it_wants(
    officer: Client, grps: Grps, verb: str, box: str, text: str, field: str, value: object
) -> None:
    officer.type(SEARCH, "9")
    officer.press("Search")
    officer.press("player_9, Initiate, 0, suspended")
    assert box not in officer.boxes
    officer.press(verb)
    officer.type(box, text)
    officer.type(WHY, "for a reason")
    officer.press(f"{verb} player_9")
    (sent,) = grps.commands
    found = sent.get(field)
    assert found == value or (
        isinstance(value, str) and isinstance(found, str) and found.startswith(value)
    )


def test_events_need_no_reason_and_announcements_no_player(officer: Client) -> None:
    officer.type(SEARCH, "Nia", enter=True)
    officer.press("Nia, Initiate, 0, here")
    officer.press("award")
    assert WHY not in officer.boxes
    officer.type("Event, as training", "training")
    officer.press("award Nia")
    assert "15 points." in officer.texts
    officer.press("announce")
    officer.type("What to announce, at most 200 characters", "The finals begin")
    officer.press("announce to everybody")
    assert "Announced on every server." in officer.texts
    officer.press("News")
    assert "Zed: The finals begin (just now)" in officer.texts


def test_a_refusal_is_shown_and_the_input_stays(officer: Client, grps: Grps) -> None:
    officer.press("adjust")
    officer.type("Points, as 12.5 or -3", "lots")
    officer.type(WHY, "won the finals")
    officer.press("adjust …")
    assert "Say whom." in officer.texts
    officer.type(SEARCH, "Nia", enter=True)
    officer.press("Nia, Initiate, 0, here")
    officer.press("adjust Nia")
    assert "Say how many points, as 12.5 or -3, with two decimals at most." in officer.texts
    officer.type("Points, as 12.5 or -3", "12.5")
    officer.press("adjust Nia")
    assert "Done." in officer.texts
    assert (grps.commands[0]["amount"], grps.commands[0]["reason"]) == (12.5, "won the finals")


def test_words_go_too_and_an_empty_line_asks_nothing(officer: Client, grps: Grps) -> None:
    officer.type(WORDS, "warn Nia spammed", enter=True)
    assert "Done." in officer.texts
    asked = len(officer.asked)
    officer.type(WORDS, "", enter=True)
    officer.type(WORDS, "help", enter=False)
    assert [question for question, _ in officer.asked[asked:] if question == "command"] == []


def test_who_is_no_officer_any_more_is_led_back(officer: Client) -> None:
    standing = {"grps": 1, "userId": ZED, "standing": {"rank": "Initiate"}}
    officer.server.universe.publish("GRPS", standing)
    officer.run(6)
    assert "Officers" not in officer.buttons
    assert "Initiate, 50 points" in officer.texts


def test_a_chat_answer_is_shown_only_to_its_player(member: Client, server: Server) -> None:
    zed = Client(server, ZED)
    server.say(ZED, "/grps note Nia is polite")
    zed.run(2)
    member.run(2)
    assert zed.texts == ["Rank", "Done."]
    assert member.texts == ["Rank"]
    zed.run(10)
    assert zed.texts == ["Rank"]


def test_simultaneous_notifications_are_shown_together(member: Client, server: Server) -> None:
    told = server.machine.chunk(
        "local grps, userId, text = ... grps.context.notifier:notify(game.Players:GetPlayerByUserId(userId), text)"
    )
    for text in ("You were warned.", "You are suspended."):
        server.machine.call(told, server.grps, NIA, text)
        member.run(2)
    assert member.texts == ["Rank", "You were warned.\nYou are suspended."]
    member.run(5)
    assert member.texts == ["Rank", "You are suspended."]
    member.run(3)
    assert member.texts == ["Rank"]
    for number in range(9):
        server.machine.call(told, server.grps, NIA, f"line {number}")
    member.run(1)
    assert member.texts == ["Rank", "line 5\nline 6\nline 7\nline 8"]


def test_who_is_here_is_shown_by_both_names(member: Client, server: Server) -> None:
    server.join(9, "nina_7", "Comet")
    member.run(3)
    member.key()
    member.press("Here")
    assert any("Comet (@nina_7), Initiate, 0" in text for text in member.texts)


def test_an_unanswered_question_hides_nothing(officer: Client) -> None:
    officer.deaf = True
    officer.type(SEARCH, "Nia", enter=True)
    officer.run(6)
    assert "The server does not answer now." in officer.texts
    assert "Officers" in officer.buttons
    officer.press("Me")
    assert "The server does not answer now." in officer.texts
    officer.deaf = False
    officer.run(6)
    assert "Supreme Admirals, 50 points" in officer.texts
    assert officer.machine.errors == []


def test_everything_to_press_is_as_high_as_a_finger(officer: Client) -> None:
    officer.type(SEARCH, "ni", enter=True)
    officer.press("ban")
    touched = [one for one in officer.shown if one["class"] in {"TextButton", "TextBox"}]
    assert len(touched) > 15
    assert [one for one in touched if one["height"] < 44] == []
    assert {"Label", "Button", "TextBox"} & set(officer.texts) == set()


def test_the_verbs_stay_chosen_while_nothing_changes(officer: Client) -> None:
    officer.press("ban")
    officer.type(WHY, "exploits")
    officer.run(20)
    assert "ban …" in officer.buttons
    assert WHY in officer.boxes


def test_an_impatient_search_is_one_search(officer: Client) -> None:
    officer.machine.call(officer.outside.get("type"), SEARCH, "ni", True)
    officer.press("Search")
    assert [given for question, given in officer.asked if question == "find"] == ["ni"]
    assert "Nia, Initiate, 0, here" in officer.buttons
    officer.type(SEARCH, "zed", enter=True)
    assert [text for text in officer.buttons if ", here" in text] == [
        "Zed, Supreme Admirals, 50, here"
    ]


def test_a_second_press_during_an_answer_sends_nothing(officer: Client, grps: Grps) -> None:
    officer.type(SEARCH, "Nia", enter=True)
    officer.press("Nia, Initiate, 0, here")
    officer.press("warn")
    officer.type(WHY, "spammed")
    for _ in range(3):
        officer.machine.call(officer.outside.get("press"), "warn Nia")
    officer.run(3)
    assert [question for question, _ in officer.asked].count("act") == 1
    assert len(grps.commands) == 1
