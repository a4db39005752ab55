"""Members ask for a leave of absence from Discord."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from common.errors import Refused
from discord.interactions import addresses
from discord.interactions.answers import plain, with_page
from players.leave import requests
from players.leave.requests import Wish
from players.models import Leave
from players.policy.leave import DAY, LeaveDays

Perform = Callable[[Mapping[str, Any], int, dt.datetime], str]  # returns the text of the answer


def ask(options: Mapping[str, Any], user_id: int, now: dt.datetime) -> str:
    """Ask for leave in the name of a Roblox user. Raises Refused."""
    days = requests.from_today(int(options.get("days") or 0), now)
    if first := str(options.get("from") or ""):
        start = _day(first)
        days = LeaveDays(start, start + (days.count - 1) * DAY)
    wish = Wish(days, str(options.get("reason") or ""), Leave.Source.DISCORD)
    leave = requests.ask(user_id, wish, now=now)
    text = f"You asked for leave from {leave.first_day} to {leave.last_day}; staff decide."
    return with_page(plain(text), addresses.site(addresses.ACCOUNT))


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Refused("from: write the day as 2026-12-24.") from None
