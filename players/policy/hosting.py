"""Who may host, whom a host may award, and what counts as attended.

The modules in the games decide who may host, and what counts as attended, the same in
`hosting.luau`. Whom a host may award is decided here alone: the game sends who was there, and shows
GRPS's answer. What the caps leave is decided by both, since each awards on its own.
"""

import enum
from collections.abc import Collection
from dataclasses import dataclass

from players.policy.bundle import RankRule
from players.policy.membership import MembershipStatus, belongs

# The origin of awards for hosted events in the ledger; a session is one hosted event.
HOSTED = "grps:hosted"


class HostingRefusal(enum.StrEnum):
    NO_MEMBER = "only a member of the group may host"
    LEVEL = "your rank does not host this kind of event"


class AwardRefusal(enum.StrEnum):
    OWN = "nobody awards themselves"
    NO_MEMBER = "they are no member of the group"
    CANNOT_EARN = "their rank earns no points"
    ABOVE = "they stand at or above the position of whoever awards"


@dataclass(frozen=True, slots=True)
class PresenceTerms:
    """How long somebody must be present, and from when on they are late. In seconds."""

    least: int
    late: int


@dataclass(frozen=True, slots=True)
class Span:
    """Somebody's presence at an event, in seconds since its start.

    `seconds`: present between `first` and `last`. `length`: of the whole event so far.
    """

    first: int
    last: int
    seconds: int
    length: int


@dataclass(frozen=True, slots=True)
class Presence:
    """What a presence counts for. Somebody late or gone early may still have stayed long enough."""

    minutes: int
    late: bool
    left_early: bool
    attended: bool


def why_not_host(
    rank: RankRule, membership: MembershipStatus, hosts: Collection[str]
) -> HostingRefusal | None:
    """Return why a holder of `rank` may not host events of the levels `hosts`, or None."""
    if not belongs(membership):
        return HostingRefusal.NO_MEMBER
    if rank.is_punishment or rank.ignored or rank.level not in hosts:
        return HostingRefusal.LEVEL
    return None


def why_not_award(
    by: RankRule | None, target: RankRule, *, own: bool, membership: MembershipStatus
) -> AwardRefusal | None:
    """Return why somebody may not award an attendee, or None.

    `by`: the rank of whoever awards, None for an owner, whom no rank limits.
    """
    if own:
        return AwardRefusal.OWN
    if not belongs(membership):
        return AwardRefusal.NO_MEMBER
    if target.is_punishment or not target.can_earn:
        return AwardRefusal.CANNOT_EARN
    if by is not None and target.position >= by.position:
        return AwardRefusal.ABOVE
    return None


def presence(span: Span, terms: PresenceTerms) -> Presence:
    """Decide what a presence counts for."""
    return Presence(
        minutes=span.seconds // 60,
        late=span.first > terms.late,
        left_early=span.length - span.last > terms.late,
        attended=span.seconds >= terms.least,
    )


def capped(full: int, day: int, week: int, caps: tuple[int, int]) -> int:
    """Return what of `full` hundredths the caps of the day and the week leave.

    `day` and `week`: awarded already. `caps`: of a day and of a week.
    """
    return max(0, min(full, caps[0] - day, caps[1] - week))
