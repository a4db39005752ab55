"""A player's public pages reveal no sanction, neither by a missing part nor by their timing."""

import datetime as dt
import itertools
from typing import Any

from django.test import Client
from django.utils import timezone

from players.discipline import sanctions
from players.models import Player
from players.moderation.command import Command
from tests.players.conftest import OWNER, Game, game  # noqa: F401 - a fixture

ASKED = itertools.count()


def seen(user_id: int = 1) -> dict[str, Any]:
    past = {"now": next(ASKED)}  # a new address, so that no cache answers
    client = Client()
    top = client.get("/leaderboard/top", past).json()
    return {
        "player": client.get(f"/players/{user_id}", past).json(),
        "history": client.get(f"/players/{user_id}/history", past).json(),
        "top": top["players"],
        "time": top["lastSyncedAt"],
    }


def suspend(user_id: int = 1) -> None:
    until = timezone.now() + dt.timedelta(days=3)
    sanctions.suspend(user_id, Command(by=OWNER, reason="spam", now=timezone.now()), until=until)


def test_a_suspension_moves_no_public_time_and_no_public_rank(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    assert Player.objects.get().rank.is_punishment
    assert seen() == before


def test_awards_of_nothing_while_suspended_are_not_public(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    game.send(game.event(sequence=2, awarded=0, total=15))
    assert seen() == before


def test_the_end_of_a_suspension_moves_nothing_either(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    suspend()
    sanctions.lift(1, Command(by=OWNER, reason="served", now=timezone.now()))
    assert seen() == before


def test_what_is_earned_is_public_with_its_time(game: Game) -> None:  # noqa: F811
    game.send(game.event())
    before = seen()
    game.send(game.event(sequence=2, total=30))
    after = seen()
    assert after["time"] > before["time"]
    assert [row["awarded"] for row in after["history"]["entries"]] == [15, 15]
