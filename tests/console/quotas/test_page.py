"""The page of quotas, its file, and the part of the case file."""

import datetime as dt

import pytest
from django.test import Client

from common import database_clock
from players.models import Player
from players.quotas import closing
from tests.players.quotas.test_closing import make, play, put_in_force

pytestmark = pytest.mark.django_db
WEEK = dt.timedelta(days=7)


@pytest.fixture
def captains(owner: Client) -> list[Player]:
    """Return two captains in the first week of their quota, one of whom has met it."""
    now = database_clock.now()
    put_in_force()
    found = [make(user_id, since=now - 2 * WEEK) for user_id in (1, 2)]
    closing.run(now - WEEK)
    closing.run(now)
    play(found[0], now, 70)
    return found


def rows(owner: Client, **query: str) -> str:
    answer = owner.get("/admin/quotas/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_says_who_meets_a_quota(owner: Client, captains: list[Player]) -> None:
    page = rows(owner)
    assert "asks for" in page
    assert "citizen_1" in page
    assert "citizen_2" in page
    met = rows(owner, state="met")
    assert "citizen_1" in met
    assert "citizen_2" not in met


def test_the_file_holds_the_same(owner: Client, captains: list[Player]) -> None:
    answer = owner.get("/admin/quotas.csv", {"state": "met"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "1,citizen_1,Captain I,met,70,0,0,0," in text
    assert "citizen_2" not in text


def test_nothing_is_shown_before_there_are_quotas(owner: Client) -> None:
    assert "first period opens" in rows(owner)


def test_the_case_file_shows_weeks_quotas_and_exemptions(
    owner: Client, captains: list[Player]
) -> None:
    page = owner.get("/admin/players/1/").content.decode()
    assert "70 of 70 active minutes" in page
