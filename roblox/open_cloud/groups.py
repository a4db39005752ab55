"""Groups: roles, members and the log. A member has the base role and any number of others."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from common.visible_text import clean_name
from roblox.open_cloud.client import OpenCloud, Request
from roblox.open_cloud.operations import (
    ACCEPT_JOIN_REQUEST,
    ASSIGN_ROLE,
    DECLINE_JOIN_REQUEST,
    GET_GROUP,
    LIST_GROUP_LOG,
    LIST_JOIN_REQUESTS,
    LIST_MEMBERSHIPS,
    LIST_ROLES,
    UNASSIGN_ROLE,
    Operation,
)

ROLES_PAGE = 20
MEMBERS_PAGE = 100
LOG_PAGE = 100
REQUESTS_PAGE = 20
BASE_RANK = 1  # the role that every member has
OWNER_RANK = 255  # this and GUEST_RANK cannot be assigned
GUEST_RANK = 0


@dataclass(frozen=True, slots=True)
class Role:
    """A role. `rank` is a number from 0 to 255, and not the id.

    `permissions` is None if the key may not read them, `members` (a number) if Roblox names none.
    """

    id: int
    name: str
    rank: int
    permissions: frozenset[str] | None = None
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member with all role ids, including the base role. `joined_at` is the last joining."""

    user_id: int
    roles: tuple[int, ...]
    joined_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the group's log: `action` is like `ChangeRank`, `target` a user id or None."""

    at: dt.datetime
    action: str
    actor: int
    target: int | None
    roles: tuple[str, ...] = ()


