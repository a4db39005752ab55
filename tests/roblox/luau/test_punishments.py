"""Bans, suspensions and warnings in the game."""

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import GENERAL, KO, MAJOR, ZED
from tests.roblox.luau.machine import take
from tests.roblox.luau.universe import NIA, Universe, without_null

BAN = {
    "case": "BCDFGHJKMNPQ",
    "until": "2025-06-22T15:06:40.5Z",
    "reason": "Exploiting (case BCDFGHJKMNPQ)",
    "liftedByUs": True,
}


def test_banned_players_are_removed_at_once(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    server.award(NIA, "training")
    universe.run(6)
    grps.standing[NIA] = ("Initiate", "ban")
    server.award(NIA, "ko")
    universe.run(12)
    assert "banned" in universe.kicked[NIA]
    assert universe.total(NIA) == 1500 + KO


@pytest.mark.parametrize(
    ("ban", "seconds", "shown"),
    [
        (BAN, 7 * 86_400, "until 2025-06-22 (case BCDFGHJKMNPQ)"),
        (BAN | {"until": None}, -1, "games (case BCDFGHJKMNPQ)"),
        (BAN | {"until": "2025-06-01T00:00:00Z"}, 1, "until 2025-06-01"),
    ],
)
def test_a_ban_that_grps_lifts_goes_to_roblox_at_once(
    universe: Universe, grps: Grps, ban: dict[str, object], seconds: int, shown: str
) -> None:
    server = universe.playing()
    grps.bans[NIA] = ban
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": "ban"}}
    )
    universe.run(2)
    length, display, private = universe.bans[NIA]
    assert abs(length - seconds) <= 5
    assert (display, private) == ("Exploiting (case BCDFGHJKMNPQ)", "Banned by GRPS")
    assert universe.kicked[NIA] == "Exploiting (case BCDFGHJKMNPQ)"  # as Roblox does
    message = server.machine.require("ServerScriptService.GRPS.server.moderation.punishments").get(
        "message"
    )
    assert shown in take(server.machine.call(message, without_null(ban)))


@pytest.mark.parametrize(
    ("ban", "in_studio"), [(BAN | {"liftedByUs": False}, False), (BAN, True), (None, False)]
)
def test_a_ban_unknown_to_roblox_removes_at_each_join(
    universe: Universe, grps: Grps, ban: dict[str, object] | None, in_studio: bool
) -> None:
    universe.in_studio = in_studio
    if ban is not None:
        grps.bans[NIA] = ban
    grps.standing[NIA] = ("Initiate", "ban")
    server = universe.playing()
    assert "You are banned from this community's games" in universe.kicked.pop(NIA)
    universe.run(5)
    server.join(NIA)
    universe.run(5)
    assert NIA in universe.kicked
    assert universe.bans == {}
    assert server.machine.errors == []


@pytest.mark.parametrize(
    ("filter_fails", "words"), [(0.0, "You were warned: #### spam"), (1.0, "You were warned.")]
)
def test_a_warned_player_reads_the_filtered_reason(
    universe: Universe, filter_fails: float, words: str
) -> None:
    universe.faults["FilterStringAsync"] = (filter_fails, 0.0)
    server = universe.playing(MAJOR, NIA)
    assert server.say(MAJOR, f"/grps warn {NIA} damn spam") == "Done."
    assert server.told(NIA) == words


def test_a_warning_that_was_not_given_is_not_shown(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.verdict = "refused"
    server.say(MAJOR, f"/grps warn {NIA} spam")
    assert server.told(NIA) is None


def test_joining_players_read_their_warnings_in_force(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    assert server.told(NIA) is None
    grps.warnings[NIA] = 2  # given in the console
    server.award(NIA, "training")
    universe.run(10)
    assert server.told(NIA) is None  # the response to events does not contain it
    server.leave(NIA)
    universe.run(5)
    server.join(NIA)
    universe.run(5)
    assert str(server.told(NIA)).startswith("2 warnings are in force against you.")
    server.join(MAJOR)
    universe.run(5)
    assert server.say(MAJOR, f"/grps warn {NIA} spam") == "Done."
    assert server.told(NIA) == "You were warned: spam"
    universe.run(60)
    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(5)
    assert server.told(NIA) is None  # all three are known already
    grps.warnings[NIA] = 1
    server.leave(NIA)
    universe.run(5)
    server.join(NIA)
    universe.run(5)
    assert str(server.told(NIA)).startswith("1 warning is in force")


def test_a_suspension_is_shown_at_begin_join_and_end(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    assert server.told(NIA) is None
    grps.standing[NIA] = ("Suspended", "suspension")
    for _ in range(2):
        server.award(NIA, "wo")
        universe.run(8)
    assert "You are suspended" in str(server.told(NIA))
    assert server.told(NIA) is None
    later = universe.playing(ZED)
    server.leave(NIA)
    later.join(NIA)
    universe.run(8)
    assert "You are suspended" in str(later.told(NIA))
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": None}}
    )
    universe.run(1)
    assert "is over" in str(later.told(NIA))


@pytest.mark.parametrize(
    ("standing", "warnings", "codes", "told"),
    [
        (("Suspended", "suspension"), 0, ["BCDFGHJKMNPQ"], "Your case code: BCDFGHJKMNPQ."),
        (
            ("Initiate", None),
            2,
            ["RSTVWXYZBCDF", "GHJKMNPQRSTV"],
            "Your case codes: RSTVWXYZBCDF, GHJKMNPQRSTV.",
        ),
    ],
)
def test_sanctioned_players_read_their_case_codes(
    universe: Universe,
    grps: Grps,
    standing: tuple[str, str | None],
    warnings: int,
    codes: list[str],
    told: str,
) -> None:
    grps.standing[NIA], grps.warnings[NIA] = standing, warnings
    kind = standing[1] or "warning"
    grps.cases[NIA] = [(kind, code) for code in codes]
    server = universe.playing()
    universe.run(5)
    assert told in str(server.told(NIA))
    assert server.told(GENERAL) is None


def test_only_the_warned_player_reads_the_code(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.cases[NIA] = [("warning", "RSTVWXYZBCDF")]
    assert server.say(MAJOR, f"/grps warn {NIA} spam") == "Done."
    assert "Your case code: RSTVWXYZBCDF." in str(server.told(NIA))
    assert server.told(MAJOR) is None


def test_roblox_gets_a_ban_once(universe: Universe, grps: Grps) -> None:
    told: list[int] = []
    ban = universe.ban
    universe.ban = lambda user_id, *rest: (told.append(user_id), ban(user_id, *rest))[1]  # type: ignore[method-assign]
    server = universe.playing()
    grps.bans[NIA] = {"case": 12, "until": None, "reason": "Exploiting", "liftedByUs": True}
    grps.standing[NIA] = ("Initiate", "ban")
    for _ in range(5):
        server.award(NIA, "wo")
    universe.publish(
        "GRPS", {"grps": 1, "userId": NIA, "standing": {"rank": "Initiate", "sanction": "ban"}}
    )
    universe.run(60)
    assert told == [NIA]
