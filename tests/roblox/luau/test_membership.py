"""Players who are not members of the group earn nothing and may do nothing in a game."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import MAJOR
from tests.roblox.luau.universe import NIA, Universe

SINCE = "2025-01-01T00:00:00Z"


@pytest.mark.parametrize("state", ["left", "guest"])
def test_who_is_no_member_earns_nothing(universe: Universe, grps: Grps, state: str) -> None:
    grps.membership[NIA] = {"state": state, "since": SINCE}
    server = universe.playing()
    assert server.award(NIA, "training") == (0, "NOT_EARNING")
    grps.membership[NIA] = {"state": "member", "since": SINCE}
    universe.run(320)
    assert server.award(NIA, "training") == (1500, "")


def test_who_is_unknown_earns_for_five_minutes(universe: Universe, grps: Grps) -> None:
    grps.membership[NIA] = {"state": "unknown", "since": None}
    server = universe.playing()
    assert server.award(NIA, "training") == (1500, "")
    grps.membership[NIA] = {"state": "unknown", "since": SINCE}
    universe.run(320)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


def test_a_message_that_somebody_left_holds_at_once(universe: Universe) -> None:
    server = universe.playing()
    standing = {"rank": "Initiate", "sanction": None, "membership": "left"}
    universe.publish("GRPS", {"grps": 1, "userId": NIA, "standing": standing})
    universe.run(1)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


def test_an_officer_who_left_is_refused_within_a_minute(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    assert server.say(MAJOR, f"/grps warn {NIA} spammed the chat") == "Done."
    grps.membership[MAJOR] = {"state": "left", "since": SINCE}
    universe.run(60)
    said = server.say(MAJOR, f"/grps warn {NIA} spammed the chat")
    assert said != "Done."
    assert len(grps.commands) == 1


def test_an_older_grps_without_membership_binds_nobody(universe: Universe, grps: Grps) -> None:
    grps.membership[NIA] = {}
    server = universe.playing()
    assert server.award(NIA, "training") == (1500, "")
