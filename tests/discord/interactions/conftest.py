from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from discord.interactions import limits
from tests.discord.interactions.receiver import Receiver, receiving
from tests.discord.interactions.signed import APPLICATION, CHANNEL, GUILD, Discord


@pytest.fixture
def discord(settings: Any, bootstrapped: None) -> Discord:
    """Return Discord with our application in its guild."""
    found = Discord()
    settings.DISCORD_APPLICATION_ID = APPLICATION
    settings.DISCORD_GUILD_ID = GUILD
    settings.DISCORD_QUEUE_CHANNEL = CHANNEL
    settings.DISCORD_PUBLIC_KEY = found.public_key
    cache.clear()
    for bound in (limits.commands, limits.typed, limits.everybody):
        bound.forget()
    return found


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """Return the receiver of answers and messages."""
    with receiving() as found:
        settings.DISCORD_API_URL = found.url
        settings.DISCORD_BOT_TOKEN = "a bot's token"
        settings.DISCORD_WRITES = True
        yield found
