"""Ingestion of events: each row counts once, in any order, and each item is judged by itself."""

import datetime as dt
import json
import random
from typing import Any

import pytest
from django.utils import timezone

from audits.models import AuditEvent
from players.models import DailyPoints, LedgerEntry, Player, Session
from players.points import consistency
from tests.players.conftest import Game


def test_a_first_event_makes_the_player(game: Game) -> None:
    receipt = game.send(game.event(7, displayName="Seven"))
    assert receipt["accepted"] == 1
    (standing,) = receipt["players"]
    assert standing["confirmed"] == {"session": 1, "sequence": 1}
    assert standing["adjusted"] == {"sequence": 0, "total": 0}
    assert (standing["userId"], standing["rank"], standing["points"]) == (7, "Initiate", 15)
    player = Player.objects.get(user_id=7)
    assert (player.username, player.display_name, str(player.points)) == (
        "player_7",
        "Seven",
        "15.00",
    )


def test_names_come_in_visible_and_in_one_line(game: Game) -> None:
    nasty = {"username": "ni\u202ea\n_1", "displayName": "\u200bN" + "\u0301" * 9 + "\u2066"}
    receipt = game.send(game.event(1, **nasty), game.event(2, username="\u200b\u3164"))
    player = Player.objects.get(user_id=1)
    assert (player.username, player.display_name) == ("nia _1", "Ń" + "\u0301" * 4)
    assert not Player.objects.filter(user_id=2).exists()
    assert "nothing of it is visible" in json.dumps(receipt)


def test_a_repeat_changes_nothing_and_is_answered_alike(game: Game) -> None:
    batch = [game.event(1, 1), game.event(1, 2), game.event(2, 1)]
    first = game.send(*batch)
    again = game.send(*batch)
    assert (first["accepted"], first["duplicates"]) == (3, 0)
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    assert again["players"] == first["players"]
    assert LedgerEntry.objects.count() == 3
    assert consistency.verify() == []


def test_a_repeat_within_one_batch_counts_once(game: Game) -> None:
    event = game.event()
    receipt = game.send(event, event)
    assert (receipt["accepted"], receipt["duplicates"]) == (1, 1)
    assert Player.objects.get().points == 15


def test_any_order_of_any_pieces_ends_the_same(game: Game) -> None:
    moment = timezone.now() - dt.timedelta(hours=1)
    events = [
        game.event(1, n, occurredAt=(moment + dt.timedelta(seconds=n)).isoformat())
        for n in range(1, 30)
    ]
    dice = random.Random(3)
    pieces = [dice.sample(events, 7) for _ in range(12)] + [
        [event] for event in dice.sample(events, len(events))
    ]
    for piece in pieces:
        game.send(*piece)
    part = Session.objects.get()
    assert (part.count, part.sequence, part.confirmed, part.total) == (29, 29, 29, 15 * 29)
    assert Player.objects.get().points == 15 * 29
    assert consistency.verify() == []


def test_the_total_of_the_highest_sequence_wins(game: Game) -> None:
    game.send(game.event(1, 3, total=45))
    assert game.send(game.event(1, 1, total=15))["players"][0]["points"] == 45


def test_a_gap_is_visible_and_closes(game: Game) -> None:
    receipt = game.send(game.event(1, 1), game.event(1, 3), game.event(1, 4))
    assert receipt["players"][0]["confirmed"]["sequence"] == 1
    part = Session.objects.get()
    assert (part.sequence, part.count) == (4, 3)
    assert game.send(game.event(1, 2))["players"][0]["confirmed"]["sequence"] == 4


def test_sessions_add_up_and_may_be_negative(game: Game) -> None:
    game.send(game.event(1, 1, session=1, awarded=15, total=15))
    game.send(game.event(1, 1, session=2, type="wo", awarded=-0.1, total=-0.1))
    assert str(Player.objects.get().points) == "14.90"
    game.send(game.event(1, 2, session=2, type="wo", awarded=-0.1, total=-30))
    player = Player.objects.get()
    assert (str(player.earned), str(player.points)) == ("0.00", "0.00")


