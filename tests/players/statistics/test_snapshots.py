"""Positions of past days, and the number of players by rank."""

import datetime as dt

import pytest
from django.utils import timezone

from players import tasks
from players.models import Player, PositionSnapshot, Rank, RankCount
from players.statistics import positions, snapshots
from tests.players.conftest import Game
from tests.players.statistics.conftest import DAY, WEDNESDAY, played, run

MONDAY = dt.datetime(2026, 7, 20, tzinfo=dt.UTC)


def kept(day: dt.datetime) -> list[tuple[int, int]]:
    rows = PositionSnapshot.objects.filter(day=day.date()).order_by("position", "-player")
    return list(rows.values_list("player__user_id", "position"))


@pytest.fixture
def best_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the best two players of each day instead of the best 10,000."""
    monkeypatch.setattr(positions, "PAGE", 2)
    monkeypatch.setattr(snapshots, "PAGE", 2)
    monkeypatch.setattr(snapshots, "BEST", 2)


def players(game: Game) -> None:
    for user_id, awarded in ((1, 15), (2, 30), (3, 15), (4, 1)):
        played(game, user_id, WEDNESDAY, awarded=awarded)
    Player.objects.filter(user_id=4).update(listed=False)


def test_mondays_keep_everybody_and_other_days_the_best(game: Game, best_two: None) -> None:
    players(game)
    assert run(tasks.keep_positions, WEDNESDAY) == 2
    assert kept(WEDNESDAY) == [(2, 1), (3, 2)]
    assert run(tasks.keep_positions, MONDAY) == 3
    assert kept(MONDAY) == [(2, 1), (3, 2), (1, 2)]


def test_a_day_is_kept_once(game: Game) -> None:
    players(game)
    assert run(tasks.keep_positions, WEDNESDAY) == 3
    played(game, 1, WEDNESDAY, awarded=100)
    assert run(tasks.keep_positions, WEDNESDAY) == 0
    assert kept(WEDNESDAY)[0] == (2, 1)


def test_old_positions_are_deleted(
    game: Game, best_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "PURGED", 1)
    players(game)
    player = Player.objects.get(user_id=1)
    for day in (MONDAY - 36 * DAY + DAY, MONDAY - 28 * DAY, MONDAY - 398 * DAY, MONDAY - 401 * DAY):
        for position in (1, 3):
            other = player if position == 1 else Player.objects.get(user_id=2)
            PositionSnapshot.objects.create(
                day=day.date(), player=other, position=position, points=1
            )
    run(tasks.keep_positions, MONDAY + DAY)
    left = PositionSnapshot.objects.filter(day__lt=MONDAY.date()).order_by("day", "position")
    assert [((MONDAY.date() - row.day).days, row.position) for row in left] == [
        (398, 1),
        (398, 3),  # no Monday: it has the best alone
        (35, 1),
        (28, 1),
        (28, 3),
    ]


def test_players_are_counted_by_public_rank(game: Game) -> None:
    players(game)
    initiate, suspended = Rank.objects.get(name="Initiate"), Rank.objects.get(is_punishment=True)
    Player.objects.filter(user_id=1).update(rank=suspended, former_rank=initiate)
    assert tasks.count_ranks() == Rank.objects.count()
    counts = dict(RankCount.objects.filter(players__gt=0).values_list("rank", "players"))
    assert counts == {initiate.pk: 3}
    assert tasks.count_ranks() == 0
    played(game, 7, timezone.now())
    assert tasks.count_ranks() == 1
    assert RankCount.objects.get(rank=initiate).players == 4
