"""Every text that the modules of games say to players is in the catalogues."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from players.policy.hosting import AwardRefusal, HostingRefusal
from tests.roblox.luau.machine import HOME, Machine, take

ROOT = HOME.parents[1]
SAID = re.compile(r"(?:refused\(|\btext = |\bnil, |\bHELP = )(`[^`]*`|\"[^\"]*\")")
HELD = re.compile(r"{[^{}]*}")
PARTS = ("events", "moderation", "ui")  # the others write to the log
# Pieces of composed texts, whose whole is tested beside.
COMPOSED = ("{why}", "{more}", "{if award", "warn, pardon")
# Modules of GRPS whose answers a game shows to a host as they are.
ANSWERS = ("awarding", "game_reports", "reports", "rights", "shares")
ELSEWHERE = re.compile("undo|approved|event_of")  # functions that no game leads to
WORDS = {"Refused", "NotAllowed", "Answer", "ActionResult"}


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


def english(machine: Machine, texts: set[str]) -> list[str]:
    """Return the texts that stay English in German, as a player would read them."""
    translate = machine.require("ServerScriptService.GRPS.shared.translations").get("translate")
    return sorted(
        text for text in texts if text and take(machine.call(translate, "de", text)) == text
    )


def literals() -> set[str]:
    """Return what the server's modules say, with X in place of each value."""
    found = set()
    paths = [path for part in PARTS for path in sorted((HOME / "server" / part).rglob("*.luau"))]
    for path in [*paths, HOME / "server" / "init.luau"]:
        for said in SAID.findall(path.read_text(encoding="utf-8")):
            if " " in said and not any(part in said for part in COMPOSED):
                found.add(HELD.sub("X", said[1:-1]))
    return found


def test_what_games_say_is_translated(machine: Machine) -> None:
    assert len(literals()) > 40
    assert english(machine, literals()) == []


def test_why_somebody_may_not_host_is_translated(machine: Machine) -> None:
    reasons = {*map(str, HostingRefusal), "nothing is known of you yet"}
    assert english(machine, {f"You may not: {why}." for why in reasons}) == []


def filled(node: ast.expr) -> str:
    """Return a text of Python with X in place of each value."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "X"  # type: ignore[misc]
            for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def answers(path: Path) -> Iterator[str]:
    tree: Any = ast.parse(path.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and ELSEWHERE.search(function.name):
            function.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in WORDS:
            yield from map(filled, node.args)
        if isinstance(node, ast.Assign) and " " in filled(node.value):
            yield filled(node.value)


def test_what_grps_answers_a_host_is_translated(machine: Machine) -> None:
    home = ROOT / "players" / "hosted_events"
    said = {text for name in ANSWERS for text in answers(home / f"{name}.py") if " " in text}
    said = {text for text in said if text[0].isupper() and text[-1] in ".!"}
    said.remove("Nobody can be awarded: X.")  # with each reason below
    assert len(said) > 10
    said |= {"3 attendees are awarded 45 points. 1 got nothing.", "It waits as request 7."}
    reasons = {*map(str, AwardRefusal), "nobody stayed long enough", "they are banned"}
    said |= {f"Nobody can be awarded: {why}." for why in reasons}
    assert english(machine, said) == []
