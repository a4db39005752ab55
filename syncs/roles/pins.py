"""Which role of the group stands for which rank: pinned by the role's id at the first contact,
watched at every one.

A policy's rank names a number. The first contact pins the role that has it; afterwards only the id
counts, so a role whose number changed is followed. What cannot be followed safely parks that rank
alone: its role is neither given nor taken, and nobody's rank follows it, until the group is as it
was or staff pin the rank anew.
"""

import datetime as dt
from collections import Counter
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
from players.policy.bundle import Rank
from roblox.cloud import Group
from roblox.open_cloud import groups
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import Role
from syncs.models import GroupRole, Mirror, RolePin

LOCK = 4_710_040  # advisory lock: one landing of the group's roles, or one new pin, at a time
ACTOR = Actor("system", "roles", "roles")


@dataclass(frozen=True, slots=True)
class Shown:
    """The rank that somebody's roles show. `parked`: that rank's role is parked, so nothing follows
    from it.
    """

    rank: Rank
    parked: bool = False


@dataclass(frozen=True, slots=True)
class Pins:
    """The pins of the active policy's ranks, by the rank's name.

    `roles`: the pinned role's id, parked ones included. `parked`: why a rank is parked. `lost`:
    parked ranks of which no pinned role exists, so that nobody can show them. `changed`: when staff
    pinned another role than before.
    """

    policy: ActivePolicy
    roles: Mapping[str, int]
    parked: Mapping[str, str]
    lost: frozenset[str]
    changed: Mapping[str, dt.datetime]

    def shown(self, held: Iterable[int]) -> Shown:
        """The rank that these roles' ids show: the highest of those whose pinned role is held."""
        ids = set(held)
        found = [
            self.policy.bundle.by_name[rank]
            for rank, role in self.roles.items()
            if role in ids and rank in self.policy.bundle.by_name
        ]
        highest = max(found, key=_standing, default=self.policy.bundle.first)
        return Shown(highest, highest.name in self.parked and highest in found)


@dataclass(frozen=True, slots=True)
class Contact:
    """The group's roles as just read, by id, and the pins as they stand with them."""

    roles: Mapping[int, Role]
    pins: Pins


@dataclass(slots=True)
class _Changes:
    """What a contact changed: rows to write, and what is told."""

    rows: list[RolePin] = field(default_factory=list)
    pinned: list[RolePin] = field(default_factory=list)
    parked: list[RolePin] = field(default_factory=list)
    released: list[RolePin] = field(default_factory=list)


def contact(group: Group, *, keep: bool = True) -> Contact:
    """Read the group's roles and hold the pins against them. Without `keep` nothing is written
    down.

    Calls Roblox: never inside a transaction. Raises OpenCloudError.
    """
    asked_at = database_time()
    return land(group.id, groups.roles(group.client, group.id), asked_at, keep=keep)


def land(
    group_id: int, roles: Sequence[Role], asked_at: dt.datetime, *, keep: bool = True
) -> Contact:
    """Write down the roles that were asked for at `asked_at` (the database's clock), pin what has
    no role yet, park and release. A listing that is older than the last one changes nothing. Raises
    OpenCloudError for an empty one.
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
            changes = _judge(group_id, rows, policy, by_id, asked_at)
            if keep:
                _see(group_id, roles, asked_at)
                _write(changes)
    return Contact(by_id, _pins(policy, rows.values(), by_id))


def last(group_id: int) -> Contact | None:
    """The roles and the pins as the last contact left them, without asking Roblox; None where there
    was none.
    """
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
    """Why a rank's role is parked; empty when it is not."""
    rows = RolePin.objects.filter(group_id=group_id or 0, rank=rank, retired=False)
    return rows.values_list("parked", flat=True).first() or ""


def lock() -> None:
    """One at a time writes pins. Within a transaction."""
    advisory_lock.lock(LOCK)


def raised(before: Iterable[str] | None, after: Iterable[str] | None) -> list[str] | None:
    """The permissions that came with a change, sorted; None where either side cannot be read."""
    return None if before is None or after is None else sorted(set(after) - set(before))


def retry_parked_roles() -> None:
    """Try the roles again that could not be given, since a pin allows more now."""
    parked = Mirror.objects.filter(status=Mirror.Status.PARKED, aspect=Mirror.Aspect.ROLE)
    parked.update(status=Mirror.Status.PENDING, attempts=0, reason="", retry_at=Now())


def _standing(rank: Rank) -> tuple[bool, int]:
    """A punishment outranks everything: who is suspended is suspended, whatever other role was
    forgotten.
    """
    return rank.is_punishment, rank.position


def _pins(policy: ActivePolicy, rows: Iterable[RolePin], there: Iterable[int]) -> Pins:
    known, used = (
        set(there),
        [row for row in rows if row.rank in policy.bundle.by_name and not row.retired],
    )
    return Pins(
        policy,
        {row.rank: row.role_id for row in used if row.role_id is not None},
        {row.rank: row.parked for row in used if row.parked},
        frozenset(row.rank for row in used if row.parked and row.role_id not in known),
        {row.rank: row.changed_at for row in used if row.changed_at is not None},
    )


