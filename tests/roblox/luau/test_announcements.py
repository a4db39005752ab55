"""Promotions and officers' announcements reach every server, filtered, once."""

import json
from typing import Any

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Server, Universe

MAJOR = 1


@pytest.fixture
def grps() -> Grps:
    made = Grps()
    made.standing = {MAJOR: ("Tempest Major", None), NIA: ("Initiate", None)}
    return made


@pytest.fixture
def universe(grps: Grps) -> Universe:
    made = Universe(http=grps)
    for first in (MAJOR, NIA):
        server = made.server()
        server.join(first, "Mara" if first == MAJOR else "Nia")
    made.run(5)
    return made


def lines(server: Server) -> list[str]:
    found = take(
        server.machine.call(
            server.machine.chunk("return (...).context.announcements:recent()"), server.grps
        )
    )
    return [one["text"] for one in found or []]


def stand(universe: Universe, user_id: int, rank: str, sanction: str | None = None) -> None:
    standing = {"rank": rank} | ({"sanction": sanction} if sanction else {})
    universe.publish("GRPS", {"grps": 1, "userId": user_id, "standing": standing})


def test_an_announcement_is_shown_once_in_every_server(universe: Universe, grps: Grps) -> None:
    here, there = universe.servers
    assert here.say(MAJOR, '/grps announce The "finals"  begin') == "Announced on every server."
    assert lines(here) == lines(there) == ['Mara: The "finals" begin']
    universe.run(15)
    (line,) = [line for line in grps.lines if line["kind"] == "command.announce"]
    assert (line["text"], line["userId"]) == ('Mara: The "finals" begin', MAJOR)


def test_a_message_that_comes_again_or_is_none_changes_nothing(
    universe: Universe, grps: Grps
) -> None:
    there = universe.servers[1]
    said = {"grps": 1, "id": "one", "at": 1_750_000_000, "by": "Mara", "text": "Finals"}
    nonsense: tuple[Any, ...] = (
        said | {"text": 7},
        said | {"id": None},
        "hello",
        [1],
        7,
        {"grps": 2},
    )
    for message in (said, said, *nonsense):
        there.machine.call(there.outside.get("hear"), "GRPS_News", json.dumps(message))
    there.machine.call(there.outside.get("hear"), "GRPS_News", "{no json")
    assert lines(there) == ["Mara: Finals"]
    assert (
        len([line for line in there.machine.said if "news.unreadable" in line]) == len(nonsense) + 1
    )
    assert there.machine.errors == []


def test_what_is_announced_passed_the_filter(universe: Universe) -> None:
    here, there = universe.servers
    here.say(MAJOR, "/grps announce damn good")
    assert lines(there) == ["Mara: #### good"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("FilterStringAsync", "could not filter"), ("PublishAsync", "could not be reached")],
)
def test_without_filter_or_messages_nothing_is_announced(
    universe: Universe, grps: Grps, kind: str, words: str
) -> None:
    here, there = universe.servers
    universe.faults[kind] = (1.0, 0.0)
    assert words in here.say(MAJOR, "/grps announce Finals")
    assert lines(here) == lines(there) == []
    universe.faults.clear()
    assert here.say(MAJOR, "/grps announce Finals") == "Announced on every server."
    universe.run(15)
    assert len([line for line in grps.lines if line["kind"] == "command.announce"]) == 1


def test_an_officer_announces_once_a_minute(universe: Universe) -> None:
    here = universe.servers[0]
    here.say(MAJOR, "/grps announce one")
    assert "announce once a minute" in here.say(MAJOR, "/grps announce two")
    universe.run(60)
    assert here.say(MAJOR, "/grps announce three") == "Announced on every server."
    assert lines(here) == ["Mara: three", "Mara: one"]


def test_who_is_under_a_sanction_or_unknown_announces_nothing(universe: Universe) -> None:
    here = universe.servers[0]
    stand(universe, MAJOR, "Tempest Major", "suspension")
    universe.run(5)  # their server learns that they are suspended
    assert "You may not announce" in here.say(MAJOR, "/grps announce one")
    stand(universe, MAJOR, "Tempest Major")
    here.do("grps.context.policy.bundle = nil")
    assert "no policy" in here.say(MAJOR, "/grps announce one")
    assert lines(here) == []


def test_the_longest_announcement_fits_a_message(universe: Universe) -> None:
    here, there = universe.servers
    assert here.say(MAJOR, f"/grps announce {'🏆' * 200}") == "Announced on every server."
    assert lines(there) == [f"Mara: {'🏆' * 200}"]


def test_a_rank_that_rises_is_news_and_no_other_change(universe: Universe, grps: Grps) -> None:
    there = universe.servers[1]
    for rank in (
        "Shock Trooper II",
        "Shock Trooper I",
        "Suspended",
        "Shock Trooper II",
        "Shock Trooper II",
    ):
        stand(universe, NIA, rank)
    assert lines(there) == ["Nia is now Shock Trooper II."]
    there.leave(NIA)
    universe.run(2)
    grps.standing[NIA] = ("Tempest Major", None)
    there.join(NIA, "Nia")
    universe.run(5)
    assert there.session(NIA)["rank"] == "Tempest Major"
    assert lines(there) == ["Nia is now Shock Trooper II."]


def test_the_last_ten_lines_are_kept_the_newest_first(universe: Universe) -> None:
    there = universe.servers[1]
    for number in range(15):
        said = {
            "grps": 1,
            "id": str(number),
            "at": 1_750_000_000 + number,
            "by": "Mara",
            "text": str(number),
        }
        universe.publish("GRPS_News", said)
    assert lines(there) == [f"Mara: {number}" for number in range(14, 4, -1)]
