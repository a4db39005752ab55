"""The search finds players by each of their names and by their id, once each."""

import pytest

from players.models import Player
from tests.players.public.conftest import LARGEST, get, make, pages, renamed


@pytest.fixture
def named(bootstrapped: None) -> None:
    make(1, 1, username="Anna", display_name="The Queen")
    make(2, 1, username="annabel", display_name="Annabel")
    make(3, 1, username="bert", display_name="ANNA fan")
    renamed(make(4, 1, username="carl"), "annalise")
    both = make(5, 1, username="dora", display_name="annika")
    renamed(both, "anna5")
    twice = make(6, 1, username="emil")
    renamed(twice, "anna_2")
    renamed(twice, "Anna_1")
    make(7, 1, username="annahid", listed=False)
    renamed(make(8, 1, username="fred", listed=False), "annaold")
    make(LARGEST, 1, username="last")
    make(12, 1, username="123456")
    make(123456, 1, username="12")


def found(query: str) -> list[tuple[str, str, str]]:
    items = pages(f"/players?search={query}", "players")
    return [(one["username"], one["matched"], one["matchedText"]) for one in items]


ANNA = [
    ("Anna", "username", "Anna"),
    ("annabel", "username", "annabel"),
    ("bert", "displayName", "ANNA fan"),
    ("dora", "formerName", "anna5"),
    ("emil", "formerName", "Anna_1"),
    ("carl", "formerName", "annalise"),
]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_every_name_finds_its_player_once(named: None, limit: int) -> None:
    assert found(f"anna&limit={limit}") == ANNA


def test_case_is_ignored(named: None) -> None:
    assert found("aNNA") == ANNA


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_an_exact_id_comes_first(named: None, limit: int) -> None:
    assert found(f"123456&limit={limit}") == [
        ("12", "userId", "123456"),
        ("123456", "username", "123456"),
    ]
    assert found(str(LARGEST)) == [("last", "userId", str(LARGEST))]
    assert found("9223372036854775808") == []


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "a%", "ANNA\U0001f600"])
def test_signs_of_patterns_are_letters(named: None, text: str) -> None:
    assert found(text.replace("%", "%25").replace("\\", "%5C")) == []


@pytest.mark.parametrize("after", ["1:zzz:1", "3::0", "2:anna:999999999999999999"])
def test_a_made_up_cursor_finds_only_what_matches(named: None, after: str) -> None:
    body = get(f"/players?search=anna&after={after}")
    assert {one["username"] for one in body["players"]} <= {name for name, _, _ in ANNA}
    assert body["suggestions"] == []


@pytest.mark.parametrize("after", ["anna:1", "4:anna:1", "1:anna:-1", "1:anna:1x"])
def test_a_broken_cursor_is_refused(named: None, after: str) -> None:
    get(f"/players?search=anna&after={after}", status=400)


@pytest.mark.parametrize("text", ["annna", "nana", "annax", "anan"])
def test_somebody_who_is_not_found_is_suggested(named: None, text: str) -> None:
    body = get(f"/players?search={text}")
    assert body["players"] == []
    assert body["suggestions"][0] == "Anna"
    assert len(body["suggestions"]) <= 3
    assert "annahid" not in body["suggestions"]


def test_nothing_is_suggested_beside_results(named: None) -> None:
    assert get("/players?search=anna")["suggestions"] == []
    Player.objects.update(listed=False)
    assert get("/players?search=annna")["suggestions"] == []
