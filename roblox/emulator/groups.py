"""Groups: members with several roles each, who may change whom, and the audit log."""

import base64
import binascii
import re
import sqlite3
from typing import Any, NamedTuple

import msgspec

from roblox.emulator import users
from roblox.emulator.calls import Answer, Call, Refused, invalid, listing, stamp

GUEST, BASE, OWNER = 0, 1, 255  # ranks that Roblox gives a meaning
LARGEST_IN = 50  # users in one `in [...]`
LOG_SIZES = (10, 25, 50, 100)
_USER = re.compile(r"\s*user\s*==\s*'users/([0-9]{1,18})'\s*")
_ROLE = re.compile(r"\s*role\s*==\s*'groups/([0-9]{1,18})/roles/([0-9]{1,18})'\s*")
_USERS = re.compile(r"\s*user\s+in\s+\[([^\]]*)\]\s*")
PERMISSIONS = (
    *(
        "viewWallPosts",
        "createWallPosts",
        "deleteWallPosts",
        "viewGroupShout",
        "createGroupShout",
        "changeRank",
    ),
    *(
        "acceptRequests",
        "exileMembers",
        "manageRelationships",
        "viewAuditLog",
        "spendGroupFunds",
        "advertiseGroup",
    ),
    *(
        "createAvatarItems",
        "manageAvatarItems",
        "manageGroupUniverses",
        "viewUniverseAnalytics",
        "createApiKeys",
    ),
    *(
        "manageApiKeys",
        "banMembers",
        "viewForums",
        "manageCategories",
        "createPosts",
        "lockPosts",
        "pinPosts",
    ),
    *(
        "removePosts",
        "createComments",
        "removeComments",
        "manageBlockedWords",
        "viewBlockedWords",
        "bypassSlowMode",
    ),
)


class Role(NamedTuple):
    id: int
    rank: int
    name: str


class RoleBody(msgspec.Struct):
    """A role by its resource path."""

    role: str


def get_group(call: Call) -> Answer:
    db = call.store.read()
    number, name, owner, created = _group(db, call)
    count = db.execute("SELECT count(*) FROM members WHERE group_id = ?", (number,)).fetchone()[0]
    return Answer(
        200,
        {
            "path": f"groups/{number}",
            "createTime": stamp(created),
            "updateTime": stamp(created),
            "id": str(number),
            "displayName": name,
            "description": "",
            "owner": f"users/{owner}",
            "memberCount": count,
            "publicEntryAllowed": True,
            "locked": False,
            "verified": False,
        },
    )


def list_memberships(call: Call) -> Answer:
    """With `-` as the group, of the users that the filter names."""
    page = call.page(10, 100)
    text = call.query.get("filter", "")
    db = call.store.read()
    if call.path["group"] == "-":
        condition, values = _many_users(text)
    else:
        condition, values = _one_group(_group(db, call)[0], text)
    if page.cursor is not None:
        condition += " AND (user, group_id) > (?, ?)"
        values += page.cursor
    query = f"SELECT user, group_id, created, updated FROM members WHERE {condition} ORDER BY user, group_id LIMIT ?"
    rows = db.execute(query, (*values, page.fetch)).fetchall()
    kept, token = page.cut(rows, lambda row: [row[0], row[1]])
    found = (
        _membership(db, group, user, created, updated) for user, group, created, updated in kept
    )
    return listing("groupMemberships", found, token)


def assign_role(call: Call) -> Answer:
    role = _named_role(call.json(RoleBody).role)
    with call.store.write() as db:
        group, user, target = _manageable(db, call, role)
        held = member_roles(db, group, user)
        if target not in held:
            db.execute("INSERT INTO member_roles VALUES (?, ?, ?)", (group, user, target.id))
            _changed(db, group, user, call.owner, held, call.now)
        return Answer(200, _member(db, group, user))


