"""Facts of one player."""

import datetime as dt

import pytest
from django.utils import timezone

from players.models import DailyBalance, ExperiencePoints, Player, PositionSnapshot
from tests.players.public.conftest import days_ago, earn, get, make, rank, today


@pytest.mark.parametrize("place", [0, 20, 59])
def test_position_percentile_and_total(crowd: list[Player], place: int) -> None:
    player = crowd[place]
    body = get(f"/players/{player.user_id}")
    above = sum(other.points > player.points for other in crowd)
    fewer = sum(other.points < player.points for other in crowd)
    assert (body["position"], body["total"]) == (above + 1, 60)
    assert body["percentile"] == 100 * fewer // 60


def test_the_only_player_is_better_than_nobody(bootstrapped: None) -> None:
    make(1, 0)
    body = get("/players/1")
    assert (body["position"], body["total"], body["percentile"]) == (1, 1, None)
    assert body["bestDay"] is body["bestWeek"] is body["change"] is None
    assert body["streak"] == {"current": 0, "longest": 0}
    assert body["experiences"] == []


def test_pace_is_of_the_last_14_days(bootstrapped: None) -> None:
    player = make(1, 100)
    earn(player, today(), 10)
    earn(player, days_ago(13), 4.5)
    earn(player, days_ago(14), 100)
    assert get("/players/1")["pace"] == 1.04


@pytest.mark.parametrize(("user_id", "current"), [(31, 1), (32, 0), (58, 1), (59, 0), (60, 0)])
def test_a_streak_lasts_until_yesterday(crowd: list[Player], user_id: int, current: int) -> None:
    streak = get(f"/players/{user_id}")["streak"]
    assert streak == {"current": current, "longest": user_id % 9}


def test_best_day_and_week(crowd: list[Player]) -> None:
    body = get("/players/40")
    assert body["bestDay"] == {"day": days_ago(3).isoformat(), "amount": 40}
    assert body["bestWeek"] == {"week": "2026-W30", "amount": 5}
    assert get("/players/42")["bestWeek"] is None


def test_experiences_that_count_each_at_least_0(bootstrapped: None) -> None:
    player = make(1, 12.5)
    for origin, total, counted in (("nexus", 12.5, True), ("arena", -3, True), ("x", 9, False)):
        ExperiencePoints.objects.create(player=player, origin=origin, total=total, counted=counted)
    assert get("/players/1")["experiences"] == [
        {"experience": "nexus", "name": "Nexus", "points": 12.5},
        {"experience": "arena", "name": "arena", "points": 0},
    ]


def test_who_is_outside_of_the_best_is_compared_with_a_monday(bootstrapped: None) -> None:
    player = make(1, 1)
    week_ago = days_ago(7)
    monday = week_ago - dt.timedelta(days=week_ago.weekday())
    PositionSnapshot.objects.create(player=player, day=monday, position=9, points=1)
    assert get("/players/1")["change"] == 8


def test_a_suspended_player_keeps_rank_and_time(bootstrapped: None) -> None:
    since = timezone.now() - dt.timedelta(days=40)
    make(
        1,
        200,
        rank=rank("Suspended"),
        former_rank=rank("Shock Trooper II"),
        former_rank_since=since,
    )
    body = get("/players/1")
    assert body["rank"] == "Shock Trooper II"
    assert dt.datetime.fromisoformat(body["rankSince"]) == since
    assert body["nextRank"]["name"] == "Volt Specialist I"


@pytest.mark.parametrize("path", ["", "/series", "/history", "/promotions"])
def test_hidden_and_unknown_players_are_not_found(crowd: list[Player], path: str) -> None:
    for user_id in (101, 4_242, 2**63 - 1):
        get(f"/players/{user_id}{path}", status=404)


def test_series_carries_the_balance_forward(bootstrapped: None) -> None:
    player = make(1, 50)
    DailyBalance.objects.create(player=player, day=days_ago(4), balance=20)
    DailyBalance.objects.create(player=player, day=days_ago(2), balance=45)
    earn(player, days_ago(2), 25, kos=2, wos=1)
    earn(player, days_ago(2), 99, origin="apart", counted=False)
    days = get("/players/1/series?days=6")["days"]
    assert [one["balance"] for one in days] == [None, 20, 20, 45, 45, 50]
    assert [one["day"] for one in days] == [days_ago(back).isoformat() for back in range(5, -1, -1)]
    assert days[3] | {"balance": 0, "day": ""} == {
        "day": "",
        "awarded": 25,
        "kos": 2,
        "wos": 1,
        "balance": 0,
    }
    assert len(get("/players/1/series?days=366")["days"]) == 366
    get("/players/1/series?days=367", status=400)


def test_a_balance_from_before_the_window_is_known(crowd: list[Player]) -> None:
    assert get("/players/30/series?days=2")["days"][0]["balance"] == 30
