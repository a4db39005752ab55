"""Games hear of the leave that a player is on, and when it ends soon, over HTTP."""

import datetime as dt
from typing import Any

from django.utils import timezone

from players.leave import schedule
from players.models import Leave
from players.policy.leave import DAY
from tests.players.conftest import Game
from tests.players.ranks.test_locks import Stands

TODAY = timezone.now().astimezone(dt.UTC).date()


def told(game: Game, user_id: int = 1) -> Any:
    return game.client.get(f"/roblox/players/{user_id}").json()["leave"]


def test_games_hear_of_a_leave_and_of_its_end(game: Game, stands: Stands) -> None:
    player = stands(60, days=1)
    assert told(game) is told(game, 987654) is None
    leave = Leave.objects.create(
        player=player, status="approved", source="staff", reason="exams",
        first_day=TODAY, last_day=TODAY + 9 * DAY,
    )  # fmt: skip
    schedule.run(timezone.now())
    assert told(game) == {"last": str(leave.last_day), "endsSoon": False}
    Leave.objects.update(last_day=TODAY)
    schedule.run(timezone.now())
    assert told(game) == {"last": str(TODAY), "endsSoon": True}
    assert b"exams" not in game.client.get("/roblox/players/1").content
    Leave.objects.update(last_day=TODAY + 5 * DAY)  # extended: it is not time to remind any more
    assert told(game)["endsSoon"] is False
