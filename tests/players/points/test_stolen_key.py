"""A stolen key of one experience cannot change points and names of another experience."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from players import usernames
from players.models import NameCheck, Player, PlayerName
from players.moderation.command import Command
from players.points import adjustments, consistency
from players.privacy import erasure
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER
from tests.players.conftest import OWNER, Game


@pytest.fixture
def other(game: Game) -> Game:
    """Return a game server of the other experience."""
    return Game(keys.create(Experience.objects.get(key="training_site"), actor=TESTER)[1])


def shown(user_id: int = 1) -> dict[str, Any]:
    # A new address each time, so that no cache answers.
    found: dict[str, Any] = Client().get(f"/players/{user_id}?_={uuid.uuid4()}").json()
    return found


def test_one_experience_takes_nothing_from_another(game: Game, other: Game) -> None:
    game.send(game.event(1, 1, awarded=15, total=15))
    other.send(other.event(1, 1, type="wo", awarded=-0.1, total=-399))
    assert shown()["points"] == 15
    assert game.send(game.event(1, 2, awarded=15, total=30))["players"][0]["points"] == 30
    # Later points of that experience first make up for its loss.
    other.send(other.event(1, 2, total=-384), other.event(1, 3, total=5))
    assert shown()["points"] == 35
    assert consistency.verify() == []


def test_a_game_is_told_gains_and_not_losses(game: Game, other: Game) -> None:
    game.send(game.event(1, 1, awarded=15, total=15), game.event(2, 1, awarded=15, total=15))
    other.send(other.event(1, 1, type="wo", awarded=-0.1, total=-399), other.event(2, 1, total=15))
    told = {one: game.client.get(f"/roblox/players/{one}").json() for one in (1, 2)}
    assert [(one["points"], one["elsewhere"]) for one in told.values()] == [(15, 0), (30, 15)]


def test_an_adjustment_takes_points_of_any_experience(game: Game, other: Game) -> None:
    game.send(game.event(1, 1, awarded=15, total=15))
    other.send(other.event(1, 1, total=-20))
    adjustments.adjust(1, -1000, Command(by=OWNER, reason="a test", now=timezone.now()))
    assert shown()["points"] == 5


def test_a_key_renames_nobody_whom_its_experience_never_had(game: Game, other: Game) -> None:
    game.send(game.event(1, 1, username="Nia", displayName="N"))
    for sequence in range(1, 4):
        other.send(other.event(1, sequence, username="Stolen", displayName="Stolen"))
        found = Player.objects.get()
        assert (found.username, found.display_name) == ("Nia", "N")
    assert NameCheck.objects.get().answered_at is None


def test_a_key_renames_nobody_who_came_from_the_group(game: Game) -> None:
    game.send(game.event(2))
    rank, now = Player.objects.get().rank, timezone.now()
    Player.objects.create(user_id=1, username="Nia", rank=rank, rank_since=now, named_at=now)
    game.send(game.event(1, 1, username="Stolen"))
    assert Player.objects.get(user_id=1).username == "Nia"


def test_the_only_experience_of_a_player_may_rename_them(game: Game) -> None:
    game.send(game.event(1, 1, username="Nia", displayName="N"))
    game.send(game.event(1, 2, username="Mia"))
    found = Player.objects.get()
    assert (found.username, found.display_name) == ("Mia", "N")
    assert [one.username for one in PlayerName.objects.all()] == ["Nia"]
    assert NameCheck.objects.filter(answered_at=None).exists()  # GRPS asks Roblox for the name


def test_where_nobody_can_be_asked_the_older_name_stays(game: Game, other: Game) -> None:
    game.send(game.event(1, 1, username="Nia"))
    other.send(other.event(1, 1, username="Nia"))
    later = (timezone.now() + dt.timedelta(seconds=1)).isoformat()
    other.send(other.event(1, 2, username="Mia", occurredAt=later))
    assert usernames.check_due() == 0
    assert Player.objects.get().username == "Nia"


def test_former_names_go_with_an_erased_person(game: Game) -> None:
    game.send(game.event(1, 1, username="Nia"))
    game.send(game.event(1, 2, username="Mia"))
    erasure.erase(1, by=OWNER, reason="asked for", now=timezone.now())
    assert not PlayerName.objects.exists()
    assert "Mia" not in str(list(Player.objects.values()))
