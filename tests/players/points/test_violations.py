"""Violations of the rules by a game are reported to it and to staff. The points stay."""

import datetime as dt
from collections.abc import Callable

from audits.models import AuditEvent, AuditPersonal
from players.models import Player, Recommendation
from tests.players.conftest import Game

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)  # a Monday


def laws() -> list[str]:
    return [
        event.details["law"]
        for event in AuditEvent.objects.filter(action="points.mismatch").order_by("id")
    ]


def at(seconds: float) -> str:
    return (NOON + dt.timedelta(seconds=seconds)).isoformat()


def test_an_award_above_the_weight(game: Game) -> None:
    receipt = game.send(game.event(1, 1, awarded=16, total=16))
    assert [(notice["index"], notice["code"]) for notice in receipt["notices"]] == [
        (0, "AWARD_ABOVE_WEIGHT")
    ]
    assert laws() == ["AWARD_ABOVE_WEIGHT"]
    assert Player.objects.get().points == 16
    assert AuditPersonal.objects.filter(field="targetName", value="player_1").exists()


def test_one_event_counts_no_more_than_is_worth_a_day(game: Game) -> None:
    magnitudes = (5_000, 5_001)  # of wos, which are worth 0.1 each
    receipt = game.send(
        *(
            game.event(1, sequence, type="wo", magnitude=magnitude, awarded=0, total=0)
            for sequence, magnitude in enumerate(magnitudes, start=1)
        )
    )
    assert [(notice["index"], notice["code"]) for notice in receipt["notices"]] == [(1, "COUNT")]
    assert laws() == ["COUNT"]


def test_an_unknown_type_is_reported_back(game: Game) -> None:
    receipt = game.send(game.event(1, 1, type="picnic", awarded=0, total=0))
    assert (receipt["accepted"], receipt["notices"][0]["code"]) == (1, "UNKNOWN_TYPE")
    assert laws() == []


def test_a_day_above_its_cap_is_said_once(game: Game) -> None:
    events = [
        game.event(1, n, type="operation", awarded=25, total=25 * n, occurredAt=at(n))
        for n in range(1, 24)
    ]
    game.send(*events[:20])
    assert laws() == []
    game.send(*events[20:22])
    game.send(*events[22:])
    assert laws() == ["DAY_CAP"]


def test_a_week_above_its_cap(game: Game) -> None:
    for day in range(7):
        moment = at(day * 86_400)
        game.send(
            game.event(
                1,
                day + 1,
                type="operation",
                magnitude=16,
                awarded=400,
                total=400 * (day + 1),
                occurredAt=moment,
            )
        )
    assert laws() == ["WEEK_CAP"]


def test_two_counted_kos_too_close_whatever_their_order(game: Game) -> None:
    def ko(sequence: int, seconds: float, awarded: float = 0.25) -> dict[str, object]:
        return game.event(
            1, sequence, type="ko", awarded=awarded, total=0.25 * sequence, occurredAt=at(seconds)
        )

    game.send(ko(4, 100), ko(5, 130))
    assert laws() == []
    game.send(ko(3, 115, awarded=0))
    assert laws() == []
    game.send(ko(2, 71))
    assert laws() == ["COOLDOWN"]
    game.send(ko(6, 300))
    assert laws() == ["COOLDOWN"]


def test_a_total_that_does_not_fit_its_awards(game: Game) -> None:
    game.send(game.event(1, 2, total=99))
    assert laws() == []  # the first row is missing, so no violation can be established yet
    game.send(game.event(1, 1))
    assert laws() == ["TOTAL"]
    game.send(game.event(1, 3, total=114))
    assert laws() == ["TOTAL"]


def test_a_repeat_with_other_contents_means_two_writers(game: Game) -> None:
    game.send(game.event(1, 1, awarded=15, total=15))
    receipt = game.send(game.event(1, 1, awarded=10, total=10))
    assert receipt["notices"][0]["code"] == "REPEAT_DIFFERS"
    assert laws() == ["REPEAT_DIFFERS"]
    assert Player.objects.get().points == 15


def test_a_recommendation_counts_once_per_officer_and_rank(
    game: Game, stands: Callable[..., Player]
) -> None:
    stands(0, "Tempest Major", user_id=50)
    stands(0, user_id=1)

    def recommend(sequence: int, officer: int, awarded: float) -> list[str]:
        event = game.event(
            1, sequence, type="recommendation", awarded=awarded, total=awarded, actorUserId=officer
        )
        return [notice["code"] for notice in game.send(event)["notices"]]

    assert recommend(2, 50, 10) == []
    assert recommend(3, 50, 0) == ["ALREADY_RECOMMENDED"]
    assert recommend(4, 999, 0) == ["ACTOR_NOT_ENTITLED"]
    assert recommend(5, 1, 0) == ["ACTOR_NOT_ENTITLED"]
    assert recommend(6, 50, 20) == ["AWARD_ABOVE_WEIGHT", "ALREADY_RECOMMENDED"]
    assert Recommendation.objects.count() == 1
