"""Groups with several roles a member, and who may change them."""

import base64
import json
import re
import time
from typing import Any

from roblox.emulator.http import Refusal, Request, page, stamp

BASE, OWNER, GUEST = 1, 255, 0  # rank numbers
USER_IS = re.compile(r"^user == 'users/(\d+)'$")
ROLE_IS = re.compile(r"^role == 'groups/(\d+)/roles/(\d+)'$")
USERS_IN = re.compile(r"^user in \[(.*)\]$")
ONE_USER = re.compile(r"'users/(\d+)'")


def _roles(request: Request, group: int) -> dict[int, tuple[int, str]]:
    """Rank number and name by the role's id."""
    return {
        row[0]: (row[1], row[2])
        for row in request.store.rows("SELECT id, rank, name FROM roles WHERE group_id = ?", group)
    }


def _base(roles: dict[int, tuple[int, str]]) -> int | None:
    return next((role for role, (rank, _) in roles.items() if rank == BASE), None)


def member_roles(request: Request, group: int, user: int) -> list[int] | None:
    """The ids of a member's roles with the base role, None for who is no member."""
    row = request.store.row("SELECT roles FROM members WHERE group_id = ? AND user = ?", group, user)
    if row is None:
        return None
    base = _base(_roles(request, group))
    return sorted({*json.loads(row[0]), *([base] if base is not None else [])})


def _membership(request: Request, group: int, user: int) -> dict[str, Any]:
    row = request.store.row("SELECT created, updated FROM members WHERE group_id = ? AND user = ?", group, user)
    held = member_roles(request, group, user)
    if row is None or held is None:
        raise Refusal(404, "The user is not a member of the group.")
    ranks = _roles(request, group)
    highest = max(held, key=lambda role: ranks[role][0]) if held else 0
    return {
        "path": f"groups/{group}/memberships/{membership_id(user)}",
        "createTime": stamp(row[0]),
        "updateTime": stamp(row[1]),
        "user": f"users/{user}",
        "role": f"groups/{group}/roles/{highest}",
        "roles": [f"groups/{group}/roles/{role}" for role in held],
    }


def membership_id(user: int) -> str:
    return base64.urlsafe_b64encode(str(user).encode()).decode().rstrip("=")


def _user_of(text: str) -> int:
    """The user of a membership id; a user id serves as well."""
    if text.isdigit():
        return int(text)
    try:
        return int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise Refusal(400, "The membership id is not valid.") from None


def get_group(request: Request) -> Any:
    group = request.number("group")
    row = request.store.row("SELECT name, owner FROM groups WHERE id = ?", group)
    if row is None:
        raise Refusal(404, "The group was not found.")
    count = request.store.row("SELECT count(*) FROM members WHERE group_id = ?", group)
    path, owner = f"groups/{group}", f"users/{row[1]}"
    return {"path": path, "id": str(group), "displayName": row[0], "owner": owner, "memberCount": count and count[0]}


def list_memberships(request: Request) -> Any:
    wanted = request.query.get("filter", "")
    if request.parts["group"] == "-":
        return _of_users(request, wanted)
    group = request.number("group")
    if request.store.row("SELECT 1 FROM groups WHERE id = ?", group) is None:
        raise Refusal(404, "The group was not found.")
    role: int | None = None
    user: int | None = None
    if wanted:
        by_user, by_role = USER_IS.match(wanted), ROLE_IS.match(wanted)
        if not by_user and not by_role:
            raise Refusal(400, "Invalid filter.")
        user = int(by_user[1]) if by_user else None
        role = int(by_role[2]) if by_role else None

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        behind = after[0] if after else -1
        if user is not None:
            rows = request.store.rows("SELECT user FROM members WHERE group_id = ? AND user = ?", group, user)
        elif role is not None and role != _base(_roles(request, group)):
            rows = request.store.rows(
                "SELECT user FROM members m WHERE group_id = ? AND user > ? AND EXISTS"
                f" (SELECT 1 FROM json_each(m.roles) r WHERE r.value = ?) ORDER BY user LIMIT {count:d}",
                *(group, behind, role),
            )
        else:
            rows = request.store.rows(
                f"SELECT user FROM members WHERE group_id = ? AND user > ? ORDER BY user LIMIT {count:d}", group, behind
            )
        return [([row[0]], _membership(request, group, row[0])) for row in rows]

    items, token = page(request, fetch, request.size(10, 100))
    return {"groupMemberships": items, "nextPageToken": token}


def _of_users(request: Request, wanted: str) -> Any:
    listed = USERS_IN.match(wanted)
    users = [int(user) for user in ONE_USER.findall(listed[1])] if listed else []
    if not users or len(users) > 50:
        raise Refusal(400, "A wildcard needs the filter user in ['users/1', …] with at most 50 users.")
    marks = ",".join("?" * len(users))
    rows = request.store.rows(f"SELECT group_id, user FROM members WHERE user IN ({marks}) ORDER BY 1, 2", *users)
    return {"groupMemberships": [_membership(request, group, user) for group, user in rows], "nextPageToken": ""}


