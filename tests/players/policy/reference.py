"""The reference model of awards in Python.

`roblox/luau/shared` and the server's rules are compared with it. The server itself awards nothing
for events: it checks what games awarded.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from players.policy.membership import MembershipStatus, earns
from players.policy.points import EventKind, PointsPolicy


class Reason(enum.StrEnum):
    """Why an award is not weight times magnitude."""

    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    NOT_EARNING = "NOT_EARNING"
    KO_COOLDOWN = "KO_COOLDOWN"
    ACTIVITY_TOO_SHORT = "ACTIVITY_TOO_SHORT"
    ACTOR_NOT_ENTITLED = "ACTOR_NOT_ENTITLED"
    ALREADY_RECOMMENDED = "ALREADY_RECOMMENDED"
    CAPPED_DAY = "CAPPED_DAY"
    CAPPED_WEEK = "CAPPED_WEEK"
    FLOOR = "FLOOR"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that happened `magnitude` (1 or more) times.

    `duration` is in seconds; `actor_level` is the officer's.
    """

    type: str
    at: dt.datetime
    magnitude: int = 1
    duration: int | None = None
    actor_level: str | None = None
    already_recommended: bool = False
    experience: str = ""


@dataclass(frozen=True, slots=True)
class Earner:
    """The player of an event. Points are in hundredths.

    `known_points`: those that may be lost (`losable`). `earned_today`, `earned_this_week`: awards
    above zero. `unknown_for`: seconds for which their membership has been unknown
    (players.policy.membership).
    """

    can_earn: bool
    known_points: int
    earned_today: int = 0
    earned_this_week: int = 0
    last_counted: Mapping[str, dt.datetime] = field(default_factory=dict)
    membership: MembershipStatus = field(kw_only=True)
    unknown_for: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Award:
    """The amount in hundredths, and why it is less than the full one (None if it is not)."""

    amount: int
    reason: Reason | None = None

    @property
    def capped(self) -> bool:
        return self.reason in (Reason.CAPPED_DAY, Reason.CAPPED_WEEK)


def award(event: Event, earner: Earner, policy: PointsPolicy) -> Award:
    """Decide one event exactly, within the caps and not below zero known points."""
    kind = policy.events.get(event.type)
    if kind is None:
        return Award(0, Reason.UNKNOWN_TYPE)
    refusal = _refusal(event, earner, kind)
    if refusal is not None:
        return Award(0, refusal)
    full = (kind.per_unit(event.actor_level) or 0) * event.magnitude
    if full < 0:
        cut = max(full, -max(0, earner.known_points))
        return Award(cut, None if cut == full else Reason.FLOOR)
    full = full * highest_factor(event, policy) // 100
    today = max(0, policy.daily_cap - earner.earned_today)
    this_week = max(0, policy.weekly_cap - earner.earned_this_week)
    if full <= min(today, this_week):
        return Award(full)
    # If both caps leave the same, the week's is named, since the next day changes nothing.
    return (
        Award(this_week, Reason.CAPPED_WEEK)
        if this_week <= today
        else Award(today, Reason.CAPPED_DAY)
    )


def highest_factor(event: Event, policy: PointsPolicy) -> int:
    """Return the factor of an event in hundredths: the highest of all multipliers that hold."""
    factors = [100]
    for one in policy.multipliers:
        if not one.start <= event.at < one.end:
            continue
        if one.events is not None and event.type not in one.events:
            continue
        if one.experiences is None or event.experience in one.experiences:
            factors.append(one.factor)
    return max(factors)


def _refusal(event: Event, earner: Earner, kind: EventKind) -> Reason | None:
    if not earner.can_earn or not earns(earner.membership, earner.unknown_for):
        return Reason.NOT_EARNING
    if kind.per_unit(event.actor_level) is None:
        return Reason.ACTOR_NOT_ENTITLED
    if kind.recommends and event.already_recommended:
        return Reason.ALREADY_RECOMMENDED
    if kind.shortest is not None and (event.duration is None or event.duration < kind.shortest):
        return Reason.ACTIVITY_TOO_SHORT
    last = earner.last_counted.get(event.type)
    if (
        kind.cooldown is not None
        and last is not None
        and event.at - last < dt.timedelta(seconds=kind.cooldown)
    ):
        return Reason.KO_COOLDOWN
    return None


def day_of(at: dt.datetime) -> dt.date:
    """Return the UTC day that an award counts toward."""
    return at.astimezone(dt.UTC).date()


def week_of(at: dt.datetime) -> dt.date:
    """Return the Monday of the ISO week that an award counts toward."""
    day = day_of(at)
    return day - dt.timedelta(days=day.weekday())


def balance(sums: Iterable[int], adjusted: int) -> int:
    """Return the points shown and ranked by, never below 0.

    `sums` has the total of each experience that counts. Each counts as at least 0, so that no
    experience takes away what was earned in another.
    """
    return max(0, sum(max(0, one) for one in sums) + adjusted)


def losable(own: int, elsewhere: int, adjusted: int) -> int:
    """Return the most that a negative award can take in an experience.

    `own`: the sum of that experience. `elsewhere`: the sum of the others. Neither `own` nor the
    points shown may fall below 0.
    """
    return max(0, min(own, balance([own], elsewhere + adjusted)))
