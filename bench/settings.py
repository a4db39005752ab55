"""The project's settings without throttles and request logs, and with bare views to compare."""

from bench import discord
from discord.interactions import limits
from grps_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
THROTTLE_PUBLIC_PER_MINUTE = 0
THROTTLE_WRITE_PER_MINUTE = 0
LOG_REQUESTS = False
DISCORD_APPLICATION_ID = DISCORD_GUILD_ID = discord.ID
DISCORD_PUBLIC_KEY = discord.PUBLIC_KEY
limits.everybody = limits.Bound(10**9)