def list_roles(request: Request) -> Any:
    group = request.number("group")

    def fetch(after: list[Any] | None, count: int) -> list[tuple[list[Any], Any]]:
        rows = request.store.rows(
            f"SELECT id, rank FROM roles WHERE group_id = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT {count:d}",
            *(group, *(after or (-1, -1))),
        )
        return [([rank, role], _role(request, group, role)) for role, rank in rows]

    items, token = page(request, fetch, request.size(10, 20))
    return {"groupRoles": items, "nextPageToken": token}


def _role(request: Request, group: int, role: int) -> dict[str, Any]:
    found = _roles(request, group).get(role)
    if found is None:
        raise Refusal(404, "The role was not found.")
    return {"path": f"groups/{group}/roles/{role}", "id": str(role), "displayName": found[1], "rank": found[0]}


def get_role(request: Request) -> Any:
    return _role(request, request.number("group"), request.number("role"))


def assign_role(request: Request) -> Any:
    return _change(request, lambda held, role: held | {role})


def unassign_role(request: Request) -> Any:
    return _change(request, lambda held, role: held - {role})


def _change(request: Request, change: Any) -> Any:
    group, user = request.number("group"), _user_of(request.parts["member"])
    role = int(request.field("role", str).rpartition("/")[2] or 0)
    with request.store.atomic():
        held = member_roles(request, group, user)
        if held is None:
            raise Refusal(404, "The user is not a member of the group.")
        ranks = _roles(request, group)
        if role not in ranks:
            raise Refusal(404, "The role was not found.")
        _check(request, group, user, role, held, ranks)
        after = change(set(held), role)
        if after != set(held):
            set_roles(request, group, user, after, actor=request.owner)
        return _membership(request, group, user)


def _check(
    request: Request, group: int, user: int, role: int, held: list[int], ranks: dict[int, tuple[int, str]]
) -> None:
    rank = ranks[role][0]
    if rank in {OWNER, GUEST}:
        raise Refusal(400, "The owner's and the guest's role cannot be assigned.")
    if rank == BASE and request.operation == "groupRoleUnassign":
        raise Refusal(400, "The base role cannot be unassigned.")
    if user == request.owner:
        raise Refusal(403, "You cannot change your own role.")
    mine = member_roles(request, group, request.owner) or []
    my_rank = max((ranks[one][0] for one in mine), default=0)
    owner = request.store.row("SELECT owner FROM groups WHERE id = ?", group)
    if owner is not None and owner[0] == request.owner:
        my_rank = OWNER
    if my_rank <= max(ranks[one][0] for one in held) or my_rank <= rank:
        raise Refusal(403, "You do not have permission to manage a member of this rank.")


def set_roles(request: Request, group: int, user: int, roles: set[int], *, actor: int) -> None:
    """Give a member these roles beside the base role, and note it in the group's log."""
    ranks = _roles(request, group)
    before = max(member_roles(request, group, user) or [0], key=lambda role: ranks.get(role, (0, ""))[0])
    now = time.time()
    kept = sorted(role for role in roles if role in ranks and ranks[role][0] != BASE)
    request.store.write(
        "UPDATE members SET roles = ?, updated = ? WHERE group_id = ? AND user = ?", json.dumps(kept), now, group, user
    )
    after = max(member_roles(request, group, user) or [0], key=lambda role: ranks.get(role, (0, ""))[0])
    request.store.write(
        "INSERT INTO group_log (group_id, at, actor, user, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        *(group, now, actor, user, before, after),
    )


def audit_log(request: Request) -> Any:
    group = request.number("group")
    user = request.query.get("userId", "")
    limit = request.query.get("limit") or "10"
    if limit not in {"10", "25", "50", "100"}:
        raise Refusal(
            400, "limit", body={"errors": {"limit": ["must be 10, 25, 50 or 100"]}, "title": "Bad", "status": 400}
        )
    rows = request.store.rows(
        f"SELECT id, at, actor, user, before, after FROM group_log WHERE group_id = ? AND (? = '' OR actor = ?)"
        f" AND id < ? ORDER BY id DESC LIMIT {int(limit) + 1:d}",
        *(group, user, user, int(request.query.get("cursor") or 2**62)),
    )
    data = [
        {
            "actor": {"user": {"userId": actor}},
            "actionType": "ChangeRank",
            "description": {"TargetId": target, "OldRoleSetId": before, "NewRoleSetId": after},
            "created": stamp(at),
        }
        for _, at, actor, target, before, after in rows[: int(limit)]
    ]
    following = str(rows[int(limit) - 1][0]) if len(rows) > int(limit) else None
    return {"previousPageCursor": None, "nextPageCursor": following, "data": data}