def _judge(
    group_id: int,
    rows: dict[str, RolePin],
    policy: ActivePolicy,
    roles: Mapping[int, Role],
    now: dt.datetime,
) -> _Changes:
    """Bring the rows in line with the policy and the roles; `rows` gets those that are new."""
    changes = _Changes()
    _retire(rows, policy, changes)
    held = [row for row in rows.values() if row.role_id is not None and not row.retired]
    taken: dict[int | None, str] = {row.role_id: row.rank for row in held}
    twice = {
        number
        for number, count in Counter(role.rank for role in roles.values()).items()
        if count > 1
    }
    for rank in policy.bundle.ranks:
        row = rows.get(rank.name)
        fresh = row is None
        row = row or RolePin(
            group_id=group_id, rank=rank.name, number=rank.role, name="", parked=""
        )
        before = (row.role_id, row.number, row.parked, row.retired, row.permissions)
        row.retired = False
        if row.role_id is None:
            row.parked = _try_to_pin(row, rank, roles, taken, twice, fresh, now)
        else:
            row.parked = _follow(row, rank, roles, twice)
        rows[rank.name] = row
        if fresh or before != (row.role_id, row.number, row.parked, row.retired, row.permissions):
            _note(changes, row, before[0], before[2], now)
    return changes


def _retire(rows: Mapping[str, RolePin], policy: ActivePolicy, changes: _Changes) -> None:
    """Let go of ranks that the policy dropped. One that comes back has its pin again, unless the
    role stands for another rank by now.
    """
    used = {
        row.role_id
        for row in rows.values()
        if not row.retired and row.rank in policy.bundle.by_name
    }
    for row in rows.values():
        if row.rank not in policy.bundle.by_name and not row.retired:
            row.retired = True
            changes.rows.append(row)
        elif row.rank in policy.bundle.by_name and row.retired and row.role_id in used:
            row.role_id = None


def _note(
    changes: _Changes, row: RolePin, role_before: int | None, parked_before: str, now: dt.datetime
) -> None:
    changes.rows.append(row)
    if row.role_id != role_before and row.role_id is not None:
        changes.pinned.append(row)
    if row.parked and row.parked != parked_before:
        row.parked_at = now
        changes.parked.append(row)
    elif parked_before and not row.parked:
        row.parked_at = None
        changes.released.append(row)


def _try_to_pin(
    row: RolePin,
    rank: Rank,
    roles: Mapping[int, Role],
    taken: dict[int | None, str],
    twice: set[int],
    fresh: bool,
    now: dt.datetime,
) -> str:
    """Pin the role that has the rank's number, or say why that is not safe. Nothing to say where
    there is no such role: the policy's drift tells that.
    """
    found = [role for role in roles.values() if role.rank == rank.role]
    if not found:
        return ""
    role = found[0]
    if rank.role in twice:
        return f"{_names(found)} have the same number {rank.role}."
    if role.id in taken:
        return f"The number {rank.role} belongs to the role {role.name!r}, which stands for the rank {taken[role.id]}."
    if not fresh and _plain(role.name) != _plain(rank.name):
        return f"The role {role.name!r} took the number {rank.role}, which had no role of its own before."
    row.role_id, row.name, row.number, row.pinned_at = role.id, role.name, rank.role, now
    row.permissions = None if role.permissions is None else sorted(role.permissions)
    taken[role.id] = rank.name
    return ""


def _follow(row: RolePin, rank: Rank, roles: Mapping[int, Role], twice: set[int]) -> str:
    """Follow the pinned role by its id, or say why that is not safe."""
    role = roles.get(row.role_id or 0)
    if role is None:
        return f"The role {row.name!r} (id {row.role_id}) does not exist any more."
    if role.rank in twice:
        found = [one for one in roles.values() if one.rank == role.rank]
        return f"{_names(found)} have the same number {role.rank}."
    if rank.role == role.rank:
        row.number = rank.role
    elif rank.role != row.number:
        return f"The policy names the number {rank.role} by now; the role {role.name!r} has the number {role.rank}."
    return _renamed(row, role)


def _renamed(row: RolePin, role: Role) -> str:
    """Why a role of another name is not followed. It is measured against what was pinned, so that a
    name that changes first and permissions that follow later are seen as what they are together.
    """
    if role.name == row.name:
        if row.permissions is None and role.permissions is not None:
            row.permissions = sorted(role.permissions)
        return ""
    more = raised(row.permissions, role.permissions)
    if more is None:
        return f"The role {row.name!r} is called {role.name!r} now, and its permissions cannot be read."
    if more:
        return f"The role {row.name!r} is called {role.name!r} now, and its holders may more: {', '.join(more)}."
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
    for row in sorted(
        changes.rows, key=lambda one: not one.retired
    ):  # what is let go first, so that its role is free
        row.save()
    if changes.pinned:
        record(
            Action.ROLE_PINNED,
            actor=ACTOR,
            target=Target("roles", str(changes.pinned[0].group_id), ""),
            after={"roles": {row.rank: row.role_id for row in changes.pinned}},
            details={"ranks": ", ".join(row.rank for row in changes.pinned)},
        )
    for action, told in (
        (Action.ROLE_PARKED, changes.parked),
        (Action.ROLE_RELEASED, changes.released),
    ):
        for row in told:
            record(
                action,
                actor=ACTOR,
                target=target_of(row),
                details={"rank": row.rank, "why": row.parked},
            )
    if changes.pinned or changes.released:
        retry_parked_roles()


def target_of(row: RolePin) -> Target:
    """A pin as the audit log names it."""
    return Target("role", str(row.pk), "")


def _names(roles: Iterable[Role]) -> str:
    return "The roles " + " and ".join(repr(role.name) for role in roles)


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
