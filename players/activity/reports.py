"""Parse the active minutes in the body of ``POST /roblox/events``.

Each item is the state of one session's day, not a difference. So it may come twice, late, or not
at all when a later one comes.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec

from common.time import BadMoment, in_utc
from common.visible_text import clean_name
from players.experiences import origins
from players.policy.active_minutes import MOST, SKEW

MAX_ITEMS = 500
KEPT = dt.timedelta(days=35)  # an older day is settled, and its single sessions are deleted
BIGINT = 2**63 - 1

UserId = Annotated[int, msgspec.Meta(ge=1, le=BIGINT)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class ActivityIn(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The active minutes of one session on one UTC day, from the session's start until now.

    `private_server` and `studio` describe the server of the session. Without them the batch's
    values apply.
    """

    user_id: UserId
    username: Name
    session: Annotated[int, msgspec.Meta(ge=0, le=BIGINT)]
    day: dt.date
    minutes: Annotated[int, msgspec.Meta(ge=0, le=MOST)]
    display_name: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    started_at: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None
    private_server: bool | None = None
    studio: bool | None = None


class ReportedMinutes(NamedTuple):
    """One well-formed item. `apart`: as in `ReportedEvent`."""

    item: int
    user_id: int
    username: str
    display_name: str
    session: int
    day: dt.date
    minutes: int
    started_at: dt.datetime | None
    apart: str = ""

    @property
    def key(self) -> tuple[int, int, dt.date]:
        return self.user_id, self.session, self.day


class RejectedMinutes(NamedTuple):
    """An item that changed nothing, and why."""

    item: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ServerKind:
    """What the batch says about the server that sent it."""

    private_server: bool
    studio: bool


def read(
    items: Sequence[Any], now: dt.datetime, server: ServerKind
) -> tuple[list[ReportedMinutes], list[RejectedMinutes]]:
    """Parse the items one by one. A broken one does not affect the others."""
    found: list[ReportedMinutes] = []
    rejected: list[RejectedMinutes] = []
    for index, item in enumerate(items):
        one = _read_item(index, item, now, server)
        if isinstance(one, ReportedMinutes):
            found.append(one)
        else:
            rejected.append(one)
    return found, rejected


def _read_item(
    index: int, item: Any, now: dt.datetime, server: ServerKind
) -> ReportedMinutes | RejectedMinutes:
    try:
        given = msgspec.convert(item, ActivityIn)
    except msgspec.ValidationError as error:
        return RejectedMinutes(index, "INVALID", f"{error}.")
    username = "" if "\0" in given.username else clean_name(given.username)
    if not username:
        return RejectedMinutes(index, "INVALID", "username: nothing of it is visible.")
    if fault := _fault(given, now):
        return RejectedMinutes(index, *fault)
    return ReportedMinutes(
        index,
        given.user_id,
        username,
        clean_name((given.display_name or "").replace("\0", "")),
        given.session,
        given.day,
        given.minutes,
        given.started_at,
        _apart(given, server),
    )


def _fault(given: ActivityIn, now: dt.datetime) -> tuple[str, str] | None:
    today = (now + SKEW).astimezone(dt.UTC).date()
    if given.day > today:
        return "TOO_EARLY", f"day: {given.day} has not begun by our clock; send it again later."
    if given.day < today - KEPT:
        return "TOO_LATE", f"day: {given.day} is more than {KEPT.days} days ago; drop it."
    try:
        started = in_utc(given.started_at) if given.started_at else None
    except BadMoment as error:
        return "INVALID", f"startedAt: {error}."
    if started is not None and started.date() > given.day:
        return "INVALID", "startedAt: the session began after that day."
    return None


def _apart(given: ActivityIn, server: ServerKind) -> str:
    if server.studio if given.studio is None else given.studio:
        return origins.STUDIO
    private = server.private_server if given.private_server is None else given.private_server
    return origins.PRIVATE if private else ""