def unassign_role(call: Call) -> Answer:
    role = _named_role(call.json(RoleBody).role)
    with call.store.write() as db:
        group, user, target = _manageable(db, call, role)
        held = member_roles(db, group, user)
        if target.rank == BASE:
            raise invalid("The base role cannot be unassigned.")
        if target in held:
            where = "group_id = ? AND user = ? AND role = ?"
            db.execute(f"DELETE FROM member_roles WHERE {where}", (group, user, target.id))
            _changed(db, group, user, call.owner, held, call.now)
        return Answer(200, _member(db, group, user))


def update_membership(call: Call) -> Answer:
    """Deprecated: the role becomes the only one beside the base role."""
    role = _named_role(call.json(RoleBody).role)
    with call.store.write() as db:
        group, user, target = _manageable(db, call, role)
        set_roles(db, group, user, [target.id], call.owner, call.now)
        return Answer(200, _member(db, group, user))


def list_roles(call: Call) -> Answer:
    page = call.page(10, 20)
    db = call.store.read()
    group = _group(db, call)
    values: list[int] = [group[0], *(page.cursor or [-1, 0]), page.fetch]
    rows = db.execute(
        "SELECT id, rank, name FROM roles WHERE group_id = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?",
        values,
    ).fetchall()
    kept, token = page.cut([Role(*row) for row in rows], lambda role: [role.rank, role.id])
    return listing("groupRoles", (_role(db, call, group, role) for role in kept), token)


def get_role(call: Call) -> Answer:
    db = call.store.read()
    group = _group(db, call)
    found = {role.id: role for role in roles(db, group[0])}.get(int(call.path["role"]))
    if found is None:
        raise Refused("NOT_FOUND", "The role was not found.")
    return Answer(200, _role(db, call, group, found))


def audit_log(call: Call) -> Answer:
    """`userId` is the actor. Changes of roles are logged here, and who came, left or was removed by
    an act.
    """
    limit = call.number("limit", 10)
    if limit not in LOG_SIZES:
        raise invalid("limit must be 10, 25, 50 or 100.")
    page = call.page(limit, limit, "limit", "cursor")
    ascending = call.query.get("sortOrder", "Asc").lower() != "desc"
    db = call.store.read()
    group = _group(db, call)[0]
    if not member_roles(db, group, call.owner):
        raise Refused("PERMISSION_DENIED", "Insufficient permissions to complete the request.")
    conditions: list[str] = ["group_id = ?"]
    values: list[int | str] = [group]
    for name, column in (("actionType", "action"), ("userId", "actor")):
        if call.query.get(name):
            conditions.append(f"{column} = ?")
            values.append(call.query[name] if name == "actionType" else call.number(name, 0))
    if page.cursor is not None:
        conditions.append("id > ?" if ascending else "id < ?")
        values.append(page.cursor)
    names = "id, action, actor, target, old_role, new_role, created"
    order = "ASC" if ascending else "DESC"
    query = f"SELECT {names} FROM group_log WHERE {' AND '.join(conditions)} ORDER BY id {order} LIMIT ?"
    kept, token = page.cut(db.execute(query, (*values, page.fetch)).fetchall(), lambda row: row[0])
    items = [_logged(db, group, row) for row in kept]
    return Answer(200, {"previousPageCursor": None, "nextPageCursor": token or None, "data": items})


def roles(db: sqlite3.Connection, group: int) -> list[Role]:
    """All roles of a group, lowest first."""
    query = "SELECT id, rank, name FROM roles WHERE group_id = ? ORDER BY rank, id"
    return [Role(*row) for row in db.execute(query, (group,))]


def member_roles(db: sqlite3.Connection, group: int, user: int) -> list[Role]:
    """What a member holds, lowest first; nothing for who is no member."""
    query = (
        "SELECT roles.id, rank, name FROM member_roles JOIN roles ON roles.id = role AND roles.group_id = ?"
        " WHERE member_roles.group_id = ? AND user = ? ORDER BY rank, roles.id"
    )
    return [Role(*row) for row in db.execute(query, (group, group, user))]


