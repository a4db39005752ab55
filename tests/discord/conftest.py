from collections.abc import Callable, Iterator
from typing import Any

import pytest

from discord import bot, links
from discord.models import RoleMirror
from discord.rest import client
from players.models import Player, Rank
from tests import first_start
from tests.discord_world import MANAGED, DiscordWorld, emulated

ROLES = MANAGED


@pytest.fixture(scope="session")
def _discord() -> Iterator[DiscordWorld]:
    with emulated() as world:
        yield world


@pytest.fixture
def discord(_discord: DiscordWorld, settings: Any, monkeypatch: pytest.MonkeyPatch) -> DiscordWorld:
    """Return an empty Discord server that the settings use. Writing is on, without limits."""
    _discord.begin()
    for name, value in _discord.settings.items():
        setattr(settings, name, value)
    monkeypatch.setattr(client, "BACKOFF", 0.02)
    bot._client.cache_clear()
    return _discord


@pytest.fixture
def guild(discord: DiscordWorld, db: None) -> DiscordWorld:
    """Return the Discord server after setting GRPS up."""
    first_start.bootstrap()
    return discord


def player(user_id: int, rank: str = "Initiate") -> Player:
    """Create a member of the group directly."""
    now = "2026-01-01T00:00:00Z"
    made: Player = Player.objects.create(
        user_id=user_id,
        username=f"citizen_{user_id}",
        rank=Rank.objects.get(name=rank),
        rank_since=now,
        named_at=now,
        member="member",
        listed=True,
    )
    return made


def promote(made: Player, rank: str) -> None:
    Player.objects.filter(pk=made.pk).update(rank=Rank.objects.get(name=rank))


@pytest.fixture
def linked(guild: DiscordWorld) -> Callable[..., Player]:
    """Return a function that creates a player whose Discord account is in the guild."""

    def linked(user_id: int, rank: str = "Initiate", roles: list[int] | None = None) -> Player:
        made = player(user_id, rank)
        guild.join(user_id + 1000, roles=roles)
        links.link(user_id, user_id + 1000)
        return made

    return linked


def mirror(user_id: int) -> RoleMirror:
    return RoleMirror.objects.get(discord_id=user_id + 1000)
