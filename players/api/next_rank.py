"""The next rank of a player in public: what it asks for, and when it could be reached."""

from decimal import Decimal

from common.amounts import hundredths, points
from players.active_policy import active
from players.api.schemas import Out, Time, Whole
from players.policy.membership import MembershipStatus
from players.policy.progress import Progress, progress
from players.policy.ranks import Missing, RankState
from players.public.players import PlayerFacts


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


def progress_of(facts: PlayerFacts) -> Progress | None:
    """Return a listed player's way to the next rank. None: there is no next rank."""
    bundle = active().bundle
    rank = bundle.by_name.get(facts.rank)
    if rank is None:
        return None
    state = RankState(
        rank,
        hundredths(facts.points),
        facts.rank_since,
        facts.recommendations,
        membership=MembershipStatus.MEMBER,  # only members are listed
    )
    return progress(state, hundredths(facts.pace), bundle, facts.as_of)


def next_rank_out(facts: PlayerFacts) -> NextRankOut | None:
    """Return the rank after a listed player's present one. None: there is no next rank."""
    found = progress_of(facts)
    if found is None:
        return None
    return NextRankOut(
        name=found.target.name,
        slug=active().slugs[found.target.name],
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
