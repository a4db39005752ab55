"""Texts for players in their language."""

import re
from typing import Any

import pytest

from tests.roblox.luau.grps import Grps
from tests.roblox.luau.helpers import ADMIRAL, evaluate
from tests.roblox.luau.machine import HOME, Machine, take
from tests.roblox.luau.universe import NIA, Universe

SHARED = "ServerScriptService.GRPS.shared"
LANGUAGES = ("de", "es", "pt_br")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted(HOME.rglob("*.luau"))
    if path.parent.name != "texts"
)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


def call(machine: Machine, name: str, *args: Any) -> Any:
    return take(machine.call(machine.require(f"{SHARED}.translations").get(name), *args))


def catalogue(machine: Machine, language: str) -> dict[str, str]:
    found: dict[str, str] = take(machine.require(f"{SHARED}.texts.{language}"))
    return found


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de-de", "de"),
        ("es-mx", "es"),
        ("pt-br", "pt-BR"),
        ("pt_pt", "pt-BR"),
        ("en-us", "en"),
        ("fr-fr", "en"),
        ("", "en"),
        (7, "en"),
    ],
)
def test_a_locale_has_a_language_or_english(machine: Machine, locale: Any, language: str) -> None:
    assert call(machine, "language", locale) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts(machine: Machine, language: str) -> None:
    ours, german = catalogue(machine, language), catalogue(machine, "de")
    assert set(ours) == set(german)
    for source, text in ours.items():
        assert sorted(re.findall(r"{\w+}", source)) == sorted(re.findall(r"{\w+}", text))


def test_a_text_without_a_translation_stays_english(machine: Machine) -> None:
    assert call(machine, "text", "de", "No such text.") == "No such text."
    assert call(machine, "translate", "fr", "Done.") == "Done."
    assert call(machine, "translate", "de", "No such text. Nor this.") == "No such text. Nor this."


def test_a_composed_text_is_translated_by_its_sentences(machine: Machine) -> None:
    text = "2 warnings are in force against you. The community's website says how to appeal. Your case code: A-1."
    assert call(machine, "translate", "de", text) == (
        "Gegen dich gelten 2 Verwarnungen. "
        "Wie du Einspruch erhebst, steht auf der Website der Community. Dein Fallcode: A-1."
    )


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "Captain I, 12.5 points. Captain II needs 40 points.",
            "Captain I, 12.5 Punkte. Captain II verlangt 40 Punkte.",
        ),
        ("15 points (KO_COOLDOWN).", "15 Punkte (KO_COOLDOWN)."),
        ("ban Nia for good: asking GRPS.", "ban Nia für immer: GRPS wird gefragt."),
        (
            "Training ended. Award it with: award all",
            "Training ist zu Ende. Vergib die Punkte mit: award all",
        ),
    ],
)
def test_the_most_exact_source_is_taken(machine: Machine, english: str, german: str) -> None:
    assert call(machine, "translate", "de", english) == german


def test_a_ban_is_explained_in_the_players_language(universe: Universe, grps: Grps) -> None:
    grps.bans[NIA] = {"case": "A-1", "until": None, "reason": "exploits", "liftedByUs": False}
    grps.standing[NIA] = ("Initiate", "ban")
    server = universe.server()
    server.do("game.Players.PlayerAdded:Connect(function(player) player.LocaleId = 'es-es' end)")
    server.join(NIA)
    universe.run(5)
    assert universe.kicked[NIA].startswith(
        "Estás baneado de los juegos de esta comunidad (caso A-1)."
    )


def test_values_cannot_change_a_text(machine: Machine) -> None:
    assert call(
        machine, "text", "de", "{name} is now {rank}.", {"name": "%1", "rank": "{name}"}
    ) == ("%1 ist jetzt {name}.")
    assert call(machine, "translate", "es", "You were warned: (a) 100%.") == (
        "Recibiste una advertencia: (a) 100%."
    )


def test_a_player_reads_sanctions_in_their_language(universe: Universe, grps: Grps) -> None:
    server = universe.playing(NIA, ADMIRAL)
    evaluate(server, "(function() player.LocaleId = 'de-de' end)()")
    server.say(ADMIRAL, f"/grps warn {NIA} spammed the chat")
    assert (server.told(NIA) or "").startswith("Du wurdest verwarnt")
    assert server.say(ADMIRAL, f"/grps warn {ADMIRAL} x").startswith("You may not")
    assert server.say(NIA, "/grps warn zoe x").startswith("Hier heißt niemand zoe.")


def test_a_client_says_its_language(universe: Universe) -> None:
    server = universe.playing(NIA)
    assert server.ask(NIA, "me", "pt-br")["ok"]
    universe.run(3)
    assert server.ask(NIA, "find", "ni")["text"] == "Só oficiais podem buscar."
    assert server.ask(NIA, "me", {"no": "text"})["ok"]
    assert server.ask(NIA, "find", "ni")["text"] == "Só oficiais podem buscar."
