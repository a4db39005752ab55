"""The result of reading the group, and the context of the reading."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from audits.record import Actor
from syncs.models import SyncJob
from syncs.roles.pins import Contact, Shown


@dataclass(frozen=True, slots=True)
class ReportedMember:
    """A user as Roblox reports them: all role ids and the joining time. `roles` None: no member."""

    user_id: int
    roles: tuple[int, ...] | None
    joined_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The context of a reading: the group, its roles and pins, the actor, and the job if any.

    `contact` None: the roles were not read, so only absent users can be reported. `asked_at`: when
    Roblox was asked, if a newer state may be known already. `adopted`: changes of rank adopted
    before in the same series; `sync.adoptAtMost` limits them. `dry_run` only describes the changes.
    `first`: the group is not met yet.
    """

    group: int
    contact: Contact | None
    actor: Actor
    now: dt.datetime
    job: SyncJob | None = None
    asked_at: dt.datetime | None = None
    adopted: int = 0
    dry_run: bool = False
    first: bool = False

    @property
    def seen_at(self) -> dt.datetime:
        """The time of the answer: when Roblox was asked, if known."""
        return self.asked_at or self.now

    def names(self, role_ids: Iterable[int]) -> list[str]:
        """Return the names of these roles. Unknown roles are left out."""
        roles = self.roles_and_pins.roles
        return [roles[one].name for one in role_ids if one in roles]

    def shown(self, role_ids: Iterable[int]) -> Shown:
        """Return the rank that these roles show: the highest rank of a pinned role."""
        return self.roles_and_pins.pins.shown(role_ids)

    @property
    def roles_and_pins(self) -> Contact:
        if self.contact is None:
            raise ValueError("the group's roles were not read")
        return self.contact


@dataclass(slots=True)
class Landed:
    """The changes: numbers by name (joined, left, returned, adopted, differing), and lines of text."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def count(self, **counts: int) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number
