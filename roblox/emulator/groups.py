"""Groups and their roles."""

import re
from typing import Any, NamedTuple

import msgspec
from werkzeug import Response

from roblox.emulator.calls import Call
from roblox.emulator.clock import stamp
from roblox.emulator.errors import not_found
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection

GUEST, BASE, OWNER = 0, 1, 255  # ranks that have a meaning on Roblox
PERMISSIONS = (
    "viewWallPosts", "createWallPosts", "deleteWallPosts", "viewGroupShout", "createGroupShout",
    "changeRank", "acceptRequests", "exileMembers", "manageRelationships", "viewAuditLog",
    "spendGroupFunds", "advertiseGroup", "createAvatarItems", "manageAvatarItems",
    "manageGroupUniverses", "viewUniverseAnalytics", "createApiKeys", "manageApiKeys",
    "banMembers", "viewForums", "manageCategories", "createPosts", "lockPosts", "pinPosts",
    "removePosts", "createComments", "removeComments", "manageBlockedWords", "viewBlockedWords",
    "bypassSlowMode",
)  # fmt: skip


class Group(NamedTuple):
    id: int
    name: str
    owner: int
    created: int


class Role(NamedTuple):
    id: int
    rank: int
    name: str


class Member(NamedTuple):
    group: int
    user: int


def get_group(call: Call) -> Response:
    db = call.store.read()
    group = requested(db, call)
    count = db.execute("SELECT count(*) FROM members WHERE group_id = ?", (group.id,)).fetchone()[0]
    return respond(
        {
            "path": f"groups/{group.id}",
            "createTime": stamp(group.created),
            "updateTime": stamp(group.created),
            "id": str(group.id),
            "displayName": group.name,
            "description": "",
            "owner": f"users/{group.owner}",
            "memberCount": count,
            "publicEntryAllowed": True,
            "locked": False,
            "verified": False,
        }
    )


def list_roles(call: Call) -> Response:
    page = call.page(10, 20)
    db = call.store.read()
    group = requested(db, call)
    values: list[int] = [group.id, *(page.cursor or [-1, 0]), page.fetch]
    rows = db.execute(
        "SELECT id, rank, name FROM roles WHERE group_id = ? AND (rank, id) > (?, ?)"
        " ORDER BY rank, id LIMIT ?",
        values,
    ).fetchall()
    kept, token = page.cut([Role(*row) for row in rows], lambda role: [role.rank, role.id])
    return listing("groupRoles", (_role(db, call, group, role) for role in kept), token)


def get_role(call: Call) -> Response:
    db = call.store.read()
    group = requested(db, call)
    found = {role.id: role for role in roles(db, group.id)}.get(int(call.path["role"]))
    if found is None:
        raise not_found("The role was not found.")
    return respond(_role(db, call, group, found))


def requested(db: Connection, call: Call) -> Group:
    """Return the group of the path. Raises ApiError (404)."""
    text = call.path["group"]
    row = None
    if re.fullmatch(r"[0-9]{1,18}", text):
        query = "SELECT id, name, owner, created FROM groups WHERE id = ?"
        row = db.execute(query, (int(text),)).fetchone()
    if row is None:
        raise not_found("The group was not found.")
    return Group(*row)


def roles(db: Connection, group: int) -> list[Role]:
    """List all roles of a group, lowest first."""
    query = "SELECT id, rank, name FROM roles WHERE group_id = ? ORDER BY rank, id"
    return [Role(*row) for row in db.execute(query, (group,))]


def roles_of(db: Connection, member: Member) -> list[Role]:
    """List a member's roles, lowest first. Empty for a user who is no member."""
    query = (
        "SELECT roles.id, rank, name FROM member_roles"
        " JOIN roles ON roles.id = role AND roles.group_id = member_roles.group_id"
        " WHERE member_roles.group_id = ? AND user = ? ORDER BY rank, roles.id"
    )
    return [Role(*row) for row in db.execute(query, member)]


def put_role(db: Connection, group: int, role: Role, granted: list[str] | None) -> None:
    """Create or change a role. None leaves its permissions as they are."""
    db.execute("INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?)", (group, *role))
    if granted is not None:
        row = (group, role.id, msgspec.json.encode(granted).decode())
        db.execute("INSERT OR REPLACE INTO role_permissions VALUES (?, ?, ?)", row)


def remove_role(db: Connection, group: int, role: int) -> None:
    """Delete a role. Its members keep their other roles."""
    db.execute("DELETE FROM roles WHERE group_id = ? AND id = ?", (group, role))
    for table in ("role_permissions", "member_roles"):
        db.execute(f"DELETE FROM {table} WHERE group_id = ? AND role = ?", (group, role))


def _role(db: Connection, call: Call, group: Group, role: Role) -> dict[str, Any]:
    body: dict[str, Any] = {
        "path": f"groups/{group.id}/roles/{role.id}",
        "id": str(role.id),
        "displayName": role.name,
        "rank": role.rank,
    }
    if role.rank != GUEST:
        query = "SELECT count(*) FROM member_roles WHERE group_id = ? AND role = ?"
        body["memberCount"] = db.execute(query, (group.id, role.id)).fetchone()[0]
    if call.owner == group.owner:
        created = stamp(group.created)
        body |= {"createTime": created, "updateTime": created, "description": ""}
    if role.rank == GUEST or _may_read_permissions(db, call, group, role):
        granted = PERMISSIONS if role.rank == OWNER else _granted(db, group.id, role.id)
        body["permissions"] = {name: name in granted for name in PERMISSIONS}
    return body


def _may_read_permissions(db: Connection, call: Call, group: Group, role: Role) -> bool:
    if call.key is None or not call.key.may("group:read", None):
        return False
    return call.owner == group.owner or role in roles_of(db, Member(group.id, call.owner))


def _granted(db: Connection, group: int, role: int) -> list[str]:
    query = "SELECT granted FROM role_permissions WHERE group_id = ? AND role = ?"
    row = db.execute(query, (group, role)).fetchone()
    return msgspec.json.decode(row[0], type=list[str]) if row else []
