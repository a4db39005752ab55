"""The way to the next rank: what there is, what lacks, and when it could be reached."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.policy.bundle import Bundle
from players.policy.membership import MembershipStatus
from players.policy.progress import FARTHEST, progress
from players.policy.ranks import RankState, evaluate

NOW = dt.datetime(2026, 11, 30, 12, 30, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def captain(bundle: Bundle) -> RankState:
    """Return a Captain I, who needs 3,200 points and 21 days for Captain II."""
    return RankState(
        bundle.by_name["Captain I"], 3_100_00, NOW - 3 * DAY, membership=MembershipStatus.MEMBER
    )


def test_it_says_what_there_is_and_what_lacks(bundle: Bundle, captain: RankState) -> None:
    found = progress(captain, 10_00, bundle, NOW)
    assert found is not None
    assert found.target.name == "Captain II"
    assert (found.have.points, found.have.days) == (3_100_00, 3)
    assert (found.missing.points, found.missing.days) == (100_00, 18)
    assert found.time_met_at == NOW + 18 * DAY
    assert found.expected_at == NOW + 18 * DAY, "the points come before the days"


def test_at_a_slow_pace_the_points_decide(bundle: Bundle, captain: RankState) -> None:
    found = progress(captain, 4_00, bundle, NOW)
    assert found is not None
    assert found.expected_at == dt.datetime(2026, 12, 25, 13, tzinfo=dt.UTC), "a full hour"


@pytest.mark.parametrize("pace", [0, -5, 1])
def test_without_a_pace_nothing_is_expected(bundle: Bundle, captain: RankState, pace: int) -> None:
    found = progress(captain, pace, bundle, NOW)
    assert found is not None
    assert found.expected_at is None


def test_with_the_points_only_time_counts(bundle: Bundle, captain: RankState) -> None:
    found = progress(replace(captain, points=9_000_00), 0, bundle, NOW)
    assert found is not None
    assert found.missing.points == 0
    assert found.expected_at == found.time_met_at


def test_missing_recommendations_cannot_be_foreseen(bundle: Bundle, captain: RankState) -> None:
    target = bundle.by_name["Captain II"]
    asking = replace(target, required_recommendations=2)
    changed = replace(bundle, steps={**bundle.steps, "Captain I": asking})
    found = progress(replace(captain, recommendations=1), 500_00, changed, NOW)
    assert found is not None
    assert (found.have.recommendations, found.missing.recommendations) == (1, 1)
    assert found.expected_at is None


@pytest.mark.parametrize("name", ["Imperator", "Envoy", "Suspended"])
def test_the_top_and_side_posts_have_no_next_rank(
    bundle: Bundle, captain: RankState, name: str
) -> None:
    assert progress(replace(captain, rank=bundle.by_name[name]), 1, bundle, NOW) is None


@given(
    place=st.integers(0, 19),
    points=st.integers(0, 50_000_00),
    since=st.timedeltas(dt.timedelta(-1), dt.timedelta(500)),
    pace=st.integers(-100, 600_00),
    sanctioned=st.booleans(),
)
def test_it_agrees_with_the_decision_and_hides_sanctions(
    bundle: Bundle, place: int, points: int, since: dt.timedelta, pace: int, sanctioned: bool
) -> None:
    rank = bundle.ladder[place]
    state = RankState(
        rank, points, NOW - since, sanctioned=sanctioned, membership=MembershipStatus.MEMBER
    )
    found = progress(state, pace, bundle, NOW)
    assert found is not None
    assert found == progress(replace(state, sanctioned=not sanctioned), pace, bundle, NOW)
    decided = evaluate(replace(state, sanctioned=False), bundle, NOW)
    if decided.kind != "demotion":
        assert found.missing == decided.missing
        due = decided.kind == "promotion"
        assert due == (found.missing == type(found.missing)(0, 0, 0))
    if found.expected_at is not None:
        assert found.expected_at >= found.time_met_at
        assert found.expected_at - NOW <= FARTHEST
        later = found.expected_at - NOW
        if found.missing.points:
            assert pace * later >= found.missing.points * DAY
            assert found.expected_at == found.time_met_at or pace * (later - HOUR) < (
                found.missing.points * DAY
            )
    elif pace >= 60_00:
        assert found.missing.points > pace * 365
