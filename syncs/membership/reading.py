"""What was read from the group, and the context of the reading."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from audits.record import Actor
from syncs.models import SyncJob
from syncs.roles.pins import Contact, Shown


@dataclass(frozen=True, slots=True)
class ReportedMember:
    """What Roblox says of one user: all role ids and the joining time. `roles` None: no member."""

    user_id: int
    roles: tuple[int, ...] | None
    joined_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The context of a reading: the group, its roles and pins, who reads, and the job if any.

    `contact` None: roles were not read, so only absent users can be reported. `asked_at`: when
    Roblox was asked, if its answer may be older than what is known by now. `adopted`: changes of
    rank adopted before in the same series, of which `sync.adoptAtMost` are allowed. `dry_run` only
    describes what would change.
    """

    group: int
    contact: Contact | None
    actor: Actor
    now: dt.datetime
    job: SyncJob | None = None
    asked_at: dt.datetime | None = None
    adopted: int = 0
    dry_run: bool = False

    @property
    def seen_at(self) -> dt.datetime:
        """The time that the answer is of: a later question has the later word."""
        return self.asked_at or self.now

    def names(self, role_ids: Iterable[int]) -> list[str]:
        """Return the names of these roles, without unknown ones."""
        roles = self.roles_and_pins.roles
        return [roles[one].name for one in role_ids if one in roles]

    def shown(self, role_ids: Iterable[int]) -> Shown:
        """Return the rank that these roles show: the highest of those that are pinned to one."""
        return self.roles_and_pins.pins.shown(role_ids)

    @property
    def roles_and_pins(self) -> Contact:
        if self.contact is None:
            raise ValueError("the group's roles were not read")
        return self.contact


@dataclass(slots=True)
class Landed:
    """What changed: numbers by name (joined, left, returned, adopted, differing), and lines."""

    counts: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def count(self, **counts: int) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number
