"""Promotions are public unless they would show that somebody was demoted or suspended."""

import datetime as dt

import pytest
from django.utils import timezone

from players.models import Player
from tests.players.public.conftest import decide, get, make, pages, rank

ONE, TWO, THREE = "Shock Trooper I", "Shock Trooper II", "Volt Specialist I"


@pytest.fixture
def player(bootstrapped: None) -> Player:
    return make(1, 100, rank=rank(TWO))


def shown() -> list[tuple[str, str]]:
    own = get("/players/1/promotions")["promotions"]
    assert own == get("/promotions")["promotions"]
    return [(one["fromRank"], one["rank"]) for one in own]


def test_promotions_are_shown_newest_first(player: Player) -> None:
    decide(player, "promotion", "Initiate", ONE)
    decide(player, "hand", ONE, TWO)
    assert shown() == [(ONE, TWO), ("Initiate", ONE)]
    one = get("/players/1/promotions")["promotions"][0]
    assert one["player"]["rankSlug"] == one["rankSlug"] == "shock-trooper-ii"


def test_what_a_demotion_took_back_is_gone(player: Player) -> None:
    decide(player, "promotion", "Initiate", ONE)
    decide(player, "promotion", ONE, TWO)
    decide(player, "promotion", TWO, THREE)
    decide(player, "demotion", THREE, TWO)
    assert shown() == [(ONE, TWO), ("Initiate", ONE)]


def test_a_second_way_up_shows_no_first(player: Player) -> None:
    decide(player, "promotion", "Initiate", ONE)
    decide(player, "promotion", ONE, TWO)
    decide(player, "demotion", TWO, "Initiate")
    decide(player, "hand", "Initiate", TWO)
    assert shown() == [("Initiate", TWO)]


def test_other_decisions_are_not_shown(player: Player) -> None:
    decide(player, "hand", THREE, TWO)
    decide(player, "hand", ONE, TWO, reverts=5)
    decide(player, "promotion", ONE, TWO, status="proposed", decided_at=None)
    decide(player, "promotion", ONE, TWO, status="rejected")
    decide(player, "hand", "Suspended", TWO)
    decide(player, "hand", "Initiate", TWO, source="roblox")
    assert shown() == []


def test_none_is_above_the_present_rank(player: Player) -> None:
    decide(player, "promotion", TWO, THREE)
    assert shown() == []


def test_a_suspension_changes_nothing(player: Player) -> None:
    decide(player, "promotion", "Initiate", ONE)
    decide(player, "promotion", ONE, TWO)
    before = shown()
    Player.objects.filter(pk=player.pk).update(
        rank=rank("Suspended"), former_rank=rank(TWO), former_rank_since=player.rank_since
    )
    decide(player, "hand", TWO, "Suspended")
    assert shown() == before


def test_those_of_unlisted_players_are_not_shown(player: Player) -> None:
    decide(player, "promotion", "Initiate", ONE)
    Player.objects.update(listed=False)
    get("/players/1/promotions", status=404)
    assert get("/promotions")["promotions"] == []


def test_pages_join_also_at_equal_times(bootstrapped: None) -> None:
    moment = timezone.now() - dt.timedelta(hours=1)
    ids = []
    for user_id in range(1, 12):
        holder = make(user_id, 1, rank=rank(ONE))
        one = decide(
            holder,
            "promotion",
            "Initiate",
            ONE,
            decided_at=moment + dt.timedelta(seconds=user_id // 4),
        )
        ids.append(str(one.pk))
    assert [one["id"] for one in pages("/promotions?limit=3", "promotions")] == ids[::-1]