def test_good_items_land_beside_broken_ones(game: Game) -> None:
    future = (timezone.now() + dt.timedelta(hours=1)).isoformat()
    broken: list[Any] = [
        None,
        "text",
        {"userId": 1},
        game.event(userId=-1),
        game.event(userId=2**63),
        game.event(userId="1"),
        game.event(userId=True),
        game.event(sequence=0),
        game.event(session=-1),
        game.event(awarded=0.001),
        game.event(total=1e12),
        game.event(awarded="15"),
        game.event(magnitude=1.5),
        game.event(type="Not A Type"),
        game.event(username=""),
        game.event(username="a\0b"),
        game.event(username="x" * 51),
        game.event(occurredAt=future),
        game.event(occurredAt="yesterday"),
        game.event(occurredAt="2026-01-01T00:00:00"),
        [[[[[[]]]]]],
    ]
    receipt = game.send(game.event(1, 1), *broken, game.event(1, 2))
    assert receipt["accepted"] == 2
    assert [verdict["index"] for verdict in receipt["rejected"]] == list(range(1, len(broken) + 1))
    assert all(verdict["detail"] for verdict in receipt["rejected"])
    assert {verdict["code"] for verdict in receipt["rejected"]} == {"INVALID", "TOO_EARLY"}


def test_unknown_fields_of_newer_games_are_ignored(game: Game) -> None:
    assert game.send(game.event(mood="fine"))["accepted"] == 1


def test_more_than_500_events_are_refused_as_a_whole(game: Game) -> None:
    answer = game.post(*[game.event(1, n) for n in range(1, 502)])
    assert answer.status_code == 400
    assert "at most 500" in answer.json()["detail"]
    assert not LedgerEntry.objects.exists()


def test_exactly_500_events_land(game: Game) -> None:
    assert game.send(*[game.event(1 + n % 50, 1 + n // 50) for n in range(500)])["accepted"] == 500
    assert consistency.verify() == []


def test_kos_and_wos_are_counted_plainly(game: Game) -> None:
    game.send(
        game.event(1, 1, type="ko", awarded=0.75, total=0.75, magnitude=3),
        game.event(1, 2, type="ko", awarded=0, total=0.75),
        game.event(1, 3, type="wo", awarded=-0.1, total=0.65),
    )
    player = Player.objects.get()
    assert (player.kos, player.wos) == (4, 1)


def test_a_late_delivery_brings_no_old_name_back(game: Game) -> None:
    old = (timezone.now() - dt.timedelta(days=1)).isoformat()
    game.send(game.event(1, 2, username="new_name"))
    game.send(game.event(1, 1, username="old_name", occurredAt=old))
    assert Player.objects.get().username == "new_name"


def test_days_hold_awards_above_zero_only(game: Game) -> None:
    moment = dt.datetime(2026, 3, 1, 23, 59, 59, tzinfo=dt.UTC)
    game.send(
        game.event(1, 1, occurredAt=moment.isoformat()),
        game.event(1, 2, type="wo", awarded=-0.1, total=14.9, occurredAt=moment.isoformat()),
        game.event(1, 3, total=29.9, occurredAt=(moment + dt.timedelta(seconds=1)).isoformat()),
    )
    days = {str(row.day): (str(row.awarded), row.events) for row in DailyPoints.objects.all()}
    assert days == {"2026-03-01": ("15.00", 2), "2026-03-02": ("15.00", 1)}


def test_one_batch_is_one_audit_event_that_proves_its_rows(
    game: Game, django_assert_max_num_queries: Any
) -> None:
    game.send(game.event(1, 1), game.event(2, 1), "broken")
    (event,) = AuditEvent.objects.filter(action="points.ingested")
    assert (event.actor_kind, event.actor_id, event.experience) == ("experience", "nexus", "nexus")
    assert event.details["accepted"] == 2
    assert event.details["rejected"] == {"INVALID": 1}
    assert set(LedgerEntry.objects.values_list("batch", flat=True)) == {event.pk}
    with django_assert_max_num_queries(21):
        game.send(*[game.event(1 + n % 100, 2 + n // 100) for n in range(500)])


def test_a_changed_ledger_row_is_found_by_the_books(game: Game) -> None:
    from tests.audits.conftest import past_the_triggers

    game.send(game.event(1, 1), game.event(1, 2))
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE ledger SET type = 'operation' WHERE sequence = 1")
    assert [finding.kind for finding in consistency.verify()] == ["batches"]


@pytest.mark.parametrize("key", [None, "", "grps_00000000_x", "nonsense", "grps_é_é"])
def test_without_a_key_nothing_lands(game: Game, key: str | None) -> None:
    headers = {} if key is None else {"x-grps-api-key": key}
    game.client.headers = {}  # type: ignore[attr-defined]
    from django.test import Client

    answer = Client(headers=headers).post("/roblox/events", "{}", content_type="application/json")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "GRPS-Key"
