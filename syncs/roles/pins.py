"""Pins: which role of the group belongs to which rank, by role id since the first contact.

A policy's rank names a number. The first contact pins the role that has this number. Afterwards
only the id counts, so a role is followed when its number changes. A change that is not safe to
follow parks that rank: GRPS does not give or remove its role and adopts no rank from it, until the
change is undone or staff pin the rank again.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, Target, record
from common import advisory_lock
from common.database_clock import database_time
from players.active_policy import ActivePolicy, active
from players.policy.bundle import RankRule
from roblox.cloud import Group
from roblox.open_cloud import groups
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import Role
from syncs.models import GroupRole, Mirror, RolePin

LOCK = 4_710_040  # advisory lock: only one update of the pins at a time
ACTOR = Actor("system", "roles", "roles")


@dataclass(frozen=True, slots=True)
class Shown:
    """The rank that a member's roles show.

    `parked`: that rank's role is parked, so nothing may be decided from it.
    """

    rank: RankRule
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of the active policy's ranks, by the rank's name.

    `roles`: the pinned role's id, parked ones included. `parked`: why a rank is parked. `lost`:
    parked ranks whose pinned role no longer exists, so that nobody can show them. `changed`: when
    staff pinned another role than before.
    """

    policy: ActivePolicy
    roles: Mapping[str, int]
    parked: Mapping[str, str]
    lost: frozenset[str]
    changed: Mapping[str, dt.datetime]

    def shown(self, held: Iterable[int]) -> Shown:
        """Return the rank that these role ids show: the highest rank whose pinned role is held."""
        ids = set(held)
        found = [
            self.policy.bundle.by_name[rank]
            for rank, role in self.roles.items()
            if role in ids and rank in self.policy.bundle.by_name
        ]
        highest = max(found, key=_height, default=self.policy.bundle.first)
        return Shown(highest, highest.name in self.parked and highest in found)


@dataclass(frozen=True, slots=True)
class Contact:
    """The group's roles as just read, by id, and the updated pins."""

    roles: Mapping[int, Role]
    pins: Pins


@dataclass(slots=True)
class _Changes:
    """The pins that a contact changed: rows to write, and rows that need an audit event."""

    rows: list[RolePin] = field(default_factory=list)
    pinned: list[RolePin] = field(default_factory=list)
    parked: list[RolePin] = field(default_factory=list)
    released: list[RolePin] = field(default_factory=list)

    def register(self, row: RolePin, before: tuple[object, ...], now: dt.datetime) -> None:
        """Add a changed row. `before` begins with the old role id and the old reason of parking."""
        role_id, parked = before[:2]
        self.rows.append(row)
        if row.role_id != role_id and row.role_id is not None:
            self.pinned.append(row)
        if row.parked and row.parked != parked:
            row.parked_at = now
            self.parked.append(row)
        elif parked and not row.parked:
            row.parked_at = None
            self.released.append(row)


def contact(group: Group, *, keep: bool = True) -> Contact:
    """Read the group's roles and update the pins. Without `keep` nothing is stored.

    It calls Roblox, so never call it inside a transaction. Raises OpenCloudError.
    """
    asked_at = database_time()
    return land(group.id, groups.roles(group.client, group.id), asked_at, keep=keep)


def land(
    group_id: int, roles: Sequence[Role], asked_at: dt.datetime, *, keep: bool = True
) -> Contact:
    """Store the roles read at `asked_at` (the database's clock) and update the pins.

    A listing older than the last one changes nothing. Raises OpenCloudError for an empty one.
    """
    if not roles:
        raise OpenCloudError(RetryDecision.RETRY, "Roblox names no role of the group.")
    policy = active()
    by_id = {role.id: role for role in roles}
    with transaction.atomic():
        lock()
        rows = {row.rank: row for row in RolePin.objects.filter(group_id=group_id)}
        latest = GroupRole.objects.filter(group_id=group_id).aggregate(at=Max("seen_at"))["at"]
        if latest is None or latest <= asked_at:
            changes = _Update(group_id, rows, policy, by_id, asked_at).run()
            if keep:
                _see(group_id, roles, asked_at)
                _write(changes)
    return Contact(by_id, _pins(policy, rows.values(), by_id))


