"""What counts: nothing of test experiences, private servers and Studio only where configured."""

import json
import uuid
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone

from players import daily_figures, leaderboard
from players.experiences import counting
from players.models import Player, Rank, Recommendation
from players.points import consistency, recounting
from roblox.models import Experience
from tests.players.conftest import Game


def counts(settings: Any, **what: bool) -> None:
    """Configure what of `nexus` counts, as agreed by two owners."""
    found = settings.INTEGRATIONS
    changed = tuple(
        msgspec.structs.replace(one, counts=msgspec.structs.replace(one.counts, **what))
        if one.key == "nexus"
        else one
        for one in found.experiences
    )
    settings.INTEGRATIONS = msgspec.structs.replace(found, experiences=changed)
    allowed = Experience.objects.get(key="nexus")
    Experience.objects.update(counts=counting.read(allowed.counts | what).written)


def fresh(path: str) -> Any:
    return Client().get(f"{path}?_={uuid.uuid4()}").json()


@pytest.mark.parametrize("flag", ["privateServer", "studio"])
def test_points_on_servers_that_do_not_count_are_kept_apart(game: Game, flag: str) -> None:
    game.send(game.event(1, 1), game.event(9, 1))
    Player.objects.filter(user_id=9).update(rank=Rank.objects.get(name="Stormmarshal"))
    before = Player.objects.get(user_id=1)
    body = {
        "server": {"placeId": 1, "jobId": "job", flag: True},
        "events": [
            game.event(1, 1, session=2, awarded=500, total=500),
            game.event(1, 2, session=2, type="ko", awarded=0.25, total=500.25),
            game.event(
                1, 3, session=2, type="recommendation", awarded=20, total=520.25, actorUserId=9
            ),
        ],
    }
    answer = game.client.post(
        "/roblox/events", json.dumps(body), content_type="application/json"
    ).json()
    assert (answer["accepted"], answer["rejected"]) == (3, [])
    assert answer["players"][0]["confirmed"] == {"session": 2, "sequence": 3}
    assert answer["players"][0]["points"] == fresh("/players/1")["points"] == 15
    after = Player.objects.get(user_id=1)
    assert (after.kos, after.rank_id, after.points) == (before.kos, before.rank_id, before.points)
    assert not Recommendation.objects.exists()
    assert [entry["awarded"] for entry in fresh("/players/1/history")["entries"]] == [15]
    # Other events do not use up the caps: a later day's award breaks no rule.
    assert game.send(game.event(1, 2, awarded=15, total=30))["notices"] == []
    again = game.client.post(
        "/roblox/events", json.dumps(body), content_type="application/json"
    ).json()
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    daily_figures.take_down(timezone.now())
    assert set(daily_figures.of(["points"], timezone.now().date())) == {("points", "nexus")}
    assert consistency.verify() == []


def test_an_event_names_its_server_whoever_delivers_it(game: Game) -> None:
    events = [
        game.event(1, 1, session=2, privateServer=True),
        game.event(1, 1),
        game.event(1, 1, session=3, studio=True),
    ]
    receipt = game.send(*events)
    assert receipt["accepted"] == 3
    assert {
        one["confirmed"]["session"]: one["confirmed"]["sequence"] for one in receipt["players"]
    } == {
        1: 1,
        2: 1,
        3: 1,
    }
    assert fresh("/players/1")["points"] == 15
    body = {
        "server": {"placeId": 1, "jobId": "job", "studio": True},
        "events": [game.event(1, 2, studio=False, total=30)],
    }
    game.client.post("/roblox/events", json.dumps(body), content_type="application/json")
    assert fresh("/players/1")["points"] == 30


def test_private_servers_count_where_the_experience_says_so(game: Game, settings: Any) -> None:
    counts(settings, private_servers=True)
    game.send(game.event(1, 1, privateServer=True))
    assert fresh("/players/1")["points"] == 15


def test_a_test_experience_counts_nowhere(game: Game, settings: Any) -> None:
    counts(settings, points=False)
    receipt = game.send(
        game.event(1, 1, awarded=500, total=500),
        game.event(1, 2, type="ko", awarded=0.25, total=500.25),
    )
    assert receipt["players"][0]["points"] == 0
    found = Player.objects.get()
    assert (found.points, found.kos, found.rank.name) == (0, 0, "Initiate")
    assert fresh("/players/1/history")["entries"] == []
    assert game.client.get("/roblox/players/1").json()["counts"] == {
        "points": False,
        "privateServers": False,
        "studio": False,
    }
    order = {"id": "a", "actorUserId": 1, "userId": 1, "kind": "adjust", "reason": "x", "amount": 5}
    order |= {"occurredAt": timezone.now().isoformat()}
    answer = game.client.post(
        "/roblox/sanctions", json.dumps(order), content_type="application/json"
    ).json()
    assert (answer["status"], "do not count" in answer["detail"]) == ("refused", True)
    assert consistency.verify() == []


def test_points_follow_when_an_experience_stops_counting(game: Game, settings: Any) -> None:
    game.send(*[game.event(user_id, 1) for user_id in range(1, 8)])
    game.send(game.event(1, 2, type="ko", awarded=0.25, total=15.25))
    game.send(game.event(2, 1, session=2, type="wo", awarded=-0.1, total=-40))
    counts(settings, points=False)
    assert recounting.apply_due() == 7
    assert recounting.apply_due() == 0
    assert {one.points for one in Player.objects.all()} == {0}
    assert Player.objects.get(user_id=1).kos == 0
    assert consistency.verify() == []
    game.send(game.event(1, 3, total=30.25))
    counts(settings, points=True)
    assert recounting.apply_due() == 7
    assert float(Player.objects.get(user_id=1).points) == 30.25
    assert (Player.objects.get(user_id=1).kos, Player.objects.get(user_id=2).points) == (1, 0)
    assert consistency.verify() == []
    leaderboard.fold()
    assert leaderboard.verify() == 0
