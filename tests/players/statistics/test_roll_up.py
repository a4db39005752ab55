"""The roll-up recomputes periods, records and balances of the players who changed."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from players import tasks
from players.models import (
    DailyBalance,
    DailyPoints,
    Period,
    PeriodTotal,
    Player,
    PlayerRecord,
    Quarantine,
    StatisticsState,
)
from players.moderation.command import Command
from players.points import adjustments
from players.statistics import roll_up
from tests.console.quarantines.test_quarantine import lies
from tests.players.conftest import OWNER, Game
from tests.players.points.test_counting import counts
from tests.players.statistics.conftest import DAY, WEDNESDAY, played, run

Totals = dict[str, tuple[Decimal, int, int]]


def totals(user_id: int = 1) -> Totals:
    """Return a player's points, KOs and WOs by the period's key."""
    rows = PeriodTotal.objects.filter(player__user_id=user_id).select_related("period")
    return {row.period.key: (row.awarded, row.kos, row.wos) for row in rows}


def record(user_id: int = 1) -> PlayerRecord:
    return PlayerRecord.objects.get(player__user_id=user_id)


def written() -> set[Any]:
    """Return the physical version of every row of totals, records and balances."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 't', ctid::text, xmin::text FROM period_totals UNION ALL"
            " SELECT 'r', ctid::text, xmin::text FROM player_records UNION ALL"
            " SELECT 'b', ctid::text, xmin::text FROM daily_balances"
        )
        return set(cursor.fetchall())


