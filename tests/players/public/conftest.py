"""A small community with ties, hidden players and a history, made without ingestion."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from players import leaderboard
from players.models import (
    DailyBalance,
    DailyPoints,
    Decision,
    ExperiencePoints,
    Period,
    PeriodTotal,
    Player,
    PlayerName,
    PlayerRecord,
    PolicyVersion,
    PositionSnapshot,
    Rank,
)

LARGEST = 2**63 - 1


def today() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date()


def days_ago(days: int) -> dt.date:
    return today() - dt.timedelta(days=days)


def rank(name: str) -> Rank:
    return Rank.objects.get(name=name)


def make(user_id: int, points: float | str, **fields: Any) -> Player:
    now = timezone.now()
    given = {
        "username": f"player_{user_id}",
        "rank": rank("Initiate"),
        "rank_since": now,
        "named_at": now,
        "earned": Decimal(str(points)),
    }
    return Player.objects.create(user_id=user_id, **given | fields)


def earn(player: Player, day: dt.date, awarded: float, **fields: Any) -> None:
    """Write points of a day, in an experience that counts unless `counted` says otherwise."""
    origin = fields.pop("origin", "nexus")
    counted = fields.pop("counted", True)
    ExperiencePoints.objects.get_or_create(
        player=player, origin=origin, defaults={"total": awarded, "counted": counted}
    )
    DailyPoints.objects.create(
        player=player, origin=origin, day=day, awarded=Decimal(str(awarded)), events=1, **fields
    )


def decide(player: Player, kind: str, before: str, after: str, **fields: Any) -> Decision:
    """Write an applied decision."""
    given: dict[str, Any] = {
        "status": "applied",
        "source": "events",
        "inputs": {},
        "failed": [],
        "policy": PolicyVersion.objects.get(),
        "decided_at": timezone.now(),
    }
    return Decision.objects.create(
        player=player, kind=kind, from_rank=rank(before), to_rank=rank(after), **given | fields
    )


def get(path: str, status: int = 200) -> Any:
    """GET an address that no other test requested, since the cache outlives a test's database."""
    answer = Client().get(f"{path}{'&' if '?' in path else '?'}fresh={uuid.uuid4().hex}")
    assert answer.status_code == status, answer.content
    return answer.json()


def pages(path: str, field: str) -> list[Any]:
    """Follow `next` to the end, and return the items of all pages."""
    found, after = [], ""
    while True:
        page = get(f"{path}{after}")
        found += page[field]
        if page["next"] is None:
            return found
        assert page[field]
        after = f"&after={page['next']}"


@pytest.fixture
def crowd(bootstrapped: None) -> list[Player]:
    """Create 60 listed players and 5 hidden ones. Every third shares the points of another."""
    for number in range(1, 61):
        holder = make(
            LARGEST - number if number <= 3 else number,
            (number // 3 * 3 * 11 % 400) + (0.25 if number % 2 else 0),
            kos=number * 7 % 20,
            wos=number % 4,
            display_name=f"Shown {number}" if number % 2 else "",
            rank=rank("Shock Trooper I" if number % 5 == 0 else "Initiate"),
        )
        earn(holder, days_ago(number % 14), number)
        DailyBalance.objects.create(player=holder, day=days_ago(20), balance=number)
        PositionSnapshot.objects.create(
            player=holder, day=days_ago(7), position=number, points=number
        )
        PlayerRecord.objects.create(
            player=holder,
            row_version=0,
            best_day=number,
            best_day_on=days_ago(3),
            best_week=number % 7,
            best_week_key="2026-W30",
            longest_streak=number % 9,
            longest_streak_ended_on=days_ago(2),
            streak=number % 3,
            streak_ended_on=days_ago(number % 3),
        )
    hide_five()
    while leaderboard.fold():
        pass
    return list(Player.objects.filter(listed=True).order_by("-points", "-id"))


def hide_five() -> None:
    """Create players who are in no list although their figures are the best."""
    for number in range(101, 106):
        hidden = make(number, 5_000 + number, kos=99, wos=99, listed=False, username="player_hid")
        earn(hidden, today(), 500)
        PlayerRecord.objects.create(
            player=hidden,
            row_version=0,
            best_day=9_999,
            best_day_on=today(),
            best_week=9_999,
            best_week_key="2026-W30",
            longest_streak=999,
            longest_streak_ended_on=today(),
            streak=9,
            streak_ended_on=today(),
        )


def period(key: str, kind: str, *, closed: bool) -> Period:
    """Create a period in which every player earned."""
    made = Period.objects.create(
        kind=kind,
        key=key,
        starts_on=days_ago(7),
        ends_on=days_ago(-1),
        frozen_at=timezone.now() if closed else None,
    )
    for player in Player.objects.all():
        PeriodTotal.objects.create(
            period=made, player=player, awarded=player.pk % 13, kos=player.pk % 5, wos=0
        )
    if closed:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE period_totals t SET position = r.place FROM (SELECT t.player_id,"
                " rank() OVER (ORDER BY t.awarded DESC) AS place FROM period_totals t"
                " JOIN players p ON p.id = t.player_id AND p.listed WHERE t.period_id = %s) r"
                " WHERE t.period_id = %s AND t.player_id = r.player_id",
                [made.pk, made.pk],
            )
        Period.objects.filter(pk=made.pk).update(closed_at=timezone.now())
    return made


def renamed(player: Player, former: str) -> None:
    """Give a player a former username."""
    now = timezone.now()
    PlayerName.objects.create(player=player, username=former, first_seen=now, last_seen=now)
