"""Setup by tests through the control interface: keys, universes, groups, players, options."""

import random
from typing import Any

import msgspec

from roblox.emulator import groups, memberships, seeding, users
from roblox.emulator.clock import moment
from roblox.emulator.errors import invalid
from roblox.emulator.groups import Member, Role
from roblox.emulator.seeding import Seed
from roblox.emulator.store import Connection, Store

OPTIONS = ("listingDelaySeconds", "keepEveryRevision")


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A body of the control interface. Unknown fields are refused."""


class GrantBody(Body):
    scope: str
    universe_ids: list[str | int] = msgspec.field(default_factory=lambda: ["*"])


class KeyBody(Body):
    key: str
    name: str
    owner_user_id: int
    scopes: list[str | GrantBody]
    enabled: bool = True
    expiration_time_utc: str | None = None


class UniverseBody(Body):
    universe_id: int
    root_place_id: int
    name: str = ""


class RoleBody(Body):
    id: int
    rank: int
    display_name: str
    permissions: list[str] | None = None


class GroupBody(Body):
    group_id: int
    name: str
    owner_user_id: int
    roles: list[RoleBody]


class MemberBody(Body):
    user_id: int
    username: str = ""
    roles: list[int] = msgspec.field(default_factory=list)


class MembersBody(Body):
    group_id: int
    members: list[MemberBody]


def put_key(store: Store, body: KeyBody) -> None:
    """Create or replace an API key."""
    if body.expiration_time_utc is not None:
        moment(body.expiration_time_utc)
    grants = [
        (grant, ["*"])
        if isinstance(grant, str)
        else (grant.scope, [str(universe) for universe in grant.universe_ids])
        for grant in body.scopes
    ]
    scopes = msgspec.json.encode(grants).decode()
    row = (body.key, body.name, body.owner_user_id, scopes, body.enabled, body.expiration_time_utc)
    with store.write() as db:
        db.execute("INSERT OR REPLACE INTO api_keys VALUES (?, ?, ?, ?, ?, ?)", row)


def put_universe(store: Store, body: UniverseBody) -> None:
    """Create or rename a universe."""
    with store.write() as db:
        row = (body.universe_id, body.root_place_id, body.name)
        db.execute("INSERT OR REPLACE INTO universes VALUES (?, ?, ?)", row)


def put_group(store: Store, body: GroupBody) -> None:
    """Create or replace a group. Missing Guest and Owner roles are added. The owner is a member."""
    with store.write() as db:
        write_group(db, body)


def write_group(db: Connection, body: GroupBody) -> None:
    if groups.BASE not in [role.rank for role in body.roles]:
        raise invalid("A group needs a base role, of rank 1.")
    for table in ("roles", "role_permissions", "members", "member_roles", "group_log"):
        db.execute(f"DELETE FROM {table} WHERE group_id = ?", (body.group_id,))
    row = (body.group_id, body.name, body.owner_user_id, db.now)
    db.execute("INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?)", row)
    for role in [*body.roles, *_implied_roles(body.roles)]:
        write_role(db, body.group_id, role)
    owner = Member(body.group_id, body.owner_user_id)
    highest = groups.roles(db, body.group_id)[-1]
    memberships.join(db, owner, [highest.id])


def _implied_roles(roles: list[RoleBody]) -> list[RoleBody]:
    ranks, ids = [role.rank for role in roles], [role.id for role in roles]
    implied = []
    if groups.GUEST not in ranks:
        implied.append(RoleBody(min(ids) - 1, groups.GUEST, "Guest"))
    if groups.OWNER not in ranks:
        implied.append(RoleBody(max(ids) + 1, groups.OWNER, "Owner"))
    return implied


def write_role(db: Connection, group: int, body: RoleBody) -> None:
    """Create or change a role. Raises ApiError (400) for an unknown permission or rank."""
    unknown = set(body.permissions or ()) - set(groups.PERMISSIONS)
    if unknown:
        raise invalid(f"There is no permission {sorted(unknown)[0]!r}.")
    if not groups.GUEST <= body.rank <= groups.OWNER:
        raise invalid("Ranks lie between 0 and 255.")
    groups.put_role(db, group, Role(body.id, body.rank, body.display_name), body.permissions)


def put_members(store: Store, body: MembersBody, group: GroupBody | None = None) -> None:
    """Add members or replace their roles. `group` is created first, in the same transaction."""
    with store.write() as db:
        if group is not None:
            write_group(db, group)
        known = {role.id for role in groups.roles(db, body.group_id)}
        if not known:
            raise invalid(f"There is no group {body.group_id}.")
        for member in body.members:
            if not known.issuperset(member.roles):
                raise invalid(
                    f"User {member.user_id} cannot hold a role that the group does not have."
                )
            if member.username:
                users.rename(db, member.user_id, member.username)
            memberships.join(db, Member(body.group_id, member.user_id), member.roles)


def seed_players(store: Store, body: Seed) -> dict[str, Any]:
    """Create players, or let a share of them earn."""
    if not 0 <= body.change_fraction <= 1 or body.players < 0:
        raise invalid("changeFraction lies between 0 and 1, players is at least 0.")
    if "{userId}" not in body.key_format:
        raise invalid("keyFormat needs {userId}.")
    if body.change_fraction:
        return {"changed": seeding.change(store, body, random.Random(body.seed))}
    seeding.plant(store, body)
    return {"players": body.players}


def put_options(store: Store, body: dict[str, float]) -> None:
    """Set switches."""
    unknown = set(body) - set(OPTIONS)
    if unknown:
        raise invalid(
            f"There is no option {sorted(unknown)[0]!r}; there are {' and '.join(OPTIONS)}."
        )
    with store.write() as db:
        db.executemany("INSERT OR REPLACE INTO options VALUES (?, ?)", list(body.items()))
