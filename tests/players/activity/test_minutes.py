"""Active minutes come with the batches of games, as states that only grow."""

import datetime as dt
import json
import random
from typing import Any

import pytest

from audits.models import AuditEvent
from common import database_clock
from players.activity import queries
from players.activity.landing import SessionDay, write
from players.models import ActiveDay, ActiveMinutes, Player, Rank
from players.policy import active_minutes
from tests.players.conftest import Game
from tests.shared_clock import clock_at

pytestmark = pytest.mark.django_db
EPOCH = dt.date(1970, 1, 1)
NOON = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)  # a Wednesday


@pytest.fixture(autouse=True)
def _noon(api_key: str) -> Any:
    with clock_at(NOON):
        yield


def report(session: int = 1, minutes: int = 30, **changes: Any) -> dict[str, Any]:
    report = {"userId": 1, "username": "player_1", "session": session, "day": "2026-11-18"}
    return report | {"minutes": minutes} | changes


def send(game: Game, *activity: Any, events: Any = (), **server: Any) -> dict[str, Any]:
    body = {
        "server": {"placeId": 1, "jobId": "job"} | server,
        "events": list(events),
        "activity": list(activity),
    }
    answer = game.client.post("/roblox/events", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    receipt: dict[str, Any] = answer.json()
    return receipt


def minutes() -> int:
    player = Player.objects.get(user_id=1)
    day = NOON.date()
    return queries.minutes([player.pk], day, day + dt.timedelta(days=1)).get(player.pk, 0)


def test_reports_are_merged_in_any_order_and_number(game: Game) -> None:
    for of_one, of_other in ((10, 5), (25, 5), (10, 0), (25, 7)):
        receipt = send(game, report(1, of_one), report(2, of_other))
    assert minutes() == 32
    assert [one["minutes"] for one in receipt["activity"]] == [25, 7]
    assert ActiveMinutes.objects.count() == 2
    assert ActiveDay.objects.get().minutes == 32


@pytest.mark.usefixtures("game")
def test_sql_merges_sessions_as_the_rule_does() -> None:
    dice, rank = random.Random(7), Rank.objects.get(name="Initiate")
    player = Player.objects.create(
        user_id=1, username="x", rank=rank, rank_since=NOON, named_at=NOON
    )
    kept = dict[int, dict[str, int]]()
    for _ in range(30):
        batch = [
            SessionDay(player.pk, dice.randrange(3), dice.randrange(4), dice.randrange(200))
            for _ in range(dice.randrange(1, 5))
        ]
        write("nexus", batch)
        for one in batch:
            reported = {str(one.day): one.minutes}
            kept[one.session] = active_minutes.merge(kept.get(one.session, {}), reported)
        rows = ActiveMinutes.objects.values_list("session", "day", "minutes")
        expected = {
            (session, EPOCH + dt.timedelta(days=int(day)), minutes)
            for session, days in kept.items()
            for day, minutes in days.items()
            if minutes
        }
        assert set(rows) == expected
        for day, total in ActiveDay.objects.values_list("day", "minutes"):
            assert total == sum(row[2] for row in expected if row[1] == day)


def test_a_broken_report_does_not_affect_the_others(game: Game) -> None:
    broken = [
        report(minutes=1441),
        report(day="2026-13-01"),
        report(day="2026-11-20"),
        report(day="2026-01-01"),
        report(startedAt="2026-11-19T00:00:00Z"),
        "nothing",
    ]
    receipt = send(game, *broken, report())
    codes = [one["code"] for one in receipt["rejectedActivity"]]
    assert codes == ["INVALID", "INVALID", "TOO_EARLY", "TOO_LATE", "INVALID", "INVALID"]
    assert minutes() == 30


def test_a_private_server_counts_apart(game: Game) -> None:
    send(game, report(1, 20), privateServer=True)
    send(game, report(2, 20, studio=True))
    assert minutes() == 0
    assert ActiveMinutes.objects.count() == 2


def test_more_than_the_time_that_passed_breaks_a_law_once(game: Game) -> None:
    for _ in range(2):
        send(game, report(1, 60, startedAt=(NOON - dt.timedelta(minutes=30)).isoformat()))
    broken = AuditEvent.objects.filter(action="points.mismatch")
    assert [event.details["law"] for event in broken] == ["ACTIVE_SESSION"]
    send(game, report(2, 700))
    laws = [event.details["law"] for event in broken.order_by("id")]
    assert laws == ["ACTIVE_SESSION", "ACTIVE_DAY"]
    send(game, *(report(session, 700) for session in range(3, 6)))
    assert minutes() == 1440


def test_a_player_is_made_by_minutes_alone(game: Game) -> None:
    send(game, report(userId=77, username="newcomer"))
    assert Player.objects.get(user_id=77).username == "newcomer"


def test_the_clock_is_stopped() -> None:
    assert database_clock.now() == NOON