def last(group_id: int) -> Contact | None:
    """Return roles and pins of the last contact, without asking Roblox. None if there was none."""
    rows = GroupRole.objects.filter(group_id=group_id, gone_at=None)
    roles = {
        row.role_id: Role(
            row.role_id,
            row.name,
            row.number,
            None if row.permissions is None else frozenset(row.permissions),
            row.members,
        )
        for row in rows
    }
    if not roles:
        return None
    found = RolePin.objects.filter(group_id=group_id, retired=False)
    return Contact(roles, _pins(active(), found, roles))


def why_parked(group_id: int | None, rank: str) -> str:
    """Return why a rank's role is parked. "" if it is not."""
    rows = RolePin.objects.filter(group_id=group_id or 0, rank=rank, retired=False)
    return rows.values_list("parked", flat=True).first() or ""


def lock() -> None:
    """Take the lock that allows one transaction at a time to write pins."""
    advisory_lock.lock(LOCK)


def raised(before: Iterable[str] | None, after: Iterable[str] | None) -> list[str] | None:
    """Return the added permissions, sorted. None if either side is unknown."""
    return None if before is None or after is None else sorted(set(after) - set(before))


def retry_parked_roles() -> None:
    """Queue the parked roles again, since a changed pin may make them possible."""
    parked = Mirror.objects.filter(status=Mirror.Status.PARKED, aspect=Mirror.Aspect.ROLE)
    parked.update(status=Mirror.Status.PENDING, attempts=0, reason="", retry_at=Now())


def _height(rank: RankRule) -> tuple[bool, int]:
    """Sort key of a rank. A punishment is above all: a suspended member's other roles do not count."""
    return rank.is_punishment, rank.position


def _pins(policy: ActivePolicy, rows: Iterable[RolePin], there: Iterable[int]) -> Pins:
    known = set(there)
    used = [row for row in rows if row.rank in policy.bundle.by_name and not row.retired]
    return Pins(
        policy,
        {row.rank: row.role_id for row in used if row.role_id is not None},
        {row.rank: row.parked for row in used if row.parked},
        frozenset(row.rank for row in used if row.parked and row.role_id not in known),
        {row.rank: row.changed_at for row in used if row.changed_at is not None},
    )


@dataclass(slots=True)
class _Update:
    """Updates the pins by the policy and the roles. New pins are added to `rows`."""

    group_id: int
    rows: dict[str, RolePin]
    policy: ActivePolicy
    roles: Mapping[int, Role]
    now: dt.datetime
    changes: _Changes = field(default_factory=_Changes)
    ranks_by_role: dict[int | None, str] = field(default_factory=dict)

    def run(self) -> _Changes:
        self._retire()
        held = [row for row in self.rows.values() if row.role_id is not None and not row.retired]
        self.ranks_by_role = {row.role_id: row.rank for row in held}
        for rank in self.policy.bundle.ranks:
            self._update(rank)
        return self.changes

    def _retire(self) -> None:
        """Retire the pins of ranks that are no longer in the policy.

        A rank that returns to the policy gets its pin again, unless the role is pinned to another
        rank.
        """
        known = self.policy.bundle.by_name
        used = {row.role_id for row in self.rows.values() if not row.retired and row.rank in known}
        for row in self.rows.values():
            if row.rank not in known and not row.retired:
                row.retired = True
                self.changes.rows.append(row)
            elif row.rank in known and row.retired and row.role_id in used:
                row.role_id = None

    def _update(self, rank: RankRule) -> None:
        row = self.rows.get(rank.name)
        is_new = row is None
        if row is None:
            row = RolePin(
                group_id=self.group_id, rank=rank.name, number=rank.role, name="", parked=""
            )
        before = _values(row)
        row.retired = False
        row.parked = (
            self._pin(row, rank, is_new) if row.role_id is None else self._follow(row, rank)
        )
        self.rows[rank.name] = row
        if is_new or before != _values(row):
            self.changes.register(row, before, self.now)

    def _same_number(self, number: int) -> str:
        """Return a sentence if several roles have this number, otherwise ""."""
        found = [role for role in self.roles.values() if role.rank == number]
        if len(found) < 2:
            return ""
        names = " and ".join(repr(one.name) for one in found)
        return f"The roles {names} have the same number {number}."

    def _pin(self, row: RolePin, rank: RankRule, is_new: bool) -> str:
        """Pin the role with the rank's number. Return why that is not safe, or "".

        If there is no such role, nothing is pinned or parked; the policy drift shows it.
        """
        role = next((one for one in self.roles.values() if one.rank == rank.role), None)
        if role is None:
            return ""
        if same := self._same_number(rank.role):
            return same
        if role.id in self.ranks_by_role:
            return (
                f"The number {rank.role} belongs to the role {role.name!r}, which stands for the"
                f" rank {self.ranks_by_role[role.id]}."
            )
        if not is_new and _plain(role.name) != _plain(rank.name):
            return (
                f"The role {role.name!r} took the number {rank.role}, which had no role of its own"
                " before."
            )
        row.role_id, row.name, row.number, row.pinned_at = role.id, role.name, rank.role, self.now
        row.permissions = None if role.permissions is None else sorted(role.permissions)
        self.ranks_by_role[role.id] = rank.name
        return ""

    def _follow(self, row: RolePin, rank: RankRule) -> str:
        """Follow the pinned role by its id. Return why that is not safe, or ""."""
        role = self.roles.get(row.role_id or 0)
        if role is None:
            return f"The role {row.name!r} (id {row.role_id}) does not exist any more."
        if same := self._same_number(role.rank):
            return same
        if rank.role == role.rank:
            row.number = rank.role
        elif rank.role != row.number:
            return (
                f"The policy names the number {rank.role} by now; the role {role.name!r} has the"
                f" number {role.rank}."
            )
        return _renamed(row, role)


