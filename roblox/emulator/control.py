"""The emulator's own interface under `/_emulator/`: what a test sets up, causes, and looks at."""

import random
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from roblox.emulator import entries, groups, ordered, users
from roblox.emulator import queues as memory
from roblox.emulator.calls import Answer, invalid, micros, moment, stamp
from roblox.emulator.entries import Content
from roblox.emulator.faults import Fault, Faults
from roblox.emulator.limits import Limiter
from roblox.emulator.restrictions import Restriction, restrict
from roblox.emulator.seeding import Seed, change, plant
from roblox.emulator.store import Store
from roblox.emulator.tally import Tally

OPTIONS = ("listingDelaySeconds", "keepEveryRevision")


class _Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Bodies of the control interface refuse what they do not know."""


class GrantBody(_Body):
    scope: str
    universe_ids: list[str | int] = msgspec.field(default_factory=lambda: ["*"])


class KeyBody(_Body):
    key: str
    name: str
    owner_user_id: int
    scopes: list[str | GrantBody]
    enabled: bool = True
    expiration_time_utc: str | None = None


class UniverseBody(_Body):
    universe_id: int
    root_place_id: int
    name: str = ""


class RoleBody(_Body):
    id: int
    rank: int
    display_name: str
    permissions: list[str] | None = None


class GroupBody(_Body):
    group_id: int
    name: str
    owner_user_id: int
    roles: list[RoleBody]


class MemberBody(_Body):
    user_id: int
    username: str = ""
    roles: list[int] = msgspec.field(default_factory=list)


class MembersBody(_Body):
    group_id: int
    members: list[MemberBody]


class IndexBody(_Body):
    store: str
    id: str | int
    value: int | None = None


class SetEntry(_Body, tag_field="act", tag="setEntry"):
    universe_id: int
    store: str
    key: str
    value: msgspec.Raw
    scope: str = "global"
    index: IndexBody | None = None
    users: list[int] = msgspec.field(default_factory=list)


class SetOrdered(_Body, tag_field="act", tag="setOrdered"):
    universe_id: int
    store: str
    id: str
    value: int


class RemoveEntry(_Body, tag_field="act", tag="removeEntry"):
    universe_id: int
    store: str
    key: str
    scope: str = "global"
    index: IndexBody | None = None


class SetRoles(_Body, tag_field="act", tag="setRoles"):
    group_id: int
    user_id: int
    roles: list[int]
    actor_user_id: int | None = None


class PutRole(_Body, tag_field="act", tag="putRole"):
    group_id: int
    role: RoleBody


class RemoveRole(_Body, tag_field="act", tag="removeRole"):
    group_id: int
    role_id: int


class Join(_Body, tag_field="act", tag="join"):
    group_id: int
    user_id: int


class Leave(_Body, tag_field="act", tag="leave"):
    """`actor_user_id`: who removed them; without one they left by themselves."""

    group_id: int
    user_id: int
    actor_user_id: int | None = None


class Ban(_Body, tag_field="act", tag="ban"):
    universe_id: int
    user_id: int
    active: bool
    duration: str | None = None
    display_reason: str = ""
    private_reason: str = ""
    exclude_alt_accounts: bool = False
    place_id: int = 0


class Enqueue(_Body, tag_field="act", tag="enqueue"):
    universe_id: int
    queue: str
    data: msgspec.Raw
    priority: float = 0
    ttl: str = "600s"


Act = (
    SetEntry
    | SetOrdered
    | RemoveEntry
    | SetRoles
    | PutRole
    | RemoveRole
    | Join
    | Leave
    | Ban
    | Enqueue
)
_ANY_ACT: Any = Act  # a union is no type to the type checker


class FaultsBody(_Body):
    faults: list[Fault]
    seed: int = 0


class Nothing(_Body):
    """No members: an empty object."""


class Control:
    """Answers `/_emulator/…`. Everything malformed is refused (400) with a sentence."""

    def __init__(self, store: Store, limiter: Limiter, faults: Faults, tally: Tally) -> None:
        self.store, self.limiter, self.faults, self.tally = store, limiter, faults, tally
        self._doors: dict[tuple[str, str], Callable[[bytes], Answer]] = {
            ("POST", "reset"): self._reset,
            ("POST", "keys"): self._taking(KeyBody, put_key),
            ("POST", "universes"): self._taking(UniverseBody, put_universe),
            ("POST", "groups"): self._taking(GroupBody, put_group),
            ("POST", "members"): self._taking(MembersBody, put_members),
            ("POST", "seed"): self._taking(Seed, seed_players),
            ("POST", "act"): self._act,
            ("POST", "options"): self._taking(dict[str, float], put_options),
            ("POST", "limits"): self._limits,
            ("GET", "limits"): lambda _: Answer(200, self.limiter.figures()),
            ("POST", "faults"): self._faults,
            ("GET", "calls"): lambda _: Answer(200, self.tally.counted()),
            ("POST", "calls/reset"): self._forget_calls,
            ("GET", "health"): lambda _: Answer(200, {"ready": True}),
        }

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """`path` is what follows `/_emulator/`. Raises Refused."""
        door = self._doors.get((method, path))
        if door:
            return door(body)
        name, _, rest = path.partition("/")
        if method == "GET" and path == "entry":
            return _raw_entry(self.store, query)
        if method == "GET" and path == "messages":
            return _messages(self.store, query)
        if method == "GET" and path == "items":
            return _items(self.store, query)
        if method == "DELETE" and name == "keys" and rest:
            return _gone(self.store, "DELETE FROM api_keys WHERE key = ?", (rest,))
        if method == "DELETE" and name == "members":
            return _leave(self.store, rest)
        return Answer(404, {"error": f"{method} /_emulator/{path} does not exist."})

    def _taking[T](
        self, kind: type[T], done: Callable[[Store, T], Any]
    ) -> Callable[[bytes], Answer]:
        def door(body: bytes) -> Answer:
            return Answer(200, done(self.store, _read(body, kind)) or {})

        return door

    def _reset(self, body: bytes) -> Answer:
        _read(body, Nothing)
        self.store.empty()
        self.limiter.reset()
        self.faults.replace([], 0)
        self.tally.reset()
        return Answer(200, {})

    def _act(self, body: bytes) -> Answer:
        act: Act = _read(body, _ANY_ACT)
        with self.store.write() as db:
            _do(db, act)
        return Answer(200, {})

    def _limits(self, body: bytes) -> Answer:
        figures = _read(body, dict[str, int | None])
        unknown = set(figures) - set(self.limiter.figures()) - {"all"}
        if unknown:
            raise invalid(f"There is no class of limits {sorted(unknown)[0]!r}.")
        self.limiter.change(figures)
        return Answer(200, self.limiter.figures())

    def _faults(self, body: bytes) -> Answer:
        asked = _read(body, FaultsBody)
        named = {name for fault in asked.faults for name in fault.operations}
        unknown = named - self.tally.names - {"*"}
        if unknown:
            raise invalid(f"There is no operation {sorted(unknown)[0]!r}.")
        self.faults.replace(asked.faults, asked.seed)
        return Answer(200, {})

    def _forget_calls(self, body: bytes) -> Answer:
        _read(body, Nothing)
        self.tally.reset()
        return Answer(200, {})


def put_key(store: Store, body: KeyBody) -> None:
    """Make or replace an API key."""
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
    """Make or rename a universe."""
    with store.write() as db:
        row = (body.universe_id, body.root_place_id, body.name)
        db.execute("INSERT OR REPLACE INTO universes VALUES (?, ?, ?)", row)


def put_group(store: Store, body: GroupBody) -> None:
    """Make or replace a group. Guest and Owner roles are added where the body has none; the owner
    is a member.
    """
    with store.write() as db:
        _put_group(db, body)


def _put_group(db: sqlite3.Connection, body: GroupBody) -> None:
    ranks = [role.rank for role in body.roles]
    if groups.BASE not in ranks:
        raise invalid("A group needs a base role, of rank 1.")
    if any(not groups.GUEST <= rank <= groups.OWNER for rank in ranks):
        raise invalid("Ranks lie between 0 and 255.")
    rows = [(body.group_id, role.id, role.rank, role.display_name) for role in body.roles]
    numbers = [role.id for role in body.roles]
    if groups.GUEST not in ranks:
        rows.append((body.group_id, min(numbers) - 1, groups.GUEST, "Guest"))
    if groups.OWNER not in ranks:
        rows.append((body.group_id, max(numbers) + 1, groups.OWNER, "Owner"))
    now = micros()
    for table in ("roles", "role_permissions", "members", "member_roles", "group_log"):
        db.execute(f"DELETE FROM {table} WHERE group_id = ?", (body.group_id,))
    db.execute(
        "INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?)",
        (body.group_id, body.name, body.owner_user_id, now),
    )
    db.executemany("INSERT INTO roles VALUES (?, ?, ?, ?)", rows)
    for role in body.roles:
        if role.permissions is not None:
            _put_role(db, body.group_id, role)
    owner_role = next(role for _, role, rank, _ in rows if rank == groups.OWNER)
    _put_member(db, body.group_id, MemberBody(body.owner_user_id, "", [owner_role]), now)


def _put_role(db: sqlite3.Connection, group: int, body: RoleBody) -> None:
    unknown = set(body.permissions or ()) - set(groups.PERMISSIONS)
    if unknown:
        raise invalid(f"There is no permission {sorted(unknown)[0]!r}.")
    if not groups.GUEST <= body.rank <= groups.OWNER:
        raise invalid("Ranks lie between 0 and 255.")
    groups.put_role(db, group, groups.Role(body.id, body.rank, body.display_name), body.permissions)


def put_members(store: Store, body: MembersBody, group: GroupBody | None = None) -> None:
    """Let people join, or change what they hold; with `group`, that is made first, all or nothing."""
    with store.write() as db:
        if group is not None:
            _put_group(db, group)
        now = micros()
        known = {role.id for role in groups.roles(db, body.group_id)}
        if not known:
            raise invalid(f"There is no group {body.group_id}.")
        for member in body.members:
            if not known.issuperset(member.roles):
                raise invalid(
                    f"User {member.user_id} cannot hold a role that the group does not have."
                )
            _put_member(db, body.group_id, member, now)


def _put_member(db: sqlite3.Connection, group: int, member: MemberBody, now: int) -> None:
    db.execute(
        "INSERT OR IGNORE INTO members VALUES (?, ?, ?, ?)", (group, member.user_id, now, now)
    )
    if member.username:
        users.learn(db, member.user_id, member.username)
    groups.set_roles(db, group, member.user_id, member.roles, None, now)


def seed_players(store: Store, body: Seed) -> dict[str, Any]:
    """Make players, or let a share of them earn."""
    if not 0 <= body.change_fraction <= 1 or body.players < 0:
        raise invalid("changeFraction lies between 0 and 1, players is at least 0.")
    if "{userId}" not in body.key_format:
        raise invalid("keyFormat needs {userId}.")
    if body.change_fraction:
        return {"changed": change(store, body, random.Random(body.seed))}
    plant(store, body)
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


def _read[T](body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body or b"{}", type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"The body cannot be read: {error}.") from None


def _do(db: sqlite3.Connection, act: Act) -> None:
    now = micros()
    match act:
        case SetEntry():
            _set_entry(db, act, now)
        case SetOrdered():
            _set_ordered(db, act)
        case RemoveEntry():
            _remove_entry(db, act, now)
        case SetRoles():
            _set_roles(db, act, now)
        case PutRole():
            _put_role(db, act.group_id, act.role)
        case RemoveRole():
            groups.remove_role(db, act.group_id, act.role_id)
        case Join():
            _put_member(db, act.group_id, MemberBody(act.user_id), now)
            groups.log(db, act.group_id, "JoinGroup", act.user_id, None, now)
        case Leave():
            _leave_by_act(db, act, now)
        case Ban():
            told = Restriction(
                act.active,
                act.duration,
                act.private_reason,
                act.display_reason,
                act.exclude_alt_accounts,
            )
            restrict(db, act.universe_id, act.place_id, act.user_id, told, None, now)
        case Enqueue():
            memory.add(
                db,
                act.universe_id,
                act.queue,
                memory.ItemBody(act.data, act.priority, act.ttl),
                now,
            )


def _set_entry(db: sqlite3.Connection, act: SetEntry, now: int) -> None:
    db.execute("INSERT OR IGNORE INTO universes VALUES (?, 0, '')", (act.universe_id,))
    store = entries.make_store(
        db, act.universe_id, entries.check_name(act.store, "data store"), now
    )
    scope, key = entries.check_name(act.scope, "scope"), entries.check_name(act.key, "key")
    checked: Content = entries.content(
        bytes(act.value), [f"users/{user}" for user in act.users], {}
    )
    entries.put(db, store, scope, key, checked, now)
    if act.index is not None:
        if act.index.value is None:
            raise invalid("index needs a value.")
        index = ordered.make_store(db, act.universe_id, act.index.store)
        ordered.put(db, index, "global", str(act.index.id), act.index.value)


def _set_ordered(db: sqlite3.Connection, act: SetOrdered) -> None:
    db.execute("INSERT OR IGNORE INTO universes VALUES (?, 0, '')", (act.universe_id,))
    store = ordered.make_store(db, act.universe_id, entries.check_name(act.store, "data store"))
    ordered.put(db, store, "global", act.id, act.value)


def _remove_entry(db: sqlite3.Connection, act: RemoveEntry, now: int) -> None:
    entry = entries.find(db, entries.store_id(db, act.universe_id, act.store), act.scope, act.key)
    if entry is None or not entry.active:
        raise invalid(f"There is no entry {act.key!r}.")
    entries.remove(db, entry, now)
    if act.index is not None:
        index = ordered.store_id(db, act.universe_id, act.index.store)
        ordered.remove(db, index, "global", str(act.index.id))


def _set_roles(db: sqlite3.Connection, act: SetRoles, now: int) -> None:
    known = {role.id for role in groups.roles(db, act.group_id)}
    if not groups.member_roles(db, act.group_id, act.user_id):
        raise invalid(f"User {act.user_id} is no member of group {act.group_id}.")
    if not known.issuperset(act.roles):
        raise invalid("A role is not one of this group.")
    owner = db.execute("SELECT owner FROM groups WHERE id = ?", (act.group_id,)).fetchone()[0]
    groups.set_roles(db, act.group_id, act.user_id, act.roles, act.actor_user_id or owner, now)


def _leave_by_act(db: sqlite3.Connection, act: Leave, now: int) -> None:
    if not groups.member_roles(db, act.group_id, act.user_id):
        raise invalid(f"User {act.user_id} is no member of group {act.group_id}.")
    for table in ("member_roles", "members"):
        db.execute(
            f"DELETE FROM {table} WHERE group_id = ? AND user = ?", (act.group_id, act.user_id)
        )
    removed = act.actor_user_id is not None
    actor, target = (act.actor_user_id, act.user_id) if removed else (act.user_id, None)
    groups.log(
        db,
        act.group_id,
        "RemoveMember" if removed else "LeaveGroup",
        actor or act.user_id,
        target,
        now,
    )


def _raw_entry(store: Store, query: dict[str, str]) -> Answer:
    db = store.read()
    home = entries.store_id(db, _number(query, "universeId"), query.get("store", ""))
    entry = entries.find(db, home, query.get("scope") or "global", query.get("key", ""))
    if entry is None or entry.value is None:
        return Answer(404, {"error": "There is no such entry."})
    return Answer(200, entry.value.encode())


def _messages(store: Store, query: dict[str, str]) -> Answer:
    after = _number(query, "after") if "after" in query else 0
    rows = store.read().execute(
        "SELECT id, topic, message, sent FROM messages WHERE universe = ? AND id > ? ORDER BY id",
        (_number(query, "universeId"), after),
    )
    return Answer(
        200,
        [
            {"id": number, "topic": topic, "message": message, "at": stamp(at)}
            for number, topic, message, at in rows
        ],
    )


def _items(store: Store, query: dict[str, str]) -> Answer:
    row = store.read().execute(
        "SELECT count(*) FROM queue_items WHERE universe = ? AND queue = ? AND expires > ?",
        (_number(query, "universeId"), query.get("queue", ""), micros()),
    )
    return Answer(200, {"items": row.fetchone()[0]})


def _number(query: dict[str, str], name: str) -> int:
    text = query.get(name, "")
    if not text.isdecimal():
        raise invalid(f"{name} must be a number.")
    return int(text)


def _gone(store: Store, query: str, values: tuple[Any, ...]) -> Answer:
    with store.write() as db:
        done = db.execute(query, values).rowcount
    return Answer(200, {}) if done else Answer(404, {"error": "It does not exist."})


def _leave(store: Store, rest: str) -> Answer:
    group, _, user = rest.partition("/")
    if not (group.isdecimal() and user.isdecimal()):
        raise invalid("The path is /_emulator/members/{groupId}/{userId}.")
    both = (int(group), int(user))
    with store.write() as db:
        db.execute("DELETE FROM member_roles WHERE group_id = ? AND user = ?", both)
    return _gone(store, "DELETE FROM members WHERE group_id = ? AND user = ?", both)