def set_roles(
    db: sqlite3.Connection, group: int, user: int, wanted: list[int], actor: int | None, now: int
) -> None:
    """Let a member hold these roles and the base role; `actor` None joins or changes without the
    log.
    """
    held = member_roles(db, group, user)
    base = next(role.id for role in roles(db, group) if role.rank == BASE)
    db.execute("DELETE FROM member_roles WHERE group_id = ? AND user = ?", (group, user))
    rows = [(group, user, role) for role in sorted({base, *wanted})]
    db.executemany("INSERT INTO member_roles VALUES (?, ?, ?)", rows)
    if actor is not None and member_roles(db, group, user) != held:
        _changed(db, group, user, actor, held, now)


def put_role(db: sqlite3.Connection, group: int, role: Role, granted: list[str] | None) -> None:
    """Make a role, or let it have another number, name, or (unless None) permissions."""
    db.execute(
        "INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?)", (group, role.id, role.rank, role.name)
    )
    if granted is not None:
        row = (group, role.id, msgspec.json.encode(granted).decode())
        db.execute("INSERT OR REPLACE INTO role_permissions VALUES (?, ?, ?)", row)


def remove_role(db: sqlite3.Connection, group: int, role: int) -> None:
    """Delete a role; its holders keep their others."""
    db.execute("DELETE FROM roles WHERE group_id = ? AND id = ?", (group, role))
    for table in ("role_permissions", "member_roles"):
        db.execute(f"DELETE FROM {table} WHERE group_id = ? AND role = ?", (group, role))


def log(
    db: sqlite3.Connection, group: int, action: str, actor: int, target: int | None, now: int
) -> None:
    """Log what somebody did in the group to a person (`target`), or by themselves."""
    row = (group, action, actor, target, now)
    db.execute(
        "INSERT INTO group_log (group_id, action, actor, target, created) VALUES (?, ?, ?, ?, ?)",
        row,
    )


def _changed(
    db: sqlite3.Connection, group: int, user: int, actor: int, before: list[Role], now: int
) -> None:
    after = member_roles(db, group, user)
    db.execute("UPDATE members SET updated = ? WHERE group_id = ? AND user = ?", (now, group, user))
    db.execute(
        "INSERT INTO group_log (group_id, action, actor, target, old_role, new_role, created)"
        " VALUES (?, 'ChangeRank', ?, ?, ?, ?, ?)",
        (group, actor, user, *_what_changed(before, after), now),
    )


def _what_changed(before: list[Role], after: list[Role]) -> tuple[int, int]:
    # How Roblox logs one of several roles is not documented: old and new are the highest that
    # differ,
    # or the highest role where one was only added or only taken away.
    lost = [role for role in before if role not in after]
    won = [role for role in after if role not in before]
    return (lost or before)[-1].id, (won or after)[-1].id


def _group(db: sqlite3.Connection, call: Call) -> tuple[int, str, int, int]:
    text = call.path["group"]
    row = None
    if re.fullmatch(r"[0-9]{1,18}", text):
        row = db.execute(
            "SELECT id, name, owner, created FROM groups WHERE id = ?", (int(text),)
        ).fetchone()
    if row is None:
        raise Refused("NOT_FOUND", "The group was not found.")
    number, name, owner, created = row
    return number, name, owner, created


def _manageable(
    db: sqlite3.Connection, call: Call, wanted: tuple[int, int]
) -> tuple[int, int, Role]:
    """The group, the member and the role to change. Refused if they do not exist, or the key's
    owner stands too low.
    """
    group = _group(db, call)[0]
    user = _member_id(call.path["membership"])
    held = member_roles(db, group, user)
    if not held:
        raise Refused("NOT_FOUND", "The membership was not found.")
    target = {role.id: role for role in roles(db, group)}.get(wanted[1])
    if target is None or wanted[0] != group:
        raise invalid("The role is not one of this group.")
    if target.rank in (GUEST, OWNER):
        raise invalid("The Guest and Owner roles cannot be assigned.")
    if user == call.owner:
        raise Refused("PERMISSION_DENIED", "Nobody changes their own roles.")
    own = max((role.rank for role in member_roles(db, group, call.owner)), default=-1)
    if own <= held[-1].rank or own <= target.rank:
        raise Refused(
            "PERMISSION_DENIED", "The key's owner does not stand above the member and the role."
        )
    return group, user, target