def test_an_event_counts_in_its_week_month_and_season(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    played(community, 1, WEDNESDAY, type="ko", awarded=0.25)
    played(community, 1, WEDNESDAY - DAY, type="wo", awarded=-0.1, magnitude=3)
    run(tasks.roll_up_statistics, WEDNESDAY)
    all_of_it = (Decimal("15.25"), 1, 3)
    assert totals() == {"2026-W29": all_of_it, "2026-07": all_of_it, "2026-S3": all_of_it}
    wednesday = DailyPoints.objects.get(day=WEDNESDAY.date())
    assert (wednesday.awarded, wednesday.kos, wednesday.wos) == (Decimal("15.25"), 1, 0)


def test_periods_exist_since_the_first_player(community: Game) -> None:
    played(community, 1, dt.datetime(2026, 6, 10, tzinfo=dt.UTC))
    played(community, 1, dt.datetime(2026, 1, 10, tzinfo=dt.UTC))  # before the community
    run(tasks.roll_up_statistics, WEDNESDAY)
    keys = Period.objects.order_by("starts_on").values_list("kind", "key")
    assert [key for kind, key in keys if kind == "month"] == ["2026-06", "2026-07"]
    assert [key for kind, key in keys if kind == "season"] == ["2026-S2", "2026-S3"]
    weeks = [key for kind, key in keys if kind == "week"]
    assert (weeks[0], weeks[-1], len(weeks)) == ("2026-W23", "2026-W29", 7)
    run(tasks.roll_up_statistics, WEDNESDAY + 14 * DAY)
    assert Period.objects.filter(kind="week").count() == 9


def test_a_second_run_writes_nothing(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    assert run(tasks.roll_up_statistics, WEDNESDAY) == 1
    before = written()
    assert run(tasks.roll_up_statistics, WEDNESDAY) == 0
    run(tasks.close_periods, WEDNESDAY)  # the whole pass adds the founder's record alone
    assert before <= written()
    assert len(written() - before) == 2  # the founder's record and balance


def test_only_changed_players_are_recomputed(community: Game) -> None:
    for user_id in (1, 2, 3):
        played(community, user_id, WEDNESDAY)
    assert run(tasks.roll_up_statistics, WEDNESDAY) == 3
    played(community, 2, WEDNESDAY)
    assert run(tasks.roll_up_statistics, WEDNESDAY) == 1
    assert totals(2)["2026-W29"][0] == 30


def test_a_change_that_commits_late_is_found(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    played(community, 2, WEDNESDAY)
    run(tasks.roll_up_statistics, timezone.now())
    # A transaction that began before the one that was rolled up, and committed after it.
    earlier = Player.objects.get(user_id=1).updated_at - dt.timedelta(seconds=200)
    DailyPoints.objects.filter(player__user_id=2).update(awarded=44)
    Player.objects.filter(user_id=2).update(updated_at=earlier)
    assert run(tasks.roll_up_statistics, timezone.now()) == 1
    assert totals(2)["2026-07"][0] == 44


def test_a_clock_in_the_future_hides_no_player(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    Player.objects.filter(user_id=1).update(updated_at=timezone.now() + 3 * DAY)
    assert run(tasks.roll_up_statistics, timezone.now()) == 1
    played(community, 2, WEDNESDAY)
    assert run(tasks.roll_up_statistics, timezone.now()) == 1
    assert StatisticsState.objects.get(name=roll_up.JOB).cursor_at <= timezone.now()


def test_the_daily_pass_repairs_what_the_roll_up_missed(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    run(tasks.roll_up_statistics, WEDNESDAY)
    DailyPoints.objects.update(awarded=77)  # as no code does
    PlayerRecord.objects.update(best_day=1)
    assert run(tasks.roll_up_statistics, WEDNESDAY) == 0
    run(tasks.close_periods, WEDNESDAY + DAY)
    assert (totals()["2026-W29"][0], record().best_day) == (77, 77)


def test_records_and_streaks(community: Game) -> None:
    days = [0, 1, 2, 4, 5, 9]  # before Wednesday
    for number, ago in enumerate(days):
        played(community, 1, WEDNESDAY - ago * DAY, awarded=15 + number % 2)
    played(community, 1, WEDNESDAY - 20 * DAY, type="wo", awarded=-0.1)  # earns nothing
    run(tasks.roll_up_statistics, WEDNESDAY)
    found = record()
    best = (WEDNESDAY - 9 * DAY).date()
    assert (found.best_day, found.best_day_on) == (16, best)  # the first of equal days
    assert (found.best_week, found.best_week_key) == (47, "2026-W28")
    assert (found.longest_streak, found.longest_streak_ended_on) == (3, WEDNESDAY.date())
    assert (found.streak, found.streak_ended_on) == (3, WEDNESDAY.date())
    played(community, 1, WEDNESDAY - 3 * DAY)  # late, and joins two streaks
    run(tasks.roll_up_statistics, WEDNESDAY)
    assert (record().longest_streak, record().streak) == (6, 6)


def test_a_player_without_points_has_an_empty_record(community: Game) -> None:
    played(community, 1, WEDNESDAY, type="wo", awarded=-0.1)
    run(tasks.roll_up_statistics, WEDNESDAY)
    found = record()
    assert (found.best_day, found.best_day_on, found.best_week_key, found.streak) == (
        0,
        None,
        "",
        0,
    )
    assert totals()["2026-W29"] == (0, 0, 1)


def test_the_balance_of_a_day_is_the_last_one(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    run(tasks.roll_up_statistics, timezone.now())
    adjustments.adjust(1, -500, Command(by=OWNER, reason="a test", now=timezone.now()))
    run(tasks.roll_up_statistics, timezone.now())
    today = timezone.now().date()
    assert [(row.day, row.balance) for row in DailyBalance.objects.all()] == [(today, 10)]
    # Another day without a change of points adds no row.
    Player.objects.filter(user_id=1).update(updated_at=timezone.now() + DAY)
    run(tasks.roll_up_statistics, timezone.now() + DAY)
    assert DailyBalance.objects.count() == 1


def test_an_experience_that_stops_to_count_leaves_open_periods(
    community: Game, settings: Any
) -> None:
    played(community, 1, WEDNESDAY)
    run(tasks.roll_up_statistics, timezone.now())
    assert totals() != {}
    counts(settings, points=False)
    assert tasks.apply_counting() == 1
    run(tasks.roll_up_statistics, timezone.now())
    assert (totals(), record().best_day, record().longest_streak) == ({}, 0, 0)
    assert DailyBalance.objects.get().balance == 0
    counts(settings, points=True)
    tasks.apply_counting()
    run(tasks.roll_up_statistics, timezone.now())
    assert totals()["2026-07"] == (15, 0, 0)


def test_private_servers_do_not_count(community: Game) -> None:
    body = {
        "server": {"placeId": 1, "jobId": "job", "privateServer": True},
        "events": [community.event(1, 1, occurredAt=WEDNESDAY.isoformat())],
    }
    community.client.post("/roblox/events", json.dumps(body), content_type="application/json")
    run(tasks.roll_up_statistics, WEDNESDAY)
    assert DailyPoints.objects.get().origin == "nexus~private"
    assert (totals(), record().best_day) == ({}, 0)


def test_a_quarantine_counts_once_it_is_released(community: Game) -> None:
    community.send(*lies(community, occurredAt=WEDNESDAY.isoformat(), type="ko", magnitude=500))
    assert Quarantine.objects.exists()
    run(tasks.roll_up_statistics, timezone.now())
    assert totals(1000) == {}
    Quarantine.objects.update(status=Quarantine.Status.RELEASING)
    assert tasks.release_quarantines() == 101
    run(tasks.roll_up_statistics, timezone.now())
    assert totals(1000)["2026-W29"] == (500, 500, 0)
    counted = DailyPoints.objects.get(player__user_id=1000, origin="nexus")
    assert (counted.kos, counted.wos) == (500, 0)


def test_the_players_of_open_periods_are_counted(community: Game) -> None:
    for user_id in (1, 2, 3):
        played(community, user_id, WEDNESDAY)
    played(community, 4, WEDNESDAY, type="wo", awarded=-0.1)
    run(tasks.roll_up_statistics, WEDNESDAY)
    Player.objects.filter(user_id=3).update(listed=False)
    assert tasks.count_period_players() == 3
    assert tasks.count_period_players() == 0
    assert set(Period.objects.values_list("players", flat=True)) == {2}
    Player.objects.update(listed=False)
    assert tasks.count_period_players() == 3
    assert set(Period.objects.values_list("players", flat=True)) == {0}
