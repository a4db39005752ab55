"""The audit log of a group: changes of roles, and who joined, left or was removed by an act."""

import re
from typing import Any, NamedTuple

from werkzeug import Response

from roblox.emulator import groups, users
from roblox.emulator.calls import Call
from roblox.emulator.clock import stamp
from roblox.emulator.errors import ApiError, invalid
from roblox.emulator.groups import Member, Role
from roblox.emulator.responses import respond
from roblox.emulator.store import Connection

PAGE_SIZES = (10, 25, 50, 100)


class Event(NamedTuple):
    """An act of `actor` on `target`; None: on themselves. Changes of roles have role ids."""

    action: str
    actor: int
    target: int | None = None
    old_role: int | None = None
    new_role: int | None = None


def log(db: Connection, group: int, event: Event) -> None:
    db.execute(
        "INSERT INTO group_log (group_id, action, actor, target, old_role, new_role, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (group, *event, db.now),
    )


def log_role_change(db: Connection, member: Member, actor: int, before: list[Role]) -> None:
    """Log that a member's roles are no longer `before`."""
    after = groups.roles_of(db, member)
    event = Event("ChangeRank", actor, member.user, *_difference(before, after))
    log(db, member.group, event)


def _difference(before: list[Role], after: list[Role]) -> tuple[int, int]:
    # Roblox does not document how it logs one of several roles. Old and new are the highest roles
    # that differ, or the highest role if one was only added or only removed.
    lost = [role for role in before if role not in after]
    won = [role for role in after if role not in before]
    return (lost or before)[-1].id, (won or after)[-1].id


def audit_log(call: Call) -> Response:
    """List the log. The parameter `userId` filters by actor."""
    limit = call.number("limit", 10)
    if limit not in PAGE_SIZES:
        raise invalid("limit must be 10, 25, 50 or 100.")
    page = call.page(limit, limit, "limit", "cursor")
    db = call.store.read()
    group = groups.requested(db, call).id
    if not groups.roles_of(db, Member(group, call.owner)):
        message = "Insufficient permissions to complete the request."
        raise ApiError("PERMISSION_DENIED", message)
    ascending = call.query("sortOrder").lower() != "desc"
    where, values = _conditions(call, group)
    if page.cursor is not None:
        where += " AND id > ?" if ascending else " AND id < ?"
        values.append(page.cursor)
    columns = "id, created, action, actor, target, old_role, new_role"
    order = "ASC" if ascending else "DESC"
    query = f"SELECT {columns} FROM group_log WHERE {where} ORDER BY id {order} LIMIT ?"
    rows = db.execute(query, (*values, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: row[0])
    items = [_item(db, group, created, Event(*event)) for _, created, *event in kept]
    return respond({"previousPageCursor": None, "nextPageCursor": token or None, "data": items})


def _conditions(call: Call, group: int) -> tuple[str, list[int | str]]:
    where, values = "group_id = ?", [group]
    filtered: list[int | str] = [*values]
    if call.query("actionType"):
        where += " AND action = ?"
        filtered.append(call.query("actionType"))
    if call.query("userId"):
        where += " AND actor = ?"
        filtered.append(call.number("userId", 0))
    return where, filtered


def _item(db: Connection, group: int, created: int, event: Event) -> dict[str, Any]:
    all_roles = groups.roles(db, group)
    held = groups.roles_of(db, Member(group, event.actor))
    person = users.for_log(db, event.actor)
    role = held[-1] if held else all_roles[0]
    return {
        "actor": {
            "user": {
                "buildersClubMembershipType": "None",
                "hasVerifiedBadge": False,
                "userId": person.id,
                "username": person.name,
                "displayName": person.display,
            },
            "role": {"id": role.id, "name": role.name, "rank": role.rank},
        },
        "actionType": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.action),
        "description": _description(db, all_roles, event),
        "created": stamp(created),
    }


def _description(db: Connection, all_roles: list[Role], event: Event) -> dict[str, Any]:
    """Describe the target, if any. A deleted role has no name."""
    if event.target is None:
        return {}
    names = {role.id: role.name for role in all_roles}
    target = users.for_log(db, event.target)
    found: dict[str, Any] = {"TargetId": event.target, "TargetName": target.name}
    for word, role in (("Old", event.old_role), ("New", event.new_role)):
        if role is not None:
            found |= {f"{word}RoleSetId": role, f"{word}RoleSetName": names.get(role, "")}
    return found
