"""Permissions of officers in a server, by their rank."""

import json

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    GENERAL,
    MAJOR,
)
from tests.roblox.luau.universe import NIA, Universe


def test_an_officer_recommends_somebody_once_per_rank(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, GENERAL, NIA)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (1000, "")
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    assert server.give(NIA, "recommendation", actor=GENERAL) == (2000, "")
    assert server.give(MAJOR, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")
    assert server.give(GENERAL, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")
    server.close()
    later = universe.playing(MAJOR, NIA)
    assert later.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    grps.standing[NIA] = ("Shock Trooper I", None)
    later.award(NIA, "wo")
    universe.run(12)
    assert later.give(NIA, "recommendation", actor=MAJOR) == (1000, "")


def test_announcing_asks_grps_for_the_officers_rank(universe: Universe, grps: Grps) -> None:
    words = "announce The finals begin"
    server = universe.playing(GENERAL, NIA)
    universe.run(90)
    grps.standing[GENERAL] = ("Initiate", None)  # and the message about it was lost
    universe.run(60)
    assert "Done" not in (said := server.say(GENERAL, f"/grps {words}"))
    assert "not" in said
    assert server.session(GENERAL)["rank"] == "Initiate"
    grps.standing[GENERAL] = ("Brigadier General", None)
    universe.run(90)
    server.award(GENERAL, "wo")
    universe.run(12)
    grps.away = True
    kept = {"standing": {"rank": "Brigadier General", "sanction": None}, "adjusted": 7}
    universe.stores["GRPS_State"] = {f"player:{GENERAL}": json.dumps(kept)}
    universe.run(90)
    for _ in range(2):
        assert "your rank is not certain" in server.say(GENERAL, f"/grps {words}")


def test_a_missed_demotion_is_learned_within_a_minute(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.standing[MAJOR] = ("Suspended", "suspension")
    universe.run(60)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")


def test_officers_are_refreshed_however_rare_saves_are(universe: Universe, grps: Grps) -> None:
    server = universe.server(autosaveSeconds=120, leaseSeconds=360)
    for user_id in (MAJOR, NIA):
        server.join(user_id)
    universe.run(5)
    refused = 0
    for _ in range(300):
        universe.run(1)
        refused += server.give(NIA, "recommendation", actor=MAJOR)[1] == "ACTOR_NOT_ENTITLED"
    assert refused == 0


def test_without_grps_an_officers_rank_holds_for_a_minute(universe: Universe, grps: Grps) -> None:
    server = universe.playing(MAJOR, NIA)
    grps.away = True
    universe.run(30)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (10_00, "")
    universe.run(90)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ACTOR_NOT_ENTITLED")


def test_a_recommendation_from_elsewhere_counts_for_the_rank(
    universe: Universe, grps: Grps
) -> None:
    grps.recommended[NIA] = [MAJOR]
    server = universe.playing(MAJOR, GENERAL, NIA)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (0, "ALREADY_RECOMMENDED")
    assert server.give(NIA, "recommendation", actor=GENERAL) == (20_00, "")
    grps.recommended[NIA] = []
    grps.standing[NIA] = ("Shock Trooper I", None)
    server.award(NIA, "training")
    universe.run(10)
    assert server.give(NIA, "recommendation", actor=MAJOR) == (10_00, "")
