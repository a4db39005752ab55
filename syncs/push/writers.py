"""Compute and send the Open Cloud writes that bring a universe or the group to the desired state.

These writes need no database.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common import database_clock
from common.amounts import hundredths
from players.discipline.player_texts import ban_message
from players.models import Player, Sanction
from roblox.cloud import Group, Universe
from roblox.models import Experience
from roblox.open_cloud import data_stores, groups, messaging, restrictions
from roblox.open_cloud.data_stores import Write
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import GUEST_RANK, OWNER_RANK, Role
from roblox.open_cloud.restrictions import Idempotency, RestrictionChange
from syncs.models import Mirror
from syncs.roles import pins
from syncs.roles.pins import Pins

VERSION = 1  # of GRPS's own entries and messages
KEY_NAMESPACE = uuid.UUID("6a1e1d4e-5d0c-4f0e-9b52-2f7f4b0f7a11")  # of our idempotency keys
KEY_LIFETIME = dt.timedelta(hours=12)  # an idempotency key older than this is replaced


class PermanentError(Exception):
    """The write cannot succeed until a person fixes what the text names."""


class NotAMember(PermanentError):
    """Roblox reports that the player is not in the group."""


@dataclass(slots=True)
class DryRunWriter:
    """Makes writes and describes them in `lines`. With `dry` it only describes them."""

    dry: bool = False
    lines: list[str] = field(default_factory=list)

    def write(self, line: str, call: Callable[[], object]) -> None:
        self.lines.append(line)
        if not self.dry:
            call()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The desired state of one player in the group or a universe: mirrors that are pushed together."""

    mirrors: tuple[Mirror, ...]
    player: Player
    ban: Sanction | None

    @property
    def experience(self) -> Experience | None:
        return self.mirrors[0].experience

    @property
    def attempts(self) -> int:
        return max(row.attempts for row in self.mirrors)

    @property
    def user_id(self) -> int:
        """The player's user id. Raises PermanentError if the player was erased."""
        if self.player.erased_at is not None or self.player.user_id <= 0:
            raise PermanentError("The person was erased.")
        return self.player.user_id

    def mirror(self, aspect: Mirror.Aspect) -> Mirror | None:
        return next((row for row in self.mirrors if row.aspect == aspect), None)


@dataclass(frozen=True, slots=True)
class GroupWriter:
    """Writes roles: of all roles pinned to ranks, a member gets exactly the desired one.

    `managed` are the roles that may be given and removed, without those of parked ranks. Other
    roles are not changed.
    """

    group: Group
    roles: Mapping[int, Role]
    pins: Pins
    managed: tuple[Role, ...]

    @classmethod
    def for_group(cls, group: Group, *, keep: bool = True) -> "GroupWriter":
        """Create a writer from the group's roles and pins. Without `keep` nothing is stored."""
        found = pins.contact(group, keep=keep)
        given = [role for rank, role in found.pins.roles.items() if rank not in found.pins.parked]
        managed = tuple(found.roles[role] for role in given if role in found.roles)
        return cls(group, found.roles, found.pins, managed)

    def write(self, state: DesiredState, writes: DryRunWriter) -> None:
        user_id, desired = state.user_id, state.mirrors[0].desired
        wanted = self._wanted(desired)
        member = groups.member(self.group.client, self.group.id, user_id)
        if member is None:
            raise NotAMember(
                "They are not a member of the group; they get the role when they join."
            )
        if wanted.rank in {OWNER_RANK, GUEST_RANK} and wanted.id not in member.roles:
            raise PermanentError(f"{wanted.name} is a role that Roblox lets nobody give.")
        give, take = groups.steps(member.roles, wanted, self.managed)
        for role in give:
            writes.write(
                f"assign {_role(role)} to user {user_id}", self._call(groups.assign, user_id, role)
            )
        for role in take:
            writes.write(
                f"unassign {_role(role)} from user {user_id}",
                self._call(groups.unassign, user_id, role),
            )
        if writes.lines and not writes.dry:
            self._check(user_id, wanted)
        self._check_parked(member.roles)

    def _wanted(self, desired: Any) -> Role:
        """Return the role pinned to the desired rank. Raises PermanentError if there is none."""
        rank = str(desired["rank"])
        known = self.pins.policy.bundle.by_name.get(rank)
        if known is None:
            raise PermanentError(f"The policy has no rank {rank} any more.")
        if rank in self.pins.parked:
            raise PermanentError(
                f"The role of {rank} is parked. {self.pins.parked[rank]} Pin it anew."
            )
        role = self.roles.get(self.pins.roles.get(rank, 0))
        if role is None:
            raise PermanentError(
                f"The group has no role with the rank number {known.role} ({rank}): make it."
            )
        return role

    def _check_parked(self, held: Sequence[int]) -> None:
        """Raise PermanentError if the member keeps a role because its rank is parked."""
        kept = [rank for rank in self.pins.parked if self.pins.roles.get(rank) in held]
        if kept:
            raise PermanentError(
                f"They keep the role of {kept[0]}, which is parked. {self.pins.parked[kept[0]]}"
            )

    def _call(self, act: Callable[..., object], user_id: int, role: Role) -> Callable[[], object]:
        if role not in self.managed:
            raise PermanentError(f"{role.name} is not pinned to a rank.")
        return lambda: act(self.group.client, self.group.id, user_id, role.id)

    def _check(self, user_id: int, wanted: Role) -> None:
        """Read the roles back, since a demotion is only done once the higher role is removed."""
        member = groups.member(self.group.client, self.group.id, user_id)
        if member is None or any(groups.steps(member.roles, wanted, self.managed)):
            raise OpenCloudError(RetryDecision.RETRY, "Roblox does not show the new roles yet.")


