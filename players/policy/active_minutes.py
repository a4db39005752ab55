"""Merge the active minutes of sessions, and the laws for what games report of them."""

import datetime as dt
from collections.abc import Mapping

from players.policy.checks import Law, Violation

MOST = 1440  # minutes of a day
SKEW = dt.timedelta(minutes=5)  # a game server's clock may be this far ahead of ours
DAY = dt.timedelta(days=1)


def merge(kept: Mapping[str, int], reported: Mapping[str, int]) -> dict[str, int]:
    """Return the minutes by day of a session from two reports of it. The higher number counts."""
    days = {*kept, *reported}
    return {day: max(kept.get(day, 0), reported.get(day, 0)) for day in sorted(days)}


def passed(day: dt.date, now: dt.datetime, since: dt.datetime | None = None) -> int:
    """Return how many minutes of a UTC day have begun between `since` and `now`."""
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    first, last = max(start, since or start), min(start + DAY, now + SKEW)
    return max(0, -((first - last) // dt.timedelta(minutes=1)))


def check_day(minutes: int, day: dt.date, now: dt.datetime) -> Violation | None:
    """Check that the minutes of all sessions of a player's day fit into what passed of it."""
    most = passed(day, now)
    if minutes <= most:
        return None
    return Violation(
        Law.ACTIVE_DAY, f"{day}: {minutes} active minutes, of {most} that the day had so far."
    )


def check_session(
    minutes: int, day: dt.date, started_at: dt.datetime | None, now: dt.datetime
) -> Violation | None:
    """Check that a session's minutes of a day are no more than it lasted on that day."""
    if started_at is None:
        return None
    most = passed(day, now, started_at)
    if minutes <= most:
        return None
    return Violation(
        Law.ACTIVE_SESSION,
        f"{day}: {minutes} active minutes in a session that lasted {most} minutes of that day.",
    )
