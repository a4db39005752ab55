"""The next rank of a player in public: what it asks for, and when it could be reached."""

import datetime as dt
from decimal import Decimal

from common.amounts import points
from players.active_policy import ActivePolicy
from players.api.schemas import Out, Time, Whole
from players.policy.progress import progress
from players.policy.ranks import Missing, RankState


class AmountsOut(Out, frozen=True):
    """Points, whole days in the present rank, and recommendations for it."""

    points: Decimal
    days: Whole
    recommendations: Whole


class NextRankOut(Out, frozen=True):
    """The next rank of the ladder.

    `have`: what the player has. `missing`: what still lacks, 0 where nothing does. `timeMetAt`: when
    enough days have passed. `expectedAt`: when points and time are met at the pace of the last 14
    days; null if recommendations are missing, no points are earned, or it is years away.
    """

    name: str
    slug: str
    min_points: Decimal
    min_time_days: Whole
    required_recommendations: Whole
    privileged: bool
    have: AmountsOut
    missing: AmountsOut
    time_met_at: Time
    expected_at: Time | None


def next_rank_out(
    state: RankState, pace: int, policy: ActivePolicy, now: dt.datetime
) -> NextRankOut | None:
    """Return the rank after `state.rank`. `pace`: hundredths a day. None: there is no next rank."""
    found = progress(state, pace, policy.bundle, now)
    if found is None:
        return None
    return NextRankOut(
        name=found.target.name,
        slug=policy.slugs[found.target.name],
        min_points=points(found.target.min_points),
        min_time_days=found.target.min_time_days,
        required_recommendations=found.target.required_recommendations,
        privileged=found.target.privileged,
        have=_amounts(found.have),
        missing=_amounts(found.missing),
        time_met_at=found.time_met_at,
        expected_at=found.expected_at,
    )


def _amounts(amounts: Missing) -> AmountsOut:
    return AmountsOut(points(amounts.points), amounts.days, amounts.recommendations)