def _member_id(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text):
        return int(text)
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if not re.fullmatch(r"[0-9]{1,18}", decoded):
        raise Refused("NOT_FOUND", "The membership was not found.")
    return int(decoded)


def _named_role(text: str) -> tuple[int, int]:
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
    if len(numbers) > LARGEST_IN:
        raise invalid(f"At most {LARGEST_IN} users can be named.")
    return f"user IN ({', '.join('?' * len(numbers))})", numbers


def _member(db: sqlite3.Connection, group: int, user: int) -> dict[str, Any]:
    query = "SELECT created, updated FROM members WHERE group_id = ? AND user = ?"
    return _membership(db, group, user, *db.execute(query, (group, user)).fetchone())


def _membership(
    db: sqlite3.Connection, group: int, user: int, created: int, updated: int
) -> dict[str, Any]:
    held = [f"groups/{group}/roles/{role.id}" for role in member_roles(db, group, user)]
    number = base64.urlsafe_b64encode(str(user).encode()).decode().rstrip("=")
    return {
        "path": f"groups/{group}/memberships/{number}",
        "createTime": stamp(created),
        "updateTime": stamp(updated),
        "user": f"users/{user}",
        "role": held[-1],
        "roles": held[::-1],
    }


def _role(
    db: sqlite3.Connection, call: Call, group: tuple[int, str, int, int], role: Role
) -> dict[str, Any]:
    number, _, owner, created = group
    body: dict[str, Any] = {
        "path": f"groups/{number}/roles/{role.id}",
        "id": str(role.id),
        "displayName": role.name,
        "rank": role.rank,
    }
    if role.rank != GUEST:
        query = "SELECT count(*) FROM member_roles WHERE group_id = ? AND role = ?"
        body["memberCount"] = db.execute(query, (number, role.id)).fetchone()[0]
    owns = call.owner == owner
    if owns:
        body |= {"createTime": stamp(created), "updateTime": stamp(created), "description": ""}
    may_read = call.key is not None and call.key.may("group:read", None)
    if role.rank == GUEST or (may_read and (owns or role in member_roles(db, number, call.owner))):
        granted = PERMISSIONS if role.rank == OWNER else _granted(db, number, role.id)
        body["permissions"] = {name: name in granted for name in PERMISSIONS}
    return body


def _granted(db: sqlite3.Connection, group: int, role: int) -> list[str]:
    query = "SELECT granted FROM role_permissions WHERE group_id = ? AND role = ?"
    row = db.execute(query, (group, role)).fetchone()
    return msgspec.json.decode(row[0], type=list[str]) if row else []


def _logged(db: sqlite3.Connection, group: int, row: tuple[Any, ...]) -> dict[str, Any]:
    _, action, actor, target, old, new, created = row
    names = {role.id: role for role in roles(db, group)}
    held = member_roles(db, group, actor)
    person = users.called(db, actor)
    role = held[-1] if held else names[min(names, key=lambda one: names[one].rank)]
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
        "actionType": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", action),
        "description": _description(db, names, target, old, new),
        "created": stamp(created),
    }


def _description(
    db: sqlite3.Connection,
    names: dict[int, Role],
    target: int | None,
    old: int | None,
    new: int | None,
) -> dict[str, Any]:
    """What an entry says of whom it is about; nothing where that is the actor. A deleted role has
    no name.
    """
    if target is None:
        return {}
    found: dict[str, Any] = {"TargetId": target, "TargetName": users.called(db, target).name}
    for word, role in (("Old", old), ("New", new)):
        if role is not None:
            found |= {
                f"{word}RoleSetId": role,
                f"{word}RoleSetName": names[role].name if role in names else "",
            }
    return found
