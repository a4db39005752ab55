"""What has to be written in a place so that it looks as wished. Plain values in, calls to Roblox
out; the writes themselves need no database.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from common.amounts import hundredths
from players.discipline.effects import told_to_player
from players.models import Player, Sanction
from roblox.cloud import Group, Universe
from roblox.models import Experience
from roblox.open_cloud import data_stores, groups, messaging, restrictions
from roblox.open_cloud.data_stores import Write
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.groups import GUEST_RANK, OWNER_RANK, Role
from roblox.open_cloud.restrictions import Change, Idempotency
from syncs.models import Mirror
from syncs.roles import pins
from syncs.roles.pins import Pins

VERSION = 1  # of GRPS's own entries and messages
IDENTITY = uuid.UUID(
    "6a1e1d4e-5d0c-4f0e-9b52-2f7f4b0f7a11"
)  # the namespace of our idempotency keys
KEY_LIVES = dt.timedelta(hours=12)  # an idempotency key is not sent with an older moment than this


class Hopeless(Exception):
    """It cannot be written until somebody changes something; the text says what."""


class NoMember(Hopeless):
    """The person is not in the group, by what Roblox said just now."""


@dataclass(slots=True)
class Pen:
    """Writes, or, when `dry`, only says what it would write. `lines`: what that was."""

    dry: bool = False
    lines: list[str] = field(default_factory=list)

    def write(self, line: str, call: Callable[[], object]) -> None:
        self.lines.append(line)
        if not self.dry:
            call()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the mirrors of one player want of one place, the group or a universe."""

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
        """Whom it is about. Raises Hopeless when they were erased."""
        if self.player.erased_at is not None or self.player.user_id <= 0:
            raise Hopeless("The person was erased.")
        return self.player.user_id

    def of(self, aspect: Mirror.Aspect) -> Mirror | None:
        return next((row for row in self.mirrors if row.aspect == aspect), None)


@dataclass(frozen=True, slots=True)
class GroupWriter:
    """Roles in the group: of those that are pinned to ranks, exactly the wished one; others are not
    touched.

    `managed`: the roles that are given and taken; a parked rank's is neither.
    """

    group: Group
    roles: Mapping[int, Role]
    pins: Pins
    managed: tuple[Role, ...]

    @classmethod
    def of(cls, group: Group, *, keep: bool = True) -> "GroupWriter":
        """Read the group's roles and its pins. Without `keep` nothing is written down."""
        found = pins.contact(group, keep=keep)
        given = [role for rank, role in found.pins.roles.items() if rank not in found.pins.parked]
        managed = tuple(found.roles[role] for role in given if role in found.roles)
        return cls(group, found.roles, found.pins, managed)

    def write(self, wish: Wish, pen: Pen) -> None:
        user_id, desired = wish.user_id, wish.mirrors[0].desired
        wanted = self._wanted(desired)
        member = groups.member(self.group.client, self.group.id, user_id)
        if member is None:
            raise NoMember("They are not a member of the group; they get the role when they join.")
        if wanted.rank in {OWNER_RANK, GUEST_RANK} and wanted.id not in member.roles:
            raise Hopeless(f"{wanted.name} is a role that Roblox lets nobody give.")
        give, take = groups.steps(member.roles, wanted, self.managed)
        for role in give:
            pen.write(
                f"assign {_role(role)} to user {user_id}", self._call(groups.assign, user_id, role)
            )
        for role in take:
            pen.write(
                f"unassign {_role(role)} from user {user_id}",
                self._call(groups.unassign, user_id, role),
            )
        if pen.lines and not pen.dry:
            self._check(user_id, wanted)
        self._look_for_parked(member.roles)

    def _wanted(self, desired: Any) -> Role:
        """The role that is pinned to the wished rank. Raises Hopeless where there is none to give."""
        rank = str(desired["rank"])
        known = self.pins.policy.bundle.by_name.get(rank)
        if known is None:
            raise Hopeless(f"The policy has no rank {rank} any more.")
        if rank in self.pins.parked:
            raise Hopeless(f"The role of {rank} is parked. {self.pins.parked[rank]} Pin it anew.")
        role = self.roles.get(self.pins.roles.get(rank, 0))
        if role is None:
            raise Hopeless(
                f"The group has no role with the rank number {known.role} ({rank}): make it."
            )
        return role

    def _look_for_parked(self, held: Sequence[int]) -> None:
        """Say so where a role stays that would be taken if its rank were not parked."""
        kept = [rank for rank in self.pins.parked if self.pins.roles.get(rank) in held]
        if kept:
            raise Hopeless(
                f"They keep the role of {kept[0]}, which is parked. {self.pins.parked[kept[0]]}"
            )

    def _call(self, act: Callable[..., object], user_id: int, role: Role) -> Callable[[], object]:
        if role not in self.managed:
            raise Hopeless(f"{role.name} is not pinned to a rank.")
        return lambda: act(self.group.client, self.group.id, user_id, role.id)

    def _check(self, user_id: int, wanted: Role) -> None:
        """Read back: a demotion is not done until the higher role is gone."""
        member = groups.member(self.group.client, self.group.id, user_id)
        if member is None or any(groups.steps(member.roles, wanted, self.managed)):
            raise OpenCloudError(RetryDecision.RETRY, "Roblox does not show the new roles yet.")


