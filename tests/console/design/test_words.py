"""The words of docs/glossary.md: none that it replaces, and counts that agree with their nouns."""

import ast
import re
from pathlib import Path

import pytest
from django.utils import timezone

from common.environment import BASE_DIR
from players.discipline import sanctions
from players.models import Player, Rank
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from players.points import adjustments
from players.ranks import decisions
from tests.console.staff import owner_client

ROOT = Path(BASE_DIR)
FORBIDDEN = re.compile(
    r"\bturn(s|ed|ing)? down\b|\btakes? (it )?back\b|\blast seen\b|\bworks on it\b"
    r"|changed by hand on Roblox",
    re.IGNORECASE,
)
SAID_TO_PEOPLE = ("console", "discord/interactions", "players/actions", "players/bulk")
CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]*>", re.DOTALL)
ONE_OF_SEVERAL = re.compile(r"(?<![\d.,:#-])1 (?!(?:is|was|has|this|minus|ms)\b)[a-z]+s\b")


def said_in(source: str) -> list[str]:
    """Return the texts of a module that are no docstrings."""
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        str(node.value) for node in nodes if isinstance(node.value, str) and id(node) not in docs
    ]


def test_templates_use_the_words_of_the_glossary() -> None:
    found = {
        str(path.relative_to(ROOT)): match.group()
        for path in (ROOT / "templates").rglob("*.html")
        if (match := FORBIDDEN.search(CODE.sub(" ", path.read_text())))
    }
    assert found == {}


def test_texts_in_python_use_the_words_of_the_glossary() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for folder in SAID_TO_PEOPLE
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
        for text in said_in(path.read_text())
        if FORBIDDEN.search(text)
    ]
    assert found == []


def test_a_forbidden_word_is_found() -> None:
    assert FORBIDDEN.search(CODE.sub(" ", "<b>Turn down</b>"))
    assert said_in('"""Turn down."""\nx = f"It is turned down by {y}."')[0].startswith("It is")
    assert ONE_OF_SEVERAL.search("It has 1 warnings.")
    assert not ONE_OF_SEVERAL.search("2026-12-1 hours, 11 warnings, 1 warning")


@pytest.mark.django_db
@pytest.mark.usefixtures("bootstrapped")
def test_one_of_something_is_not_called_several() -> None:
    now = timezone.now()
    player = Player.objects.create(
        user_id=1,
        username="nia",
        display_name="",
        rank=Rank.objects.get(name="Initiate"),
        rank_since=now,
        named_at=now,
    )
    told = Command(by=at_the_shell(), reason="Led one training.", now=now)
    sanctions.warn(player.user_id, told)
    adjustments.adjust(player.user_id, 1, told)
    decisions.propose(player.user_id, "Tempest Major", told)
    client = owner_client()
    for address in (
        "/admin/",
        "/admin/players/",
        "/admin/players/1/",
        "/admin/players/1/explain/",
    ):
        page = client.get(address)
        assert page.status_code == 200, address
        text = " ".join(CODE.sub(" ", page.content.decode()).split())
        assert not (found := ONE_OF_SEVERAL.search(text)), f"{address}: {found}"
