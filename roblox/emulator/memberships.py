"""Members of groups, the roles they have, and who may change whose roles."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec
from werkzeug import Response

from roblox.emulator import group_log, groups
from roblox.emulator.calls import Call
from roblox.emulator.clock import stamp
from roblox.emulator.errors import ApiError, invalid, not_found
from roblox.emulator.groups import BASE, GUEST, OWNER, Member, Role
from roblox.emulator.responses import listing, respond
from roblox.emulator.store import Connection

MOST_USERS = 50  # in one `in [...]`
_USER = re.compile(r"\s*user\s*==\s*'users/([0-9]{1,18})'\s*")
_ROLE = re.compile(r"\s*role\s*==\s*'groups/([0-9]{1,18})/roles/([0-9]{1,18})'\s*")
_USERS = re.compile(r"\s*user\s+in\s+\[([^\]]*)\]\s*")


class RoleBody(msgspec.Struct):
    """A role by its resource path."""

    role: str


def list_memberships(call: Call) -> Response:
    """List a group's members. The group `-` lists the users that the filter names, in any group."""
    page = call.page(10, 100)
    text = call.query("filter")
    db = call.store.read()
    if call.path["group"] == "-":
        condition, values = _many_users(text)
    else:
        condition, values = _one_group(groups.requested(db, call).id, text)
    if page.cursor is not None:
        condition += " AND (user, group_id) > (?, ?)"
        values += page.cursor
    query = (
        f"SELECT group_id, user, created, updated FROM members WHERE {condition}"
        " ORDER BY user, group_id LIMIT ?"
    )
    rows = db.execute(query, (*values, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: [row[1], row[0]])
    return listing("groupMemberships", (_membership(db, row) for row in kept), token)


def assign_role(call: Call) -> Response:
    def assign(db: Connection, member: Member, role: Role) -> None:
        before = groups.roles_of(db, member)
        if role not in before:
            db.execute("INSERT INTO member_roles VALUES (?, ?, ?)", (*member, role.id))
            _register_change(db, member, call.owner, before)

    return _change(call, assign)


def unassign_role(call: Call) -> Response:
    def unassign(db: Connection, member: Member, role: Role) -> None:
        if role.rank == BASE:
            raise invalid("The base role cannot be unassigned.")
        before = groups.roles_of(db, member)
        if role in before:
            where = "group_id = ? AND user = ? AND role = ?"
            db.execute(f"DELETE FROM member_roles WHERE {where}", (*member, role.id))
            _register_change(db, member, call.owner, before)

    return _change(call, unassign)


def update_membership(call: Call) -> Response:
    """Replace all roles but the base role by this one. Roblox deprecates this endpoint."""

    def replace(db: Connection, member: Member, role: Role) -> None:
        set_roles(db, member, [role.id], call.owner)

    return _change(call, replace)


def _change(call: Call, change: Callable[[Connection, Member, Role], None]) -> Response:
    """Apply a change of the named role to the member. Raises ApiError (403) without permission."""
    wanted = _role_path(call.json(RoleBody).role)
    with call.store.write() as db:
        member, role = _manageable(db, call, wanted)
        change(db, member, role)
        query = "SELECT * FROM members WHERE group_id = ? AND user = ?"
        return respond(_membership(db, db.execute(query, member).fetchone()))


def join(db: Connection, member: Member, role_ids: list[int]) -> None:
    """Add a member or replace their roles, without a log entry."""
    row = (*member, db.now, db.now)
    db.execute("INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)", row)
    set_roles(db, member, role_ids)


def leave(db: Connection, member: Member) -> bool:
    """Remove a member, without a log entry. Returns whether they were one."""
    where = "group_id = ? AND user = ?"
    db.execute(f"DELETE FROM member_roles WHERE {where}", member)
    return db.execute(f"DELETE FROM members WHERE {where}", member).rowcount > 0


def set_roles(
    db: Connection, member: Member, role_ids: list[int], actor: int | None = None
) -> None:
    """Give a member these roles and the base role, logged for an actor."""
    before = groups.roles_of(db, member)
    base = next(role.id for role in groups.roles(db, member.group) if role.rank == BASE)
    db.execute("DELETE FROM member_roles WHERE group_id = ? AND user = ?", member)
    rows = [(*member, role) for role in sorted({base, *role_ids})]
    db.executemany("INSERT INTO member_roles VALUES (?, ?, ?)", rows)
    if actor is not None and groups.roles_of(db, member) != before:
        _register_change(db, member, actor, before)


def _register_change(db: Connection, member: Member, actor: int, before: list[Role]) -> None:
    where = "group_id = ? AND user = ?"
    db.execute(f"UPDATE members SET updated = ? WHERE {where}", (db.now, *member))
    group_log.log_role_change(db, member, actor, before)


def _manageable(db: Connection, call: Call, wanted: tuple[int, int]) -> tuple[Member, Role]:
    """Return the member and the role to change.

    Raises ApiError if they do not exist, or the key's owner is not above both.
    """
    group = groups.requested(db, call).id
    member = Member(group, _member_id(call.path["membership"]))
    held = groups.roles_of(db, member)
    if not held:
        raise not_found("The membership was not found.")
    target = {role.id: role for role in groups.roles(db, group)}.get(wanted[1])
    if target is None or wanted[0] != group:
        raise invalid("The role is not one of this group.")
    if target.rank in (GUEST, OWNER):
        raise invalid("The Guest and Owner roles cannot be assigned.")
    if member.user == call.owner:
        raise ApiError("PERMISSION_DENIED", "Nobody changes their own roles.")
    own = groups.roles_of(db, Member(group, call.owner))
    if not own or own[-1].rank <= max(held[-1].rank, target.rank):
        message = "The key's owner is not above the member and the role."
        raise ApiError("PERMISSION_DENIED", message)
    return member, target


def _member_id(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text):
        return int(text)
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if not re.fullmatch(r"[0-9]{1,18}", decoded):
        raise not_found("The membership was not found.")
    return int(decoded)


def _role_path(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"groups/([0-9]{1,18})/roles/([0-9]{1,18})", text)
    if match is None:
        raise invalid("role must be of the form groups/1/roles/2.")
    return int(match[1]), int(match[2])


def _one_group(group: int, text: str) -> tuple[str, list[int]]:
    if not text:
        return "group_id = ?", [group]
    if match := _USER.fullmatch(text):
        return "group_id = ? AND user = ?", [group, int(match[1])]
    match = _ROLE.fullmatch(text)
    if match is None or int(match[1]) != group:
        raise invalid(
            "Invalid filter: user == 'users/1' or role == 'groups/1/roles/2' of the same group."
        )
    within = "SELECT user FROM member_roles WHERE group_id = ? AND role = ?"
    return f"group_id = ? AND user IN ({within})", [group, group, int(match[2])]


def _many_users(text: str) -> tuple[str, list[int]]:
    match = _USERS.fullmatch(text)
    names = [name.strip() for name in match[1].split(",")] if match else []
    numbers = [int(name[7:-1]) for name in names if re.fullmatch(r"'users/[0-9]{1,18}'", name)]
    if not numbers or len(numbers) != len(names):
        raise invalid("Invalid filter: groups/- needs user in ['users/1', 'users/2'].")
    if len(numbers) > MOST_USERS:
        raise invalid(f"At most {MOST_USERS} users can be named.")
    return f"user IN ({', '.join('?' * len(numbers))})", numbers


def _membership(db: Connection, row: tuple[int, int, int, int]) -> dict[str, Any]:
    group, user, created, updated = row
    held = [f"groups/{group}/roles/{role.id}" for role in groups.roles_of(db, Member(group, user))]
    number = base64.urlsafe_b64encode(str(user).encode()).decode().rstrip("=")
    return {
        "path": f"groups/{group}/memberships/{number}",
        "createTime": stamp(created),
        "updateTime": stamp(updated),
        "user": f"users/{user}",
        "role": held[-1],
        "roles": held[::-1],
    }
