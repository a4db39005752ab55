"""The policy of a game server, and conditions that prevent loading it."""

import json

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import (
    refusing,
    warnings,
)
from tests.roblox.luau.universe import NIA, Answer, Universe


def test_without_grps_the_kept_policy_is_used(universe: Universe, grps: Grps) -> None:
    universe.playing().close()
    grps.away = True
    server = universe.playing()
    universe.run(10)
    assert server.award(NIA, "training") == (1500, "")


def test_an_invalid_policy_is_not_used(universe: Universe, grps: Grps) -> None:
    grps.policy["points"]["dailyCap"] = -1
    server = universe.playing()
    assert server.award(NIA, "training") == (0, "WAITING")
    universe.run(30)
    assert any(
        line["kind"] == "policy.refused" and "dailyCap" in line["text"] for line in grps.lines
    )


def test_an_unknown_rank_waits_for_its_policy(universe: Universe, grps: Grps) -> None:
    server = universe.playing()
    grps.standing[NIA] = ("Novice", None)
    document = json.dumps({"version": "2"} | grps.policy).replace('"Initiate"', '"Novice"')

    def http(url: str, method: str, headers: dict[str, str], body: str) -> Answer | None:
        return (
            (200, {"ETag": '"2"'}, document)
            if url.endswith("/roblox/policy")
            else grps(url, method, headers, body)
        )

    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(2)
    assert server.award(NIA, "training") == (0, "WAITING")
    server.join(7)
    grps.standing[7] = ("Novice", None)
    server.award(7, "training")
    universe.run(3)
    assert (server.session(7)["state"], server.session(7)["total"]) == ("ready", 0)
    universe.http = http
    universe.run(12)
    server.do("grps.context.store:refresh(...)", NIA)
    universe.run(3)
    assert server.session(NIA)["total"] == 15_00
    assert server.award(NIA, "training") == (15_00, "")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the key in the secret GRPS_KEY"),
        (403, "put a valid key"),
        (502, "answers 502"),
    ],
)
def test_a_refused_key_is_logged_with_its_fix(universe: Universe, status: int, words: str) -> None:
    universe.http = refusing(status)
    server = universe.server()
    universe.run(2)
    (line,) = warnings(server)
    assert words in line
    assert "nothing counts until there is a policy" in line
    universe.run(500)
    assert len(warnings(server)) == 1  # and not at every check
    universe.run(200)
    assert len(warnings(server)) == 2


def test_a_missing_secret_is_logged_and_the_next_trouble(universe: Universe, grps: Grps) -> None:
    universe.secrets.clear()
    server = universe.server()
    universe.run(2)
    assert "there is no secret GRPS_KEY" in warnings(server)[0]
    universe.secrets.add("GRPS_KEY")
    grps.away = True
    universe.run(20)
    assert "nobody answers at https://grps.example.org" in warnings(server)[-1]
    grps.away = False
    universe.run(20)
    server.join(NIA)
    universe.run(3)
    assert server.award(NIA, "training") == (1500, "")
    assert len(warnings(server)) == 2


def test_with_a_kept_policy_points_do_not_wait(universe: Universe, grps: Grps) -> None:
    universe.playing().close()
    grps.away = True
    server = universe.playing()
    universe.run(5)
    (line,) = warnings(server)
    assert "nothing counts" not in line
