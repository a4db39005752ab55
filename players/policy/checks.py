"""Laws for what games report, in any order of arrival. A violation changes no points."""

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from players.policy.counters import SessionTotal
from players.policy.membership import MembershipStatus, belongs
from players.policy.multipliers import Occasion, highest, multiplied
from players.policy.points import PointsPolicy

# Seconds until a game knows that somebody is not a member, or that their membership is unknown.
TOLD_WITHIN = 600
# How far the clock of a game server may be off at the edges of a multiplier.
CLOCKS_DIFFER = dt.timedelta(seconds=60)


class Law(enum.StrEnum):
    AWARD_ABOVE_WEIGHT = "AWARD_ABOVE_WEIGHT"
    DAY_CAP = "DAY_CAP"
    WEEK_CAP = "WEEK_CAP"
    COOLDOWN = "COOLDOWN"
    TOTAL = "TOTAL"
    REPEAT_DIFFERS = "REPEAT_DIFFERS"
    NO_MEMBER = "NO_MEMBER"
    COUNT = "COUNT"
    ACTIVE_DAY = "ACTIVE_DAY"
    ACTIVE_SESSION = "ACTIVE_SESSION"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken law, and the details of the violation."""

    law: Law
    detail: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a game awarded for an event, in hundredths. `actor_level`: of the officer, if known."""

    occasion: Occasion
    magnitude: int
    awarded: int
    actor_level: str | None = None


def check_award(claim: Claim, policy: PointsPolicy) -> Violation | None:
    """Check that an award is at most weight times magnitude and multiplier, and a loss no larger.

    An unknown type awards nothing. If the weight depends on an unknown actor's level, the highest
    weight of the type is allowed. The highest multiplier within CLOCKS_DIFFER is allowed.
    """
    type_, awarded, actor_level = claim.occasion.type, claim.awarded, claim.actor_level
    if awarded == 0:
        return None
    kind = policy.events.get(type_)
    if kind is None:
        return Violation(
            Law.AWARD_ABOVE_WEIGHT,
            f"{type_} is unknown and awards nothing, but {_text(awarded)} was given.",
        )
    per_unit = kind.weight
    if per_unit is None:
        per_unit = kind.highest if actor_level is None else kind.weight_by_level.get(actor_level, 0)
    by = highest(policy.multipliers, claim.occasion, CLOCKS_DIFFER)
    full = multiplied(per_unit * claim.magnitude, by)
    if 0 < awarded <= full or full <= awarded < 0:
        return None
    return Violation(
        Law.AWARD_ABOVE_WEIGHT,
        f"{type_} x {claim.magnitude} is worth {_text(full)}, but {_text(awarded)} was given.",
    )


def check_count(type_: str, magnitude: int, policy: PointsPolicy) -> Violation | None:
    """Check that one event counts no more KOs or WOs than are worth a day's cap."""
    kind = policy.events.get(type_)
    if magnitude == 1 or kind is None or kind.counter is None:
        return None
    worth = kind.worth(magnitude)
    if worth <= policy.daily_cap:
        return None
    return Violation(
        Law.COUNT,
        f"{type_} x {magnitude} stands for {_text(worth)} points in one event, above the daily cap"
        f" of {_text(policy.daily_cap)}.",
    )


def check_membership(
    awarded: int, membership: MembershipStatus, seconds: float
) -> Violation | None:
    """Check that only members are awarded points.

    `seconds`: between the change of membership and the event.
    """
    if awarded <= 0 or belongs(membership) or seconds < TOLD_WITHIN:
        return None
    return Violation(
        Law.NO_MEMBER, f"{_text(awarded)} was given to somebody who is no member of the group."
    )


def check_day(awarded: int, policy: PointsPolicy) -> Violation | None:
    """Check that a day's positive awards are within the daily cap."""
    if awarded <= policy.daily_cap:
        return None
    return Violation(
        Law.DAY_CAP, f"{_text(awarded)} points, above the daily cap of {_text(policy.daily_cap)}."
    )


def check_week(awarded: int, policy: PointsPolicy) -> Violation | None:
    """Check that a week's positive awards are within the weekly cap."""
    if awarded <= policy.weekly_cap:
        return None
    return Violation(
        Law.WEEK_CAP,
        f"{_text(awarded)} points, above the weekly cap of {_text(policy.weekly_cap)}.",
    )


def check_cooldown(
    type_: str, counted: Sequence[dt.datetime], policy: PointsPolicy
) -> Violation | None:
    """Check that counted events of a type, sorted by time, are at least its cooldown apart."""
    seconds = policy.cooldowns.get(type_)
    if seconds is None:
        return None
    cooldown = dt.timedelta(seconds=seconds)
    for earlier, later in pairwise(counted):
        if later - earlier < cooldown:
            return Violation(
                Law.COOLDOWN,
                f"two counted {type_} less than {seconds} s apart, at {later.isoformat()}.",
            )
    return None


def check_total(part: SessionTotal) -> Violation | None:
    """Check that the total of a session without missing rows is the sum of its awards."""
    if part.gap or part.total == part.awarded:
        return None
    return Violation(
        Law.TOTAL,
        f"the total is {_text(part.total)}, but its awards sum up to {_text(part.awarded)}.",
    )


def check_gap(part: SessionTotal, policy: PointsPolicy) -> Violation | None:
    """Check that missing rows account for at most a week's cap, up or down."""
    hidden = part.total - part.awarded
    if not part.gap or abs(hidden) <= policy.weekly_cap:
        return None
    return Violation(
        Law.TOTAL,
        f"the total is {_text(part.total)}; missing rows would have to stand for {_text(hidden)}.",
    )


def _text(amount: int) -> str:
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d}"
