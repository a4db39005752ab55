"""User restrictions: bans from an experience, and their log."""

import datetime as dt
from typing import Any, NamedTuple

import msgspec

from common import time
from roblox.open_cloud.budgets import Turn
from roblox.open_cloud.client import OpenCloud
from roblox.open_cloud.operations import (
    GET_RESTRICTION,
    LIST_RESTRICTION_LOGS,
    LIST_RESTRICTIONS,
    RESTRICTION_OF_USER,
    UPDATE_RESTRICTION,
)

PAGE = 100
PRIVATE_REASON, DISPLAY_REASON = 1000, 400  # characters


class Restriction(NamedTuple):
    """Whether somebody is kept out. `seconds` None: for good; `start` empty while nothing was ever
    set.
    """

    user_id: int
    active: bool
    start: str
    seconds: int | None
    private_reason: str
    display_reason: str
    alt_accounts: bool = True

    @property
    def until(self) -> dt.datetime | None:
        """When it ends by itself; None for good (an end beyond every calendar is none), or without
        a known start.
        """
        if self.seconds is None or not self.start:
            return None
        return time.after(time.parse(self.start, default_zone=dt.UTC), self.seconds)


class LogLine(NamedTuple):
    """One change of a restriction. `moderator` is a user id, or 0 for a game server's script."""

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
    """The restriction of one user, inactive if there never was one."""
    return client.call(
        GET_RESTRICTION, _Restriction, parts={"universe": universe, "user": user_id}
    ).typed()


def page(client: OpenCloud, universe: int, token: str = "") -> tuple[list[Restriction], str]:
    """A page of everybody who was ever restricted, and the token of the next one."""
    query: dict[str, str | int] = {"maxPageSize": PAGE} | ({"pageToken": token} if token else {})
    found = client.call(LIST_RESTRICTIONS, _Restrictions, parts={"universe": universe}, query=query)
    return [row.typed() for row in found.user_restrictions], found.next_page_token


def logs(client: OpenCloud, universe: int, user_id: int) -> list[LogLine]:
    """The latest changes of one user's restriction."""
    query: dict[str, str | int] = {"maxPageSize": 10, "filter": f"user == 'users/{user_id}'"}
    found = client.call(LIST_RESTRICTION_LOGS, _Logs, parts={"universe": universe}, query=query)
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
    client: OpenCloud,
    universe: int,
    user_id: int,
    *,
    active: bool,
    seconds: int | None = None,
    private_reason: str = "",
    display_reason: str = "",
    alt_accounts: bool = True,
    idempotency_key: str,
    first_sent: dt.datetime,
) -> Restriction:
    """Restrict or release somebody, at most twice a minute each. The same key again changes
    nothing.

    `seconds` None: for good. `alt_accounts`: those that Roblox takes for theirs are kept out too.
    Reasons are cut to what Roblox takes.
    """
    join: dict[str, Any] = {"active": active}
    if active:
        join |= {
            "privateReason": private_reason[:PRIVATE_REASON],
            "displayReason": display_reason[:DISPLAY_REASON],
            "excludeAltAccounts": not alt_accounts,
        } | ({"duration": f"{max(1, seconds)}s"} if seconds is not None else {})
    query: dict[str, str | int] = {
        "updateMask": "game_join_restriction",
        "idempotencyKey.key": idempotency_key,
        "idempotencyKey.firstSent": first_sent.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return client.call(
        UPDATE_RESTRICTION,
        _Restriction,
        parts={"universe": universe, "user": user_id},
        query=query,
        body={"gameJoinRestriction": join},
        also=Turn(RESTRICTION_OF_USER, f"{universe}:{user_id}"),
    ).typed()


def _seconds(duration: str | None) -> int | None:
    return int(float(duration.removesuffix("s"))) if duration else None


def _user(path: str) -> int:
    return int(path.rpartition("/")[2] or 0)


def _moderator(moderator: Any) -> int:
    user = moderator.get("robloxUser") if isinstance(moderator, dict) else None
    return _user(user) if isinstance(user, str) else 0
