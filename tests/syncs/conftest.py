from collections.abc import Callable, Iterator
from typing import Any

import pytest

from players.models import Player, Rank
from roblox import cloud, keys
from roblox.models import Experience
from roblox.open_cloud import client
from syncs import jobs
from syncs.membership import first_contact, reader
from syncs.models import SyncJob
from syncs.pull.runner import run
from tests import first_start
from tests.conftest import TESTER
from tests.players.conftest import Game
from tests.roblox_world import GROUP, VARIABLES, World, emulated


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    with emulated() as world:
        yield world


@pytest.fixture
def world(_world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an empty Roblox that the settings use.

    Writing is on. Neither limits nor pauses between tries slow a test.
    """
    _world.begin()
    for name, value in _world.settings.items():
        setattr(settings, name, value)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(client, "BACKOFF", 0.02)
    for name in ("TURN", "ANSWER", "PATIENCE", "CALL"):
        monkeypatch.setattr(reader, name, 60.0)  # a busy machine must not change the result
    cloud._client.cache_clear()
    return _world


@pytest.fixture
def community(world: World, transactional_db: None) -> World:
    """Return the world after setting GRPS up."""
    first_start.bootstrap()
    first_contact.register(GROUP)
    return world


@pytest.fixture
def nexus(community: World) -> Experience:
    return Experience.objects.get(key="nexus")


@pytest.fixture
def game(community: World) -> Game:
    """Return a game server of `nexus`."""
    return Game(keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1])


@pytest.fixture
def pull(community: World) -> Callable[..., SyncJob]:
    """Return a function that requests a job and runs it until it ends or must wait."""

    def pull(
        activity: str, experience: Experience | None = None, token: str = "", **options: Any
    ) -> SyncJob:
        how = jobs.Options(**options)
        asked, _ = jobs.request(activity, experience, actor=TESTER, options=how, token=token)
        held = jobs.claim_one(asked.pk)
        assert held is not None
        run(held)
        return SyncJob.objects.get(pk=asked.pk)

    return pull


@pytest.fixture
def player(community: World) -> Callable[..., Player]:
    """Return a function that creates a player directly, so that no mirror is marked for them.

    They are a member by default.
    """

    def player(user_id: int, rank: str = "Initiate", member: str = "member") -> Player:
        held = Rank.objects.get(name=rank)
        now = "2026-01-01T00:00:00Z"
        made: Player = Player.objects.create(
            user_id=user_id,
            username=f"citizen_{user_id}",
            rank=held,
            rank_since=now,
            named_at=now,
            member=member,
            listed=member == "member",
        )
        return made

    return player
