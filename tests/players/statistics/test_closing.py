"""A period is closed half an hour after its end: positions are written and never change again."""

import datetime as dt
import importlib
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from players import tasks
from players.models import DailyPoints, FastestPromotion, Period, PeriodTotal, Player, Rank
from players.moderation.command import Command
from players.points import consistency
from players.privacy import erasure
from players.ranks.decisions import set_rank
from players.statistics import calendar, closing, positions
from tests.players.conftest import OWNER, Game
from tests.players.statistics.conftest import DAY, WEDNESDAY, played, run

MONDAY = dt.datetime(2026, 7, 20, 0, 31, tzinfo=dt.UTC)  # when week 2026-W29 is due

Positions = dict[int, tuple[int | None, int | None, int | None]]


def week() -> Period:
    return Period.objects.get(key="2026-W29")


def standings() -> Positions:
    """Return the positions by points, KOs and WOs, by Roblox user id."""
    rows = PeriodTotal.objects.filter(period=week()).select_related("player")
    return {row.player.user_id: (row.position, row.position_kos, row.position_wos) for row in rows}


def play_a_week(game: Game) -> None:
    """Players 1 to 4: 30, 15, 15 and 0.25 points; 2, 0, 5 and 2 KOs."""
    played(game, 1, WEDNESDAY, awarded=30, type="training", magnitude=2)
    played(game, 1, WEDNESDAY, awarded=0, type="ko", magnitude=2)
    played(game, 2, WEDNESDAY)
    played(game, 3, WEDNESDAY)
    played(game, 3, WEDNESDAY, awarded=0, type="ko", magnitude=5)
    played(game, 4, WEDNESDAY, awarded=0.25, type="ko", magnitude=2)
    played(game, 5, WEDNESDAY, awarded=-0.1, type="wo")
    run(tasks.roll_up_statistics, WEDNESDAY)


def test_spans() -> None:
    day = dt.date(2027, 1, 1)
    assert [calendar.SPANS[kind](day).key for kind in ("week", "month", "season")] == [
        "2026-W53",
        "2027-01",
        "2027-S1",
    ]
    december = calendar.month_of(dt.date(2026, 12, 31))
    assert (december.starts_on, december.ends_on) == (dt.date(2026, 12, 1), day)
    autumn = calendar.season_of(dt.date(2026, 11, 30))
    assert (autumn.key, autumn.starts_on, autumn.ends_on) == ("2026-S4", dt.date(2026, 10, 1), day)


def test_a_pass_before_the_first_roll_up_finds_every_period(community: Game) -> None:
    played(community, 1, WEDNESDAY)
    run(tasks.close_periods, MONDAY)
    run(tasks.roll_up_statistics, MONDAY)
    assert (standings(), week().players) == ({1: (1, None, None)}, 1)
    month = PeriodTotal.objects.get(period__key="2026-07", player__user_id=1)
    assert month.awarded == 15


