"""Acts of game servers and of people on Roblox, which need no key and have no limits."""

import msgspec

from roblox.emulator import (
    entries,
    group_log,
    groups,
    join_requests,
    memberships,
    ordered,
    queues,
    restrictions,
    users,
)
from roblox.emulator.entries import EntryId
from roblox.emulator.errors import invalid
from roblox.emulator.group_log import Event
from roblox.emulator.groups import Member
from roblox.emulator.queues import ItemBody
from roblox.emulator.restrictions import WHOLE_UNIVERSE, Restriction, Subject
from roblox.emulator.setup import Body, RoleBody, write_role
from roblox.emulator.store import Connection


class IndexBody(Body):
    """The value of the player in an ordered data store."""

    store: str
    id: str | int
    value: int | None = None


class SetEntry(Body, tag_field="act", tag="setEntry"):
    universe_id: int
    store: str
    key: str
    value: msgspec.Raw
    scope: str = "global"
    index: IndexBody | None = None
    users: list[int] = msgspec.field(default_factory=list)

    def perform(self, db: Connection) -> None:
        _make_universe(db, self.universe_id)
        name = entries.check_name(self.store, "data store")
        scope = entries.check_name(self.scope, "scope")
        key = entries.check_name(self.key, "key")
        content = entries.content(bytes(self.value), [f"users/{user}" for user in self.users], {})
        store = entries.make_store(db, self.universe_id, name)
        entries.put(db, EntryId(store, scope, key), content)
        if self.index is not None:
            _set_index(db, self.universe_id, self.index)


class SetOrdered(Body, tag_field="act", tag="setOrdered"):
    universe_id: int
    store: str
    id: str
    value: int

    def perform(self, db: Connection) -> None:
        _make_universe(db, self.universe_id)
        name = entries.check_name(self.store, "data store")
        _set_index(db, self.universe_id, IndexBody(name, self.id, self.value))


class RemoveEntry(Body, tag_field="act", tag="removeEntry"):
    universe_id: int
    store: str
    key: str
    scope: str = "global"
    index: IndexBody | None = None

    def perform(self, db: Connection) -> None:
        store = entries.store_id(db, self.universe_id, self.store)
        entry = entries.find(db, EntryId(store, self.scope, self.key))
        if entry is None or not entry.active:
            raise invalid(f"There is no entry {self.key!r}.")
        entries.remove(db, entry)
        if self.index is not None:
            index = ordered.store_id(db, self.universe_id, self.index.store)
            ordered.remove(db, EntryId(index, "global", str(self.index.id)))


class SetRoles(Body, tag_field="act", tag="setRoles"):
    """A change of a member's roles by `actor_user_id`, or by the group's owner."""

    group_id: int
    user_id: int
    roles: list[int]
    actor_user_id: int | None = None

    def perform(self, db: Connection) -> None:
        member = _existing(db, self.group_id, self.user_id)
        if not {role.id for role in groups.roles(db, self.group_id)}.issuperset(self.roles):
            raise invalid("A role is not one of this group.")
        owner = db.execute("SELECT owner FROM groups WHERE id = ?", (self.group_id,)).fetchone()[0]
        memberships.set_roles(db, member, self.roles, self.actor_user_id or owner)


class PutRole(Body, tag_field="act", tag="putRole"):
    group_id: int
    role: RoleBody

    def perform(self, db: Connection) -> None:
        write_role(db, self.group_id, self.role)


class RemoveRole(Body, tag_field="act", tag="removeRole"):
    group_id: int
    role_id: int

    def perform(self, db: Connection) -> None:
        groups.remove_role(db, self.group_id, self.role_id)


class Join(Body, tag_field="act", tag="join"):
    group_id: int
    user_id: int

    def perform(self, db: Connection) -> None:
        memberships.join(db, Member(self.group_id, self.user_id), [])
        group_log.log(db, self.group_id, Event("JoinGroup", self.user_id))


class Leave(Body, tag_field="act", tag="leave"):
    """A member leaves, or `actor_user_id` removes them."""

    group_id: int
    user_id: int
    actor_user_id: int | None = None

    def perform(self, db: Connection) -> None:
        memberships.leave(db, _existing(db, self.group_id, self.user_id))
        if self.actor_user_id is None:
            event = Event("LeaveGroup", self.user_id)
        else:
            event = Event("RemoveMember", self.actor_user_id, self.user_id)
        group_log.log(db, self.group_id, event)


class Ban(Body, tag_field="act", tag="ban"):
    """A ban or unban by a script of the game."""

    universe_id: int
    user_id: int
    active: bool
    duration: str | None = None
    display_reason: str = ""
    private_reason: str = ""
    exclude_alt_accounts: bool = False
    place_id: int = WHOLE_UNIVERSE

    def perform(self, db: Connection) -> None:
        restriction = Restriction(
            self.active,
            self.duration,
            self.private_reason,
            self.display_reason,
            self.exclude_alt_accounts,
        )
        restrictions.restrict(
            db, Subject(self.universe_id, self.place_id, self.user_id), restriction
        )


class AskToJoin(Body, tag_field="act", tag="askToJoin"):
    group_id: int
    user_id: int
    username: str = ""

    def perform(self, db: Connection) -> None:
        if self.username:
            users.rename(db, self.user_id, self.username)
        join_requests.ask(db, Member(self.group_id, self.user_id))


class Enqueue(Body, tag_field="act", tag="enqueue"):
    universe_id: int
    queue: str
    data: msgspec.Raw
    priority: float = 0
    ttl: str = "600s"

    def perform(self, db: Connection) -> None:
        item = ItemBody(self.data, self.priority, self.ttl)
        queues.add(db, self.universe_id, self.queue, item)


Act = (
    SetEntry
    | SetOrdered
    | RemoveEntry
    | SetRoles
    | PutRole
    | RemoveRole
    | Join
    | Leave
    | AskToJoin
    | Ban
    | Enqueue
)


def _make_universe(db: Connection, universe: int) -> None:
    db.execute("INSERT OR IGNORE INTO universes VALUES (?, 0, '')", (universe,))


def _set_index(db: Connection, universe: int, index: IndexBody) -> None:
    if index.value is None:
        raise invalid("index needs a value.")
    store = ordered.make_store(db, universe, index.store)
    ordered.put(db, EntryId(store, "global", str(index.id)), index.value)


def _existing(db: Connection, group: int, user: int) -> Member:
    member = Member(group, user)
    if not groups.roles_of(db, member):
        raise invalid(f"User {user} is no member of group {group}.")
    return member
