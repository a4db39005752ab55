"""Evaluation of a player: when a promotion is due, what prevents it, and demotions."""

import datetime as dt
from dataclasses import replace

import pytest

from players.policy.bundle import Bundle
from players.policy.ranks import Condition, Evaluation, Missing, RankState, evaluate
from tests.players.policy.conftest import MEMBER

SINCE = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
MOMENT = dt.timedelta(microseconds=1)


@pytest.fixture
def trooper(bundle: Bundle) -> RankState:
    """Return a state with the points for Shock Trooper II, which also needs two days."""
    return RankState(bundle.by_name["Shock Trooper I"], 150_00, SINCE, membership=MEMBER)


def test_time_alone_makes_a_promotion_due_at_a_known_moment(
    bundle: Bundle, trooper: RankState
) -> None:
    before = evaluate(trooper, bundle, SINCE + 2 * DAY - MOMENT)
    assert (before.kind, before.failed, before.missing) == (
        None,
        (Condition.TIME,),
        Missing(0, 1, 0),
    )
    assert before.due_at == SINCE + 2 * DAY
    then = evaluate(trooper, bundle, SINCE + 2 * DAY)
    assert (then.kind, then.failed, then.due_at) == ("promotion", (), SINCE + 2 * DAY)


@pytest.mark.parametrize("lack", [{"points": 149_99}, {"sanctioned": True}])
def test_no_moment_is_named_while_more_than_time_is_missing(
    bundle: Bundle, trooper: RankState, lack: dict[str, int]
) -> None:
    found = evaluate(replace(trooper, **lack), bundle, SINCE + 9 * DAY)  # type: ignore[arg-type]
    assert (found.kind, found.due_at) == (None, None)


def test_recommendations_are_a_condition_of_some_ranks(bundle: Bundle, trooper: RankState) -> None:
    second = replace(bundle.by_name["Shock Trooper II"], required_recommendations=2)
    asking = replace(bundle, steps={trooper.rank.name: second})
    one = evaluate(replace(trooper, recommendations=1), asking, SINCE + 2 * DAY)
    assert (one.failed, one.missing, one.due_at) == (
        (Condition.RECOMMENDATIONS,),
        Missing(0, 0, 1),
        None,
    )
    assert (
        evaluate(replace(trooper, recommendations=2), asking, SINCE + 2 * DAY).kind == "promotion"
    )


def _fallen(bundle: Bundle, trooper: RankState, demotion: str) -> Evaluation:
    return evaluate(replace(trooper, points=49_99), replace(bundle, demotion=demotion), SINCE)


def test_a_fall_below_the_rank_follows_the_policy(bundle: Bundle, trooper: RankState) -> None:
    proposed, applied, ignored = (
        _fallen(bundle, trooper, mode) for mode in ("propose", "auto", "off")
    )
    assert (proposed.kind, proposed.automatic, proposed.target) == ("demotion", False, bundle.first)
    assert (applied.kind, applied.automatic, applied.target) == ("demotion", True, bundle.first)
    assert (proposed.failed, proposed.missing, proposed.due_at) == (
        (Condition.POINTS,),
        Missing(1, 0, 0),
        None,
    )
    assert ignored.kind is None


def test_a_rank_is_kept_at_exactly_its_points(bundle: Bundle, trooper: RankState) -> None:
    assert evaluate(replace(trooper, points=50_00), bundle, SINCE).kind is None


@pytest.mark.parametrize("name", ["Tempest Major", "Envoy"])
def test_ranks_given_by_hand_are_kept_without_any_points(bundle: Bundle, name: str) -> None:
    assert (
        evaluate(
            RankState(bundle.by_name[name], 0, SINCE, membership=MEMBER),
            replace(bundle, demotion="auto"),
            SINCE,
        ).kind
        is None
    )


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("Suspended", (Condition.SANCTION, Condition.PERMITTED)),
        ("Envoy", (Condition.PERMITTED,)),
        ("Imperator", (Condition.PERMITTED,)),
    ],
)
def test_off_the_ladder_and_at_its_top_nothing_is_due(
    bundle: Bundle, name: str, failed: tuple[Condition, ...]
) -> None:
    found = evaluate(
        RankState(bundle.by_name[name], 90_000_00, SINCE, membership=MEMBER),
        bundle,
        SINCE + 999 * DAY,
    )
    assert (found.kind, found.target, found.failed, found.due_at) == (None, None, failed, None)
