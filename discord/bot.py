"""The Discord client of the configured application."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from discord.rest.client import PATIENCE, Discord
from discord.rest.pacing import Pacer


class NotConfigured(Exception):
    """A setting for Discord is missing. The text says which."""


@dataclass(frozen=True, slots=True)
class Bot:
    """The application's bot in the community's guild."""

    application_id: int
    guild_id: int
    client: Discord


def bot(going_on: Callable[[], bool] = lambda: True, patience: float = PATIENCE) -> Bot:
    """Return the configured bot. Raises NotConfigured."""
    missing = [
        name
        for name in ("DISCORD_APPLICATION_ID", "DISCORD_BOT_TOKEN", "DISCORD_GUILD_ID")
        if not getattr(settings, name)
    ]
    if missing:
        raise NotConfigured(f"Discord is not set up: set {' and '.join(missing)}.")
    shared = client()
    return Bot(
        settings.DISCORD_APPLICATION_ID or 0,
        settings.DISCORD_GUILD_ID or 0,
        shared.for_work(going_on, patience),
    )


def is_configured() -> bool:
    """Return whether there is a bot with a guild."""
    return bool(
        settings.DISCORD_APPLICATION_ID and settings.DISCORD_BOT_TOKEN and settings.DISCORD_GUILD_ID
    )


def client() -> Discord:
    """Return the shared client, also without a token: answers to interactions need none."""
    return _client(settings.DISCORD_API_URL, settings.DISCORD_BOT_TOKEN, settings.REDIS_URL)


@lru_cache(maxsize=8)
def _client(url: str, token: str, redis_url: str) -> Discord:
    named = hashlib.sha256(token.encode()).hexdigest()[:16]
    return Discord(
        url,
        token,
        Pacer(redis_url, urlsplit(url).netloc, named),
        site=settings.INTEGRATIONS.endpoints.automation,
        timeout=settings.INTEGRATIONS.discord.timeout_seconds,
    )