@dataclass(frozen=True, slots=True)
class UniverseWriter:
    """Writes a player's GRPS entry, the board and a message to live servers, or a restriction."""

    universe: Universe

    def write(self, state: DesiredState, writes: DryRunWriter) -> None:
        restriction = state.mirror(Mirror.Aspect.RESTRICTION)
        if restriction is not None:
            self._restrict(state, restriction, writes)
        else:
            self._write_entry(state, writes)

    def _write_entry(self, state: DesiredState, writes: DryRunWriter) -> None:
        """Write entry, board and message in this order, since the message makes servers read them."""
        user_id, client, own = state.user_id, self.universe.client, self.universe.own
        said = {row.aspect: row.desired for row in state.mirrors}
        key = self.universe.own_key(user_id)
        there = data_stores.read(client, own, key)
        known = there.value if there is not None and isinstance(there.value, dict) else {}
        value = {**known, "grps": VERSION, "userId": user_id, **said}
        if value != known:
            writes.write(
                f"set {own.name}/{key} in universe {own.universe} to {value}",
                lambda: data_stores.write(client, own, Write(key, value, user_id, there)),
            )
        board = self.universe.board
        if board is not None and Mirror.Aspect.ADJUSTED in said:
            amount = hundredths(state.player.points)
            writes.write(
                f"set {board.name}/{user_id} in universe {board.universe} to {amount}",
                lambda: data_stores.write_ordered(client, board, str(user_id), amount),
            )
        message = {"grps": VERSION, "userId": user_id, **said}
        writes.write(
            f"publish {message} on {self.universe.topic} in universe {own.universe}",
            lambda: messaging.publish(client, self.universe.id, self.universe.topic, message),
        )

    def _restrict(self, state: DesiredState, mirror: Mirror, writes: DryRunWriter) -> None:
        change = _change(state, mirror.desired or {"active": False})
        where = f"user {state.user_id} in universe {self.universe.id}"
        how_long = f"for {change.seconds} s" if change.seconds is not None else "for good"
        writes.write(
            f"restrict {where} {how_long} ({change.private_reason})"
            if change.active
            else f"release {where}",
            lambda: self._update(mirror, change),
        )

    def _update(self, mirror: Mirror, change: RestrictionChange) -> None:
        first_sent = _first_sent(mirror.wanted_at, database_clock.now())
        key = uuid.uuid5(KEY_NAMESPACE, f"{mirror.pk}:{mirror.version}:{first_sent.isoformat()}")
        client, universe = self.universe.client, self.universe.id
        after = restrictions.update(client, universe, change, Idempotency(str(key), first_sent))
        if after.active != change.active:
            raise OpenCloudError(RetryDecision.RETRY, "Roblox does not show the restriction yet.")


def _change(state: DesiredState, desired: Mapping[str, Any]) -> RestrictionChange:
    """Return the restriction to write. A ban that ended or was lifted becomes a release."""
    ban, now = state.ban, database_clock.now()
    until = dt.datetime.fromisoformat(desired["until"]) if desired.get("until") else None
    reason = ban.reason if ban else ""
    return RestrictionChange(
        state.user_id,
        active=bool(desired["active"]) and (until is None or until > now) and ban is not None,
        seconds=round((until - now).total_seconds()) if until is not None else None,
        private_reason=f"GRPS case {desired.get('sanction', '')}: {reason}",
        display_reason=ban_message(reason, ban.code if ban else ""),
        alt_accounts=ban is None or ban.alt_accounts,
    )


def _first_sent(wanted_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    """Return when the state was first desired, or the present hour if that is too long ago.

    Roblox forgets old idempotency keys.
    """
    if now - wanted_at < KEY_LIFETIME:
        return wanted_at
    return now.replace(minute=0, second=0, microsecond=0)


def sentence(mirror: Mirror) -> str:
    """Describe a mirror's push without asking Roblox. `manage.py sync mirrors` lists each write."""
    desired: dict[str, Any] = mirror.desired or {}
    if mirror.aspect == Mirror.Aspect.ROLE:
        return f"role {desired.get('rank')} (rank {desired.get('role')}), and no other role of the ladder"
    if mirror.aspect == Mirror.Aspect.RESTRICTION and not desired.get("active"):
        return "not banned"
    if mirror.aspect == Mirror.Aspect.RESTRICTION:
        return f"banned until {desired['until']}" if desired.get("until") else "banned for good"
    return f"{mirror.aspect} {desired} in the player's GRPS entry, and a message to live servers"


def _role(role: Role) -> str:
    return f"role {role.name} (rank {role.rank}, id {role.id})"
