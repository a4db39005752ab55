"""Decide whether a player is due for promotion or demotion, and what is missing."""

import datetime as dt
import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from players.policy.bundle import Bundle, RankRule
from players.policy.membership import MembershipStatus, belongs

DAY = dt.timedelta(days=1)


class Condition(enum.StrEnum):
    """A condition of a promotion."""

    POINTS = "points"
    TIME = "time"
    RECOMMENDATIONS = "recommendations"
    SANCTION = "sanction"
    PERMITTED = "permitted"
    MEMBERSHIP = "membership"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class RankState:
    """A player's state: points in hundredths, when they got the rank, recommendations at it.

    `resting_since`: since when a leave of absence keeps the time in the rank from going on.
    `locked`: their promotions are locked, or they are denied the next rank.
    """

    rank: RankRule
    points: int
    rank_since: dt.datetime
    recommendations: int = 0
    sanctioned: bool = False
    membership: MembershipStatus = field(kw_only=True)
    resting_since: dt.datetime | None = field(default=None, kw_only=True)
    locked: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Missing:
    """What the next rank still requires: hundredths, whole days, recommendations."""

    points: int
    days: int
    recommendations: int


NOTHING = Missing(0, 0, 0)


@dataclass(frozen=True, slots=True)
class RankLock:
    """What keeps a player from ranks, until `ends_at`: from one, or from all promotions (None)."""

    rank: str | None
    ends_at: dt.datetime | None


def lock_before(
    locks: Iterable[RankLock], target: RankRule | None, now: dt.datetime
) -> RankLock | None:
    """Return the first lock in force that keeps a player from the promotion to `target`."""
    for one in locks:
        in_force = one.ends_at is None or one.ends_at > now
        if target is not None and in_force and one.rank in (None, target.name):
            return one
    return None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The policy's decision. `kind` None: no change, and `target` is the player's next rank.

    `due_at`: when the promotion is (or was) due if only time is missing, else None.
    """

    kind: str | None
    target: RankRule | None
    automatic: bool
    failed: tuple[Condition, ...]
    missing: Missing
    due_at: dt.datetime | None = None


def evaluate(standing: RankState, bundle: Bundle, now: dt.datetime) -> Evaluation:
    """Decide about one step up or down for a player at the moment `now`."""
    fallen = _demotion(standing, bundle)
    if fallen is not None:
        return fallen
    target = bundle.next_after(standing.rank)
    if target is None:
        sanction = (
            (Condition.SANCTION,) if standing.sanctioned or standing.rank.is_punishment else ()
        )
        away = () if belongs(standing.membership) else (Condition.MEMBERSHIP,)
        return Evaluation(None, None, False, (*sanction, Condition.PERMITTED, *away), NOTHING)
    missing = missing_for(standing, target, now)
    failed = _failed(standing, missing)
    return Evaluation(
        kind=None if failed else "promotion",
        target=target,
        automatic=not failed and not target.privileged,
        failed=failed,
        missing=missing,
        due_at=None if set(failed) - {Condition.TIME} else _due_at(standing, target, missing),
    )


def _demotion(standing: RankState, bundle: Bundle) -> Evaluation | None:
    """Return a demotion for too few points, or None.

    Points alone never end a privileged rank or a side post, since those are given manually. People
    who are not members keep their rank.
    """
    rank = standing.rank
    if not belongs(standing.membership):
        return None
    if (
        bundle.demotion == "off"
        or rank.privileged
        or standing.sanctioned
        or standing.points >= rank.min_points
    ):
        return None
    target = bundle.below(rank)
    if target is None:
        return None
    missing = Missing(rank.min_points - standing.points, 0, 0)
    return Evaluation("demotion", target, bundle.demotion == "auto", (Condition.POINTS,), missing)


def _due_at(standing: RankState, target: RankRule, missing: Missing) -> dt.datetime | None:
    """Return when only time has to pass, or None while it rests."""
    if missing.days and standing.resting_since is not None:
        return None
    return enough_time(standing, target)


def counted_until(
    rank_since: dt.datetime, resting_since: dt.datetime | None, now: dt.datetime
) -> dt.datetime:
    """Return the moment until which time in the rank counts: now, unless it rests."""
    return now if resting_since is None else min(now, max(resting_since, rank_since))


def enough_time(standing: RankState, target: RankRule) -> dt.datetime:
    """Return when the days in the present rank suffice for `target`."""
    return standing.rank_since + target.min_time_days * DAY


def missing_for(standing: RankState, target: RankRule, now: dt.datetime) -> Missing:
    """Return what `target` still requires."""
    until = counted_until(standing.rank_since, standing.resting_since, now)
    left = enough_time(standing, target) - until
    return Missing(
        points=max(0, target.min_points - standing.points),
        days=max(0, -(-left // DAY)),
        recommendations=max(0, target.required_recommendations - standing.recommendations),
    )


def _failed(standing: RankState, missing: Missing) -> tuple[Condition, ...]:
    checks = (
        (Condition.POINTS, missing.points > 0),
        (Condition.TIME, missing.days > 0),
        (Condition.RECOMMENDATIONS, missing.recommendations > 0),
        (Condition.SANCTION, standing.sanctioned),
        (Condition.MEMBERSHIP, not belongs(standing.membership)),
        (Condition.LOCKED, standing.locked),
    )
    return tuple(condition for condition, fails in checks if fails)