class _Role(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    rank: int
    display_name: str = ""
    permissions: dict[str, bool] | None = None
    member_count: int | None = None

    def typed(self) -> Role:
        granted = (
            None
            if self.permissions is None
            else frozenset(name for name, on in self.permissions.items() if on)
        )
        return Role(
            int(self.id), clean_name(self.display_name, 100), self.rank, granted, self.member_count
        )


class _Roles(msgspec.Struct, frozen=True, rename="camel"):
    group_roles: list[_Role] = []
    next_page_token: str = ""


class _Membership(msgspec.Struct, frozen=True, rename="camel"):
    user: str
    role: str = ""
    roles: list[str] = []
    create_time: dt.datetime | None = None

    def typed(self) -> Member:
        roles = self.roles or ([self.role] if self.role else [])
        return Member(
            _number(self.user), tuple(sorted(_number(role) for role in roles)), self.create_time
        )


class _LogUser(msgspec.Struct, frozen=True, rename="camel"):
    user_id: int = 0


class _LogActor(msgspec.Struct, frozen=True):
    user: _LogUser | None = None


class _LogEntry(msgspec.Struct, frozen=True, rename="camel"):
    created: dt.datetime
    actor: _LogActor | None = None
    action_type: str = ""
    description: Any = None

    def typed(self) -> LogEntry:
        user = self.actor.user if self.actor else None
        description = self.description if isinstance(self.description, dict) else {}
        target = description.get("TargetId")
        roles = tuple(str(description.get(name, "")) for name in ("OldRoleSetId", "NewRoleSetId"))
        action = self.action_type.replace(" ", "")
        known = isinstance(target, int) and not isinstance(target, bool)
        return LogEntry(
            self.created, action, user.user_id if user else 0, target if known else None, roles
        )


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    data: list[_LogEntry] = []
    next_page_cursor: str | None = None


class _Memberships(msgspec.Struct, frozen=True, rename="camel"):
    group_memberships: list[_Membership] = []
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class JoinRequestRead:
    """An open request to join. `id` is the last part of its path."""

    id: str
    user_id: int
    asked_at: dt.datetime


class _JoinRequest(msgspec.Struct, frozen=True, rename="camel"):
    path: str
    user: str
    create_time: dt.datetime

    def typed(self) -> JoinRequestRead:
        return JoinRequestRead(self.path.rpartition("/")[2], _number(self.user), self.create_time)


class _JoinRequests(msgspec.Struct, frozen=True, rename="camel"):
    group_join_requests: list[_JoinRequest] = []
    next_page_token: str = ""


class _Nothing(msgspec.Struct, frozen=True):
    """An answer that says nothing."""


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    member_count: int = 0


def size(client: OpenCloud, group: int) -> int:
    """Return the group's own count of its members."""
    return client.call(Request(GET_GROUP, {"group": group}), _Group).member_count


def roles(client: OpenCloud, group: int) -> list[Role]:
    """Return every role of the group."""
    found: list[Role] = []
    token = ""
    while True:
        query: dict[str, str | int] = {"maxPageSize": ROLES_PAGE} | (
            {"pageToken": token} if token else {}
        )
        page = client.call(Request(LIST_ROLES, {"group": group}, query=query), _Roles)
        found += [role.typed() for role in page.group_roles]
        token = page.next_page_token
        if not token:
            return found


def members(
    client: OpenCloud, group: int, token: str = "", size: int = MEMBERS_PAGE
) -> tuple[list[Member], str]:
    """Return a page of members and the next page's token, "" on the last."""
    query: dict[str, str | int] = {"maxPageSize": min(size, MEMBERS_PAGE)} | (
        {"pageToken": token} if token else {}
    )
    page = client.call(Request(LIST_MEMBERSHIPS, {"group": group}, query=query), _Memberships)
    return [membership.typed() for membership in page.group_memberships], page.next_page_token


def member(
    client: OpenCloud, group: int, user_id: int, operation: Operation = LIST_MEMBERSHIPS
) -> Member | None:
    """Return one member, None if they are not in the group.

    `operation` is READ_ACTOR for a user who is about to act.
    """
    query: dict[str, str | int] = {"maxPageSize": 1, "filter": f"user == 'users/{user_id}'"}
    page = client.call(Request(operation, {"group": group}, query=query), _Memberships)
    found = [membership.typed() for membership in page.group_memberships]
    return next((one for one in found if one.user_id == user_id), None)


def log(client: OpenCloud, group: int, cursor: str = "") -> tuple[list[LogEntry], str]:
    """Return a page of the log, newest first, and the next page's cursor, "" on the last."""
    query: dict[str, str | int] = {"limit": LOG_PAGE, "sortOrder": "Desc"}
    if cursor:
        query["cursor"] = cursor
    page = client.call(Request(LIST_GROUP_LOG, {"group": group}, query=query), _Log)
    return [entry.typed() for entry in page.data], page.next_page_cursor or ""


def join_requests(
    client: OpenCloud, group: int, token: str = ""
) -> tuple[list[JoinRequestRead], str]:
    """Return a page of open join requests and the next page's token, "" on the last."""
    query: dict[str, str | int] = {"maxPageSize": REQUESTS_PAGE} | (
        {"pageToken": token} if token else {}
    )
    page = client.call(Request(LIST_JOIN_REQUESTS, {"group": group}, query=query), _JoinRequests)
    return [one.typed() for one in page.group_join_requests], page.next_page_token


def decide_join_request(client: OpenCloud, group: int, request: str, *, accept: bool) -> None:
    """Accept or decline a join request. Raises OpenCloudError, `missing` if it is not open."""
    operation = ACCEPT_JOIN_REQUEST if accept else DECLINE_JOIN_REQUEST
    client.call(Request(operation, {"group": group, "request": request}, body={}), _Nothing)


def assign(client: OpenCloud, group: int, user_id: int, role: int) -> Member:
    """Add a role. Nothing changes if they have it. A user id serves as membership id."""
    body = {"role": f"groups/{group}/roles/{role}"}
    return client.call(
        Request(ASSIGN_ROLE, {"group": group, "member": user_id}, body=body), _Membership
    ).typed()


def unassign(client: OpenCloud, group: int, user_id: int, role: int) -> Member:
    """Remove a role. Nothing changes if they do not have it."""
    body = {"role": f"groups/{group}/roles/{role}"}
    return client.call(
        Request(UNASSIGN_ROLE, {"group": group, "member": user_id}, body=body), _Membership
    ).typed()


def steps(
    held: Sequence[int], wanted: Role | None, managed: Sequence[Role]
) -> tuple[list[Role], list[Role]]:
    """Return the roles to assign and to remove, so that only `wanted` is left of the managed ones.

    Every member has the base role, and it cannot be removed. If it is wanted, all other managed
    roles are removed.
    """
    give = (
        [wanted]
        if wanted is not None and wanted.rank != BASE_RANK and wanted.id not in held
        else []
    )
    take = [
        role for role in managed if role.id in held and role != wanted and role.rank != BASE_RANK
    ]
    return give, sorted(take, key=lambda role: -role.rank)


def _number(path: str) -> int:
    """Return the last part of `users/123` or `groups/7/roles/99`. Raises ValueError."""
    return int(path.rpartition("/")[2])
