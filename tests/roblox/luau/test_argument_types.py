"""Arguments that name players."""

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import MAJOR
from tests.roblox.luau.universe import NIA, Universe


def test_digits_are_a_user_id_unless_somebody_has_that_name(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR)
    server.join(NIA, "12345")
    universe.run(3)
    assert "Type @12345 for them, or #12345 for the user id" in server.say(
        MAJOR, "/grps note 12345 is polite"
    )
    assert server.say(MAJOR, "/grps note @12345 is polite") == "Done."
    assert server.say(MAJOR, "/grps note #12345 is polite") == "Done."
    assert server.say(MAJOR, "/grps note 99 is polite") == "Done."
    assert "Nobody here is called 1e5" in server.say(MAJOR, "/grps note 1e5 is polite")
    assert [sent["userId"] for sent in grps.commands] == [NIA, 12345, 99]
