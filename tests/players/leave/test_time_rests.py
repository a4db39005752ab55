"""Where the policy says so, the time in a rank rests during a leave: everywhere that counts it."""

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from players.active_policy import activate, active
from players.api import join_state
from players.leave import decisions, resting, schedule
from players.models import Player
from players.moderation.command import Command
from players.policy.bundle import parse_bundle
from players.policy.leave import DAY, LeaveDays
from players.policy_changes import simulation_query
from players.ranks.candidates import candidate_for
from players.ranks.evaluation import assess
from players.ranks.membership_changes import Return, _shift
from players.ranks.schedule import evaluate_due
from tests.players.discipline.conftest import OPERATOR, make, order
from tests.shared_clock import clock_at

NOW = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def member(bootstrapped: None) -> Player:
    """A member whose next rank needs 4 more days, on leave for 10 days while time rests."""
    documents: dict[str, Any] = json.loads(json.dumps(active().bundle.documents))
    documents["community"]["leave"]["timeInRank"] = "rests"
    activate(parse_bundle(documents), actor=OPERATOR.actor, reason="time rests")
    make(1, "Captain I")
    Player.objects.filter(user_id=1).update(earned=3200, rank_since=NOW - 17 * DAY)
    today = NOW.date()
    order_now = Command(**order(OPERATOR, now=NOW))
    decisions.grant(1, LeaveDays(today, today + 9 * DAY), order_now)
    assert schedule.run(NOW) == 1
    return Player.objects.get(user_id=1)


def test_nobody_is_promoted_by_time_that_rests(member: Player) -> None:
    later = NOW + 8 * DAY
    found = assess([candidate_for(member)], active(), later)[member.pk]
    assert (found.kind, found.missing.days, found.due_at) == (None, 4, None)
    assert evaluate_due(later) == 0
    tally = simulation_query.look(active().bundle, active().bundle, later, 0, member.pk)
    assert [kind for _, kind, _ in tally] == [""]


def test_it_goes_on_after_the_leave(member: Player) -> None:
    after = dt.datetime.combine(NOW.date() + 10 * DAY, dt.time(), dt.UTC)
    assert schedule.run(after) == 1
    member.refresh_from_db()
    assert member.resting_since is None
    assert member.rank_since == NOW - 17 * DAY + (after - NOW)
    due = NOW + (after - NOW) + 4 * DAY
    assert evaluate_due(due - dt.timedelta(minutes=1)) == 0
    assert evaluate_due(due) == 1


def test_a_rank_given_meanwhile_rests_from_then(member: Player) -> None:
    given = NOW + 2 * DAY
    assert resting.later(given, NOW, NOW + 5 * DAY) == given + 3 * DAY
    assert resting.later(NOW - DAY, NOW, NOW + 5 * DAY) == NOW + 4 * DAY
    assert resting.later(NOW + 9 * DAY, NOW, NOW + 5 * DAY) == NOW + 9 * DAY


@pytest.mark.parametrize(("left", "back"), [(2, 5), (-3, 4), (-3, -1)])
def test_time_away_and_time_rested_count_once(member: Player, left: int, back: int) -> None:
    since = member.rank_since
    away = Return(member, NOW + left * DAY, NOW + back * DAY)
    _shift(member, away, NOW + max(back, 0) * DAY)
    resting.resume(member, NOW + 10 * DAY, NOW + 10 * DAY)
    rested = 10 * DAY + max(0, min(back, 0) - left) * DAY
    assert member.rank_since == since + rested


def test_the_game_counts_from_a_later_day(member: Player) -> None:
    with clock_at(NOW + 6 * DAY):
        (found,) = join_state.load({1: 0}, "nexus")
    assert found.rank_since == member.rank_since + 6 * DAY
