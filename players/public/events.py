"""Hosted events that everybody may see: to come, and those of one player."""

import datetime as dt
from dataclasses import dataclass

from players.public.rows import read


@dataclass(frozen=True, slots=True)
class PlayerEvent:
    id: int
    kind: str
    title: str
    experience: str
    started_at: dt.datetime
    hosted: bool


@dataclass(frozen=True, slots=True)
class UpcomingEvent:
    """An event that runs or is planned. The host is None if no public list shows them."""

    id: int
    kind: str
    title: str
    description: str
    experience: str
    starts_at: dt.datetime
    minutes: int
    running: bool
    host_id: int | None
    host_username: str | None
    host_display_name: str | None


def of_player(user_id: int, most: int) -> list[PlayerEvent]:
    """Return what a listed player attended or hosted, newest first."""
    return read(PlayerEvent, "SELECT * FROM portal.events_of(%s, %s)", [user_id, most])


def upcoming(most: int) -> list[UpcomingEvent]:
    """Return what runs or is planned, soonest first."""
    return read(UpcomingEvent, "SELECT * FROM portal.upcoming_events(%s)", [most])