def _values(row: RolePin) -> tuple[object, ...]:
    return (row.role_id, row.parked, row.number, row.retired, row.permissions)


def _renamed(row: RolePin, role: Role) -> str:
    """Return why a renamed role is not followed, or "".

    The role is compared with its state when it was pinned, so that a new name and permissions added
    later are judged together.
    """
    if role.name == row.name:
        if row.permissions is None and role.permissions is not None:
            row.permissions = sorted(role.permissions)
        return ""
    more = raised(row.permissions, role.permissions)
    if more is None:
        return f"The role {row.name!r} is called {role.name!r} now, and its permissions cannot be read."
    if more:
        return (
            f"The role {row.name!r} is called {role.name!r} now, and has more permissions:"
            f" {', '.join(more)}."
        )
    return ""


def _see(group_id: int, roles: Iterable[Role], now: dt.datetime) -> None:
    GroupRole.objects.bulk_create(
        [
            GroupRole(
                group_id=group_id,
                role_id=role.id,
                name=role.name[:100],
                number=role.rank,
                permissions=None if role.permissions is None else sorted(role.permissions),
                members=role.members,
                seen_at=now,
            )
            for role in sorted(roles, key=lambda one: one.id)
        ],
        update_conflicts=True,
        unique_fields=["group_id", "role_id"],
        update_fields=["name", "number", "permissions", "members", "seen_at", "gone_at"],
    )
    GroupRole.objects.filter(group_id=group_id, gone_at=None, seen_at__lt=now).update(gone_at=now)


def _write(changes: _Changes) -> None:
    # Retired pins are saved first, which frees their roles.
    for row in sorted(changes.rows, key=lambda one: not one.retired):
        row.save()
    if changes.pinned:
        record(
            Action.ROLE_PINNED,
            actor=ACTOR,
            target=Target("roles", str(changes.pinned[0].group_id), ""),
            after={"roles": {row.rank: row.role_id for row in changes.pinned}},
            details={"ranks": ", ".join(row.rank for row in changes.pinned)},
        )
    for action, rows in (
        (Action.ROLE_PARKED, changes.parked),
        (Action.ROLE_RELEASED, changes.released),
    ):
        for row in rows:
            details = {"rank": row.rank, "why": row.parked}
            record(action, actor=ACTOR, target=target_of(row), details=details)
    if changes.pinned or changes.released:
        retry_parked_roles()


def target_of(row: RolePin) -> Target:
    return Target("role", str(row.pk), "")


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
