import datetime as dt
from typing import Any

import pytest

from common import database_clock
from players import tasks
from players.models import Player, Rank
from tests.players.conftest import Game

WEDNESDAY = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)  # week 2026-W29
DAY = dt.timedelta(days=1)


def run(task: Any, at: dt.datetime) -> int:
    """Run a Celery task as at a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_clock, "now", lambda: at)
        patch.setattr(tasks, "database_time", lambda: at)
        done: int = task()
        return done


@pytest.fixture
def community(game: Game) -> Game:
    """Return a game whose community exists since long before every event of these tests."""
    first = Rank.objects.get(name="Initiate")
    founded = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    founder = Player.objects.create(
        user_id=999, username="founder", rank=first, rank_since=founded, named_at=founded
    )
    Player.objects.filter(pk=founder.pk).update(created_at=founded, updated_at=founded)
    return game


def played(game: Game, user_id: int, at: dt.datetime, **changes: Any) -> None:
    """Send an event of a player at a moment, with the next sequence of their session."""
    from players.models import Session

    found = Session.objects.filter(player__user_id=user_id, session=1).first()
    sequence = found.sequence + 1 if found else 1
    total = float(found.total if found else 0) + changes.get("awarded", 15)
    game.send(
        game.event(user_id, sequence, total=total, **{"occurredAt": at.isoformat()} | changes)
    )
