import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audits.record import Actor
from players.models import Player
from players.moderation.actors import Staff

OWNER = Staff(Actor("staff", "1", "Olga", "staff:1"), rank=None, bypasses_second_person=True)


class Game:
    """A game server of `nexus`, over HTTP."""

    def __init__(self, api_key: str) -> None:
        self.client = Client(headers={"x-grps-api-key": api_key})

    def event(self, user_id: int = 1, sequence: int = 1, **changes: Any) -> dict[str, Any]:
        event = {
            "userId": user_id,
            "username": f"player_{user_id}",
            "session": 1,
            "sequence": sequence,
        }
        event |= {"type": "training", "awarded": 15, "total": 15 * sequence}
        return event | {"occurredAt": timezone.now().isoformat()} | changes

    def send(self, *events: Any) -> dict[str, Any]:
        answer = self.post(*events)
        assert answer.status_code == 200, answer.content
        receipt: dict[str, Any] = answer.json()
        return receipt

    def post(self, *events: Any) -> Any:
        body = {"server": {"placeId": 1, "jobId": "job"}, "events": events}
        return self.client.post("/roblox/events", json.dumps(body), content_type="application/json")


@pytest.fixture
def game(api_key: str) -> Game:
    return Game(api_key)


@pytest.fixture
def stands(game: Game) -> Callable[..., Player]:
    """Return a function that creates a player with points and a rank, bypassing the rules."""

    def stands(points: float, rank: str = "Initiate", days: float = 0, user_id: int = 1) -> Player:
        from players.models import Rank

        game.send(game.event(user_id, type="training", awarded=0, total=points))
        since = timezone.now() - dt.timedelta(days=days)
        Player.objects.filter(user_id=user_id).update(
            rank=Rank.objects.get(name=rank), rank_since=since
        )
        return Player.objects.get(user_id=user_id)

    return stands
