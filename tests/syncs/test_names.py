"""If games disagree on a name, Roblox is asked and its answer counts."""

import pytest
from django.utils import timezone

from players import usernames
from players.models import NameCheck, Player, PlayerName
from roblox import keys
from roblox.models import Experience
from tests.conftest import TESTER
from tests.players.conftest import Game
from tests.roblox_world import World


@pytest.fixture
def other(community: World) -> Game:
    return Game(keys.create(Experience.objects.get(key="training_site"), actor=TESTER)[1])


def test_roblox_says_who_it_is_where_experiences_disagree(
    community: World, game: Game, other: Game
) -> None:
    community.join(1)
    game.send(game.event(1, 1, username="Nia"))
    other.send(other.event(1, 1, username="Stolen", displayName="Stolen"))
    assert Player.objects.get().username == "Nia"
    assert usernames.check_due() == 1
    assert Player.objects.get().username == "citizen_1"
    assert [one.username for one in PlayerName.objects.all()] == ["Nia"]
    assert usernames.check_due() == 0


def test_a_name_that_only_a_game_said_is_taken_back(community: World, game: Game) -> None:
    community.join(1)
    game.send(game.event(1, 1, username="citizen_1"))
    game.send(game.event(1, 2, username="Stolen"))
    assert Player.objects.get().username == "Stolen"
    usernames.check_due()
    game.send(game.event(1, 3, username="Stolen"))
    assert Player.objects.get().username == "citizen_1"
    assert not NameCheck.objects.filter(answered_at=None).exists()


def test_whom_roblox_does_not_know_keeps_their_name(
    community: World, game: Game, other: Game
) -> None:
    game.send(game.event(1, 1, username="Nia"))
    other.send(other.event(1, 1, username="Mia"))
    usernames.check_due()
    assert Player.objects.get().username == "Nia"


def test_a_name_is_asked_for_again_while_roblox_refuses(
    community: World, game: Game, other: Game
) -> None:
    community.join(1)
    game.send(game.event(1, 1, username="Nia"))
    other.send(other.event(1, 1, username="Mia"))
    community.control(
        "keys", key="tests-key", name="tests", ownerUserId=9001, scopes=["*"], enabled=False
    )
    assert usernames.check_due() == 0
    community.control(
        "keys", key="tests-key", name="tests", ownerUserId=9001, scopes=["*"], enabled=True
    )
    assert NameCheck.objects.get().attempts == 1
    NameCheck.objects.update(retry_at=timezone.now())
    assert usernames.check_due() == 1
    assert Player.objects.get().username == "citizen_1"
