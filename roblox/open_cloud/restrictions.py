"""User restrictions: bans from an experience, and their log."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from common import time
from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.operations import (
    GET_RESTRICTION,
    LIST_RESTRICTION_LOGS,
    LIST_RESTRICTIONS,
    RESTRICTION_OF_USER,
    UPDATE_RESTRICTION,
)
from roblox.open_cloud.pacing import RateSlot

PAGE = 100
PRIVATE_REASON, DISPLAY_REASON = 1000, 400  # characters


class Restriction(NamedTuple):
    """A user's restriction. `seconds` None: without an end. `start` is empty without one."""

    user_id: int
    active: bool
    start: str
    seconds: int | None
    private_reason: str
    display_reason: str
    alt_accounts: bool = True

    @property
    def until(self) -> dt.datetime | None:
        """The end, None without an end or start, or for an end beyond the calendar."""
        if self.seconds is None or not self.start:
            return None
        return time.after(time.parse(self.start, default_zone=dt.UTC), self.seconds)


@dataclass(frozen=True, slots=True)
class RestrictionChange:
    """A restriction to write. `seconds` None: without an end.

    `alt_accounts`: Roblox also restricts the accounts that it considers the user's. Reasons are cut
    to Roblox's limits.
    """

    user_id: int
    active: bool
    seconds: int | None = None
    private_reason: str = ""
    display_reason: str = ""
    alt_accounts: bool = True

    def body(self) -> dict[str, Any]:
        if not self.active:
            return {"active": False}
        reasons = {
            "privateReason": self.private_reason[:PRIVATE_REASON],
            "displayReason": self.display_reason[:DISPLAY_REASON],
            "excludeAltAccounts": not self.alt_accounts,
        }
        end = {} if self.seconds is None else {"duration": f"{max(1, self.seconds)}s"}
        return {"active": True} | reasons | end


class Idempotency(NamedTuple):
    """The key of a change, and when it was first sent. Roblox forgets a key after a day."""

    key: str
    first_sent: dt.datetime


class LogLine(NamedTuple):
    """One change of a restriction. `moderator` is a user id, 0 for a game server's script."""

    user_id: int
    moderator: int
    at: str
    active: bool
    private_reason: str


class _Join(msgspec.Struct, frozen=True, rename="camel"):
    active: bool = False
    start_time: str | None = None
    duration: str | None = None
    private_reason: str = ""
    display_reason: str = ""
    exclude_alt_accounts: bool = False


class _Restriction(msgspec.Struct, frozen=True, rename="camel"):
    user: str = ""
    path: str = ""
    game_join_restriction: _Join = _Join()

    def typed(self) -> Restriction:
        user = self.user or self.path
        join = self.game_join_restriction
        return Restriction(
            int(user.rpartition("/")[2]),
            join.active,
            join.start_time or "",
            _seconds(join.duration),
            join.private_reason,
            join.display_reason,
            not join.exclude_alt_accounts,
        )


class _Restrictions(msgspec.Struct, frozen=True, rename="camel"):
    user_restrictions: list[_Restriction] = []
    next_page_token: str = ""


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    user: str = ""
    moderator: Any = None
    create_time: str = ""
    active: bool = False
    private_reason: str = ""


class _Logs(msgspec.Struct, frozen=True, rename="camel"):
    logs: list[_Log] = []
    next_page_token: str = ""


def get(client: OpenCloud, universe: int, user_id: int) -> Restriction:
    """Return one user's restriction, inactive if there never was one."""
    return client.call(
        Request(GET_RESTRICTION, {"universe": universe, "user": user_id}), _Restriction
    ).typed()


def page(client: OpenCloud, universe: int, token: str = "") -> tuple[list[Restriction], str]:
    """Return a page of everybody who was ever restricted, and the next page's token."""
    query: dict[str, str | int] = {"maxPageSize": PAGE} | ({"pageToken": token} if token else {})
    found = client.call(
        Request(LIST_RESTRICTIONS, {"universe": universe}, query=query), _Restrictions
    )
    return [row.typed() for row in found.user_restrictions], found.next_page_token


def logs(client: OpenCloud, universe: int, user_id: int) -> list[LogLine]:
    """Return the latest changes of one user's restriction."""
    query: dict[str, str | int] = {"maxPageSize": 10, "filter": f"user == 'users/{user_id}'"}
    found = client.call(Request(LIST_RESTRICTION_LOGS, {"universe": universe}, query=query), _Logs)
    return [
        LogLine(
            _user(row.user),
            _moderator(row.moderator),
            row.create_time,
            row.active,
            row.private_reason,
        )
        for row in found.logs
    ]


def update(
    client: OpenCloud, universe: int, change: RestrictionChange, once: Idempotency
) -> Restriction:
    """Restrict or release a user, at most twice a minute. A repeated key changes nothing."""
    request = Request(
        UPDATE_RESTRICTION,
        {"universe": universe, "user": change.user_id},
        query={
            "updateMask": "game_join_restriction",
            "idempotencyKey.key": once.key,
            "idempotencyKey.firstSent": f"{once.first_sent.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        },
        body={"gameJoinRestriction": change.body()},
        also=RateSlot(RESTRICTION_OF_USER, f"{universe}:{change.user_id}", str(universe)),
    )
    return client.call(request, _Restriction).typed()


def _seconds(duration: str | None) -> int | None:
    return int(float(duration.removesuffix("s"))) if duration else None


def _user(path: str) -> int:
    return int(path.rpartition("/")[2] or 0)


def _moderator(moderator: Any) -> int:
    user = moderator.get("robloxUser") if isinstance(moderator, dict) else None
    return _user(user) if isinstance(user, str) else 0
