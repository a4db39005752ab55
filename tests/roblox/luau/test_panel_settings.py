"""The panel as a game sets it, and for players with other languages, gamepads and fingers."""

from typing import Any

import pytest

from tests.roblox.luau import cases
from tests.roblox.luau.client import Client
from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL
from tests.roblox.luau.machine import LuauError, take
from tests.roblox.luau.universe import NIA, Universe

RED = {"kind": "Color3", "R": 200, "G": 0, "B": 0}
WHY = "Why, in a sentence"


def client(
    universe: Universe, panel: Any = True, *, locale: str = "en-us", who: int = NIA
) -> Client:
    server = universe.server(panel=panel)
    for user_id in (NIA, ADMIRAL):
        server.join(user_id)
    universe.run(5)
    return Client(server, who, locale)


def test_the_key_is_the_games(universe: Universe) -> None:
    made = client(universe, {"key": "F7"})
    made.key("F6")
    assert made.buttons == ["Rank"]
    made.key("F7")
    assert "Me" in made.buttons


@pytest.mark.parametrize("key", ["", "NoKey"])
def test_a_panel_without_a_key_opens_by_its_button(universe: Universe, key: str) -> None:
    made = client(universe, {"key": key})
    made.key("F6")
    assert made.buttons == ["Rank"]
    made.press("Rank")
    assert "Me" in made.buttons
    assert made.machine.said == [line for line in made.machine.said if "has no NoKey" in line]


def test_a_panel_may_be_without_the_button(universe: Universe) -> None:
    made = client(universe, {"opener": False})
    assert made.texts == []
    made.key()
    made.press("×")
    assert made.texts == []


def test_a_gamepad_opens_selects_and_closes(universe: Universe) -> None:
    made = client(universe, {"gamepad": "ButtonR3"})
    made.key("ButtonB", gamepad=True)
    made.key("ButtonR3", gamepad=True)
    assert made.selected == "Me"
    made.key("ButtonB", gamepad=True)
    assert (made.selected, made.buttons) == (None, ["Rank"])
    made.key()
    assert made.selected is None


def test_the_colours_are_the_games(universe: Universe) -> None:
    made = client(universe, {"theme": {"PAPER": RED, "FONT": "Arial", "NO": RED, "INK": "red"}})
    assert take(made.machine.call(made.outside.get("background"))) == RED
    assert len([line for line in made.machine.said if "panel.theme" in line]) == 2


@pytest.mark.parametrize(
    ("panel", "why"),
    [
        ({"colour": "red"}, "panel.colour is unknown"),
        ({"key": 6}, "panel.key must be a string"),
        ("yes", "panel must be a boolean"),
    ],
)
def test_wrong_settings_are_errors(universe: Universe, panel: Any, why: str) -> None:
    with pytest.raises(LuauError, match=why):
        universe.server(panel=panel)


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        ("de-de", {"Rang", "Ich", "Initiate, 0 Punkte"}),
        ("es-mx", {"Rango", "Yo", "Initiate, 0 puntos"}),
        ("pt-br", {"Patente", "Eu", "Initiate, 0 pontos"}),
        ("fr-fr", {"Rank", "Me", "Initiate, 0 points"}),
    ],
)
def test_it_speaks_the_players_language(universe: Universe, locale: str, texts: set[str]) -> None:
    made = client(universe, locale=locale)
    made.key()
    assert texts <= set(made.texts)


def test_the_game_may_choose_the_language(universe: Universe) -> None:
    made = client(universe, {"language": "de"}, locale="pt-br")
    made.key()
    assert "Alle" in made.buttons
    assert ("me", "de") in made.asked


def test_an_officer_taps_a_player_and_chooses_a_reason(universe: Universe, grps: Grps) -> None:
    made = client(universe, {"reasons": ["was rude", "was late"]}, who=ADMIRAL)
    made.key()
    made.press("Here")
    made.press(f"1. player_{NIA}, Initiate, 0")
    assert f"Chosen: player_{NIA} ({NIA})" in made.texts
    made.press("warn")
    made.type(WHY, "ru")
    assert "was late" not in made.buttons
    made.press("was rude")
    made.press(f"warn player_{NIA}")
    assert (grps.commands[0]["userId"], grps.commands[0]["reason"]) == (NIA, "was rude")


def test_ranks_complete_themselves(universe: Universe, grps: Grps) -> None:
    made = client(universe, who=ADMIRAL)
    made.key()
    made.press("Here")
    made.press(f"1. player_{NIA}, Initiate, 0")
    made.press("rank")
    made.type("Rank, by its whole name", "trooper ii")
    made.press("Shock Trooper II")
    made.type(WHY, "does the work")
    made.press(f"rank player_{NIA}")
    assert grps.commands[0]["rank"] == "Shock Trooper II"


def test_a_member_taps_nobody(universe: Universe) -> None:
    made = client(universe)
    made.key()
    made.press("Here")
    assert not any("Initiate" in text for text in made.buttons)
    assert any(f"player_{NIA}, Initiate, 0" in text for text in made.texts)


def test_a_running_multiplier_is_shown(universe: Universe, grps: Grps) -> None:
    grps.policy = cases.own() | {
        "multipliers": [
            {
                "name": "Double weekend",
                "from": "2025-06-14T00:00:00Z",
                "to": "2025-06-16T00:00:00Z",
                "factor": 2,
            }
        ]
    }
    made = client(universe)
    made.key()
    assert "Double weekend counts 2 times until 2025-06-16 00:00 UTC." in made.texts