@dataclass(frozen=True, slots=True)
class UniverseWriter:
    """A universe: GRPS's own entry of a player, its board, a message to live servers; or a
    restriction.
    """

    universe: Universe

    def write(self, wish: Wish, pen: Pen) -> None:
        restriction = wish.of(Mirror.Aspect.RESTRICTION)
        if restriction is not None:
            self._restrict(wish, restriction, pen)
        else:
            self._state(wish, pen)

    def _state(self, wish: Wish, pen: Pen) -> None:
        """The entry first, the board after it, the message last: a live server that hears it finds
        all in place.
        """
        user_id, client, own = wish.user_id, self.universe.client, self.universe.own
        said = {row.aspect: row.desired for row in wish.mirrors}
        key = self.universe.own_key(user_id)
        there = data_stores.read(client, own, key)
        known = there.value if there is not None and isinstance(there.value, dict) else {}
        value = {**known, "grps": VERSION, "userId": user_id, **said}
        if value != known:
            pen.write(
                f"set {own.name}/{key} in universe {own.universe} to {value}",
                lambda: data_stores.write(client, own, Write(key, value, user_id, there)),
            )
        board = self.universe.board
        if board is not None and Mirror.Aspect.ADJUSTED in said:
            amount = hundredths(wish.player.points)
            pen.write(
                f"set {board.name}/{user_id} in universe {board.universe} to {amount}",
                lambda: data_stores.write_ordered(client, board, str(user_id), amount),
            )
        message = {"grps": VERSION, "userId": user_id, **said}
        pen.write(
            f"publish {message} on {self.universe.topic} in universe {own.universe}",
            lambda: messaging.publish(client, self.universe.id, self.universe.topic, message),
        )

    def _restrict(self, wish: Wish, mirror: Mirror, pen: Pen) -> None:
        user_id = wish.user_id
        desired: dict[str, Any] = mirror.desired or {"active": False}
        now = dt.datetime.now(dt.UTC)
        until = dt.datetime.fromisoformat(desired["until"]) if desired.get("until") else None
        active_ = (
            bool(desired["active"]) and (until is None or until > now) and wish.ban is not None
        )
        seconds = round((until - now).total_seconds()) if until is not None else None
        reason = wish.ban.reason if wish.ban else ""
        number = desired.get("sanction", "")
        case, shown = (
            f"GRPS case {number}: {reason}",
            told_to_player(reason, wish.ban.code if wish.ban else ""),
        )
        how_long = f"for {seconds} s" if seconds is not None else "for good"
        pen.write(
            f"restrict user {user_id} in universe {self.universe.id} {how_long} ({case})"
            if active_
            else f"release user {user_id} in universe {self.universe.id}",
            lambda: self._update(mirror, wish, active_, seconds, case, shown),
        )

    def _update(
        self, mirror: Mirror, wish: Wish, active_: bool, seconds: int | None, case: str, shown: str
    ) -> None:
        first_sent = _first_sent(mirror.wanted_at, dt.datetime.now(dt.UTC))
        alt_accounts = wish.ban is None or wish.ban.alt_accounts
        change = Change(wish.user_id, active_, seconds, case, shown, alt_accounts)
        key = uuid.uuid5(IDENTITY, f"{mirror.pk}:{mirror.version}:{first_sent.isoformat()}")
        client, universe = self.universe.client, self.universe.id
        after = restrictions.update(client, universe, change, Idempotency(str(key), first_sent))
        if after.active != active_:
            raise OpenCloudError(RetryDecision.RETRY, "Roblox does not show the restriction yet.")


def _first_sent(wanted_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    """When the wish was first written, or, for one that waited long, the present hour: Roblox
    forgets old keys.
    """
    if now - wanted_at < KEY_LIVES:
        return wanted_at
    return now.replace(minute=0, second=0, microsecond=0)


def sentence(mirror: Mirror) -> str:
    """What a mirror's push comes to, said without asking Roblox (`manage.py sync mirrors` says it
    write by write).
    """
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