def test_ties_share_a_position(community: Game) -> None:
    play_a_week(community)
    assert run(tasks.close_periods, MONDAY - dt.timedelta(minutes=2)) == 0
    assert (week().closed_at, set(standings().values())) == (None, {(None, None, None)})
    assert run(tasks.close_periods, MONDAY) == 1
    assert standings() == {
        1: (1, 2, None),
        2: (2, None, None),
        3: (2, 1, None),
        4: (4, 2, None),
        5: (None, None, 1),
    }
    assert (week().players, week().closed_at) == (4, MONDAY)
    assert Period.objects.get(key="2026-07").closed_at is None


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_give_the_same_positions(
    community: Game, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(positions, "PAGE", page)
    play_a_week(community)
    run(tasks.close_periods, MONDAY)
    assert [standings()[user_id][0] for user_id in (1, 2, 3, 4)] == [1, 2, 2, 4]
    assert [standings()[user_id][1] for user_id in (1, 3, 4)] == [2, 1, 2]


def test_unlisted_players_move_nobody_down(community: Game) -> None:
    play_a_week(community)
    Player.objects.filter(user_id__in=[1, 3]).update(listed=False)
    run(tasks.close_periods, MONDAY)
    assert [standings()[user_id][0] for user_id in (1, 2, 3, 4)] == [1, 1, 1, 2]
    assert week().players == 2


def test_an_event_that_comes_late_counts_in_open_periods_alone(community: Game) -> None:
    play_a_week(community)
    run(tasks.close_periods, MONDAY)
    before = standings()
    played(community, 4, WEDNESDAY + DAY, awarded=300, magnitude=20)
    run(tasks.roll_up_statistics, timezone.now())
    run(tasks.close_periods, MONDAY + DAY)
    assert standings() == before
    month = PeriodTotal.objects.get(period__key="2026-07", player__user_id=4)
    assert str(month.awarded) == "300.25"
    assert week().closed_at == MONDAY
    assert consistency.verify() == []


def test_an_event_within_the_grace_counts(community: Game) -> None:
    play_a_week(community)
    played(community, 2, WEDNESDAY)  # and no roll-up after it: the pass finds it
    run(tasks.close_periods, MONDAY)
    assert standings()[2] == (1, None, None)


def test_the_database_refuses_changes_of_a_closed_period(community: Game) -> None:
    play_a_week(community)
    run(tasks.close_periods, MONDAY)
    rows, other = PeriodTotal.objects.filter(period=week()), Player.objects.get(user_id=999)
    others = PeriodTotal.objects.filter(period__key="2026-07")
    played(community, 999, WEDNESDAY)  # in no closed period, as it comes late
    run(tasks.roll_up_statistics, timezone.now())
    changes: list[Any] = [
        lambda: rows.update(awarded=1),
        lambda: rows.filter(player__user_id=1).delete(),
        lambda: others.filter(player__user_id=999).update(period=week()),
        lambda: PeriodTotal.objects.create(period=week(), player=other, awarded=1, kos=0, wos=0),
        lambda: Period.objects.filter(pk=week().pk).update(closed_at=None),
        lambda: Period.objects.filter(pk=week().pk)._raw_delete("default"),
    ]
    for change in changes:
        with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
            change()
    assert PeriodTotal.objects.filter(period__closed_at=None).update(awarded=1) > 0


def test_an_erased_person_leaves_the_lists_of_closed_periods(community: Game) -> None:
    play_a_week(community)
    run(tasks.close_periods, MONDAY)
    erasure.erase(1, by=OWNER, reason="asked", now=timezone.now())
    assert run(tasks.roll_up_statistics, timezone.now()) > 0
    shown = PeriodTotal.objects.filter(period=week(), player__listed=True, awarded__gt=0)
    assert sorted(shown.values_list("player__user_id", flat=True)) == [2, 3, 4]
    gone = PeriodTotal.objects.get(period=week(), position=1).player
    assert (gone.user_id < 0, gone.username[:7]) == (True, "erased-")


def test_a_pass_begins_once_a_day(community: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    play_a_week(community)
    passes: list[int] = []
    monkeypatch.setattr(closing.full_pass.fastest, "find", lambda: passes.append(1))
    for minutes in (0, 1, 60, 23 * 60, 24 * 60, 25 * 60):
        run(tasks.close_periods, MONDAY + dt.timedelta(minutes=minutes))
    assert len(passes) == 2


def test_the_fastest_promotions_tell_of_no_demotion(community: Game) -> None:
    now, initiate = timezone.now(), Rank.objects.get(name="Initiate")
    higher = Rank.objects.filter(is_punishment=False, position__gt=initiate.position)[:2]
    for user_id in (1, 2, 3):
        played(community, user_id, WEDNESDAY)
        Player.objects.filter(user_id=user_id).update(created_at=now - user_id * DAY)
        by_hand(user_id, higher[0].name)
    by_hand(3, higher[1].name)
    by_hand(1, "Initiate")
    run(tasks.close_periods, now + 2 * DAY)
    found = FastestPromotion.objects.order_by("rank", "place")
    assert [(one.rank, one.place, one.player.user_id) for one in found] == [
        (higher[0], 1, 2),
        (higher[0], 2, 3),
        (higher[1], 1, 3),
    ]
    assert 2 * DAY <= dt.timedelta(seconds=found[0].seconds) < 2 * DAY + dt.timedelta(minutes=5)


def by_hand(user_id: int, rank: str) -> None:
    set_rank(user_id, rank, Command(by=OWNER, reason="a test", now=timezone.now()))


def test_old_days_get_their_kos_and_wos(community: Game) -> None:
    play_a_week(community)
    played(community, 1, WEDNESDAY - DAY, awarded=-0.1, type="wo", magnitude=7)
    right = list(DailyPoints.objects.order_by("pk").values_list("pk", "kos", "wos"))
    assert (sum(row[1] for row in right), sum(row[2] for row in right)) == (9, 8)
    DailyPoints.objects.update(kos=0, wos=0)  # as before the columns existed
    migration = importlib.import_module("players.migrations.0028_statistics_filled")
    with connection.cursor() as cursor:
        cursor.execute(migration.FILL_DAYS)
    assert list(DailyPoints.objects.order_by("pk").values_list("pk", "kos", "wos")) == right
