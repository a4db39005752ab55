from tests.console.accounts.conftest import discord, provider, roblox
from tests.console.conftest import player

__all__ = ["discord", "player", "provider", "roblox"]
