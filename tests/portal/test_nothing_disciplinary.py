"""No page, feed, frame or header of the portal holds a word of discipline, whoever is shown."""

import re

import pytest

from tests.portal import community, places
from tests.portal.conftest import Portal

WORDS = re.compile(
    r"\b(sanction|punish|suspend|suspension|bann|ban\b|demot|warned|warning|notes?\b|moderat|exploit)\w*",
    re.IGNORECASE,
)
FEEDS = ("/feed.xml", "/feed.json", "/embed/leaderboard")


def _everybody() -> list[int]:
    """Return players with and without a history of discipline."""
    ids = community.user_ids()
    groups = (community.WARNED, community.SUSPENDED, community.BANNED, community.ERASED)
    return [ids[number] for group in groups for number in group] + ids[100:105]


def _of_player(user_id: int) -> list[str]:
    return [
        f"/players/{user_id}",
        f"/players/{user_id}/feed.xml",
        f"/embed/players/{user_id}",
        f"/compare?a={user_id}&b={user_id}",
        f"/api/me/{user_id}",
    ]


@pytest.mark.parametrize(
    "addresses",
    [[*places.WITHOUT_PARAMETERS, *places.states(), *FEEDS], *map(_of_player, _everybody())],
    ids=lambda some: some[0],
)
def test_no_word_of_discipline(portal: Portal, addresses: list[str]) -> None:
    for address in addresses:
        response = portal.http.get(address)
        assert response.status_code in {200, 404}, address
        found = WORDS.search(response.text)
        assert found is None, (
            f"{address}: {response.text[max(0, found.start() - 200) : found.end() + 100]}"
        )


def test_a_suspended_player_looks_like_any(portal: Portal) -> None:
    ids = community.user_ids()
    for number in community.SUSPENDED:
        page = portal.http.get(f"/players/{ids[number]}")
        assert page.status_code == 200


def test_who_is_not_listed_looks_like_nobody(portal: Portal) -> None:
    ids = community.user_ids()
    nobody = portal.http.get("/players/404404404404")
    for group in (community.ERASED, community.UNLISTED, community.LEFT):
        page = portal.http.get(f"/players/{ids[group[0]]}")
        assert page.status_code == nobody.status_code == 404


def test_the_snapshots_hold_no_word_of_discipline(portal: Portal) -> None:
    for address in (*places.WITHOUT_PARAMETERS, *(f"/players/{one}" for one in _everybody())):
        portal.http.get(address)
    kept = [file for file in portal.state.rglob("*") if file.is_file()]
    assert kept
    for file in kept:
        found = WORDS.search(file.read_text())
        assert found is None, f"{file.name}: {found}"
