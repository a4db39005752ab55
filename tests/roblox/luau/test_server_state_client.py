"""A player's state in GRPS, over HTTP or from its data store."""

import json

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    KO,
    TRAINING,
    ZED,
)
from tests.roblox.luau.universe import NIA, Answer, Universe


def test_late_events_of_a_crashed_server_are_learned(universe: Universe, grps: Grps) -> None:
    first = universe.playing()
    grps.away = True
    first.award(NIA, "training")
    universe.run(20)  # in the queue, and not yet saved
    first.crash()
    grps.away = False
    universe.run(260)
    second = universe.playing()
    assert second.session(NIA)["known"] == 0
    grps.drain(universe.queues["GRPS_Events"])
    second.award(NIA, "ko")
    universe.run(130)
    assert second.session(NIA)["known"] == 1500 + KO
    second.close()
    assert universe.total(NIA) == grps.total(NIA) == 1500 + KO


def test_points_from_elsewhere_stay_out_of_the_profile(universe: Universe, grps: Grps) -> None:
    grps.elsewhere[NIA] = 40_00
    server = universe.playing()
    server.award(NIA, "training")
    assert server.session(NIA)["known"] == 55_00
    server.close()
    assert universe.total(NIA) == 15_00


@pytest.mark.parametrize(
    "answer",
    [
        "[]",
        '{"players": 3}',
        '{"players": [3, {"userId": "x"}]}',
        '{"players": [{"userId": 156, "sessions": 3}]}',
        '{"players": {"userId": 156}}',
        '{"players": [{"userId": 156, "sessions": [{"session": 1}], "elsewhere": "x"}]}',
        '{"players": [{"userId": 156, "sessions": [], "elsewhere": 0, "rankSince": "2025-01-01T00:00:00Z",'
        ' "adjusted": {"total": 0}}]}',
    ],
)
def test_an_unreadable_answer_lets_the_player_play(
    universe: Universe, grps: Grps, answer: str
) -> None:
    universe.http = lambda url, *call: (
        (200, {}, answer) if "/roblox/joins" in url else grps(url, *call)
    )
    server = universe.playing()
    assert server.award(NIA, "training") == (TRAINING, "")
    server.close()
    assert universe.total(NIA) == TRAINING


def test_suspended_players_earn_nothing_while_asking(universe: Universe, grps: Grps) -> None:
    grps.standing[NIA] = ("Suspended", "suspension")
    server = universe.server()
    universe.run(5)
    universe.latency["http"] = 5
    server.join(NIA)
    universe.run(2)
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(10)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")
    assert server.session(NIA)["total"] == 0


def test_the_data_store_answers_while_grps_is_quiet(universe: Universe, grps: Grps) -> None:
    quiet = {"now": False}

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return (
            (503, {"Retry-After": "200"}, "") if quiet["now"] else grps(url, method, headers, body)
        )

    universe.http = http
    standing = {"standing": {"rank": "Suspended", "sanction": "suspension"}}
    universe.stores["GRPS_State"] = {f"player:{NIA}": json.dumps(standing)}
    server = universe.playing(ZED)
    quiet["now"] = True
    server.award(ZED, "ko")
    universe.run(10)
    server.join(NIA)
    universe.run(3)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")


def test_an_idle_player_learns_of_a_ban(universe: Universe, grps: Grps) -> None:
    universe.playing()
    grps.standing[NIA] = ("Initiate", "ban")  # and the message was lost
    universe.run(400)
    assert NIA in universe.kicked


def test_the_data_store_does_not_replace_newer_answers(universe: Universe, grps: Grps) -> None:
    grps.away = True
    kept = {"standing": {"rank": "Initiate", "sanction": None}}
    universe.stores["GRPS_State"] = {f"player:{NIA}": json.dumps(kept)}
    universe.playing().close()
    grps.away = False
    server = universe.playing()
    grps.standing[NIA] = ("Suspended", "suspension")
    server.award(NIA, "training")
    universe.run(8)
    grps.away = True
    universe.run(400)
    assert server.award(NIA, "training") == (0, "NOT_EARNING")
