"""The judgement in SQL gives what the pure rule says of the same players."""

import datetime as dt
import random

import pytest

from players.active_policy import active
from players.activity.landing import SessionDay, number_of, write
from players.models import (
    HostedEvent,
    HostedEventAttendance,
    HostedEventHost,
    Leave,
    Player,
    QuotaExemption,
    QuotaPeriod,
    QuotaResult,
)
from players.policy.quotas import judge
from players.quotas.judgement import judge_page
from players.quotas.standings import Selection, bound, span_of, standings
from tests.players.quotas.test_closing import MONDAY, QUOTA, make, put_in_force

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]
WEEK, DAY = dt.timedelta(days=7), dt.timedelta(days=1)
PLAYERS = 60
EARLIER = 4  # periods


@pytest.mark.parametrize("seed", range(2))
def test_sql_judges_as_the_pure_rule(seed: int) -> None:
    dice = random.Random(seed)
    asks = {"minutes": dice.choice([0, 61, 400]), "attended": 2, "hosted": dice.choice([0, 1])}
    put_in_force(**asks, freePeriods=seed)
    players = [make(number, since=_moment(dice)) for number in range(1, PLAYERS + 1)]
    past = [_period(-weeks, asks | {"freePeriods": seed}) for weeks in range(EARLIER, 0, -1)]
    period = _period(0, asks | {"freePeriods": seed})
    events = [_event(players[0], dice) for _ in range(8)]
    for player in players:
        _live(player, past, events, dice)
    selection = Selection(period, active())
    people = bound(selection, 0, PLAYERS)
    found = standings(period, people)
    expected = {
        one.id: (
            *(said := judge(selection.quota, span_of(period), found[one.id])).state.split(),
            said.misses,
            *found[one.id].done,
            found[one.id].resting,
        )
        for one in people
    }

    half = judge_page(selection, 0, PLAYERS // 2)
    rest = judge_page(selection, half.last or 0, PLAYERS)
    rows = QuotaResult.objects.filter(period=period).values_list(
        "player_id", "state", "misses", "minutes", "attended", "hosted", "resting"
    )
    assert {row[0]: row[1:] for row in rows} == expected
    assert half.players + rest.players == len(people) == len(expected)
    states = [row[0] for row in expected.values()]
    for state in ("met", "missed", "excused", "free"):
        assert getattr(half, state) + getattr(rest, state) == states.count(state)
    assert {"met", "missed", "excused"} <= set(states)


def test_an_empty_page_stores_nothing() -> None:
    put_in_force()
    page = judge_page(Selection(_period(0, {}), active()), 0, 10)
    assert (page.players, page.last) == (0, None)
    assert not QuotaResult.objects.exists()


def _live(
    player: Player, past: list[QuotaPeriod], events: list[HostedEvent], dice: random.Random
) -> None:
    """Give a player a past, minutes around the edges of the period, events and rest."""
    for period in past:
        if dice.random() < 0.5:
            state = dice.choice(["met", "missed", "free", "excused"])
            QuotaResult.objects.create(
                player=player, period=period, state=state, minutes=0, attended=0, hosted=0,
                misses=dice.randrange(4),
            )  # fmt: skip
    for origin in ("nexus", "nexus~private", "unknown"):
        days = [MONDAY + dice.randrange(-1, 9) * DAY for _ in range(3)]
        # Two sessions of a day may sum up to more than a day has.
        write(origin, [SessionDay(player.pk, n, number_of(d.date()), dice.choice([20, 61, 1000]))
                       for n, d in enumerate(days)])  # fmt: skip
    for event in dice.sample(events, 4):
        struck = dice.choice(["", "", "", "host"])
        HostedEventAttendance.objects.create(
            event=event, player=player, attended=dice.random() < 0.8, struck_by=struck
        )
    for event in dice.sample(events, dice.choice([0, 0, 2])):
        HostedEventHost.objects.create(event=event, player=player)
    if dice.random() < 0.3:
        first = MONDAY.date() + dice.randrange(-3, 8) * DAY
        Leave.objects.create(
            player=player, first_day=first, last_day=first + dice.randrange(4) * DAY, reason="x",
            status=dice.choice(list(Leave.Status)), source=Leave.Source.PAGE,
        )  # fmt: skip
    for quota in dice.sample(["", QUOTA["name"], "another"], dice.choice([0, 0, 1, 2])):
        first = MONDAY.date() + dice.randrange(-3, 8) * DAY
        QuotaExemption.objects.create(
            player=player, quota=quota, starts_on=first, event=0, reason="x", given_by="x",
            ends_on=dice.choice([None, first, first + 2 * DAY, first + 9 * DAY]),
        )  # fmt: skip


def _event(host: Player, dice: random.Random) -> HostedEvent:
    start = dt.datetime.combine(MONDAY.date(), dt.time(), dt.UTC)
    status = dice.choice(["ended", "awarded", "ended", "cancelled"])
    started_at = start + dice.choice([-1, 0, 30, 100, 167, 168]) * dt.timedelta(hours=1)
    made: HostedEvent = HostedEvent.objects.create(
        kind="training",
        experience="nexus",
        host=host,
        status=status,
        award_event=1 if status == "awarded" else None,
        started_at=started_at,
        ended_at=started_at,
    )
    return made


def _moment(dice: random.Random) -> dt.datetime:
    return MONDAY + dice.choice([-WEEK, dt.timedelta(hours=-1), DAY, 3 * DAY])


def _period(weeks: int, rule: dict[str, object]) -> QuotaPeriod:
    first = MONDAY.date() + weeks * WEEK
    made: QuotaPeriod = QuotaPeriod.objects.create(
        quota=QUOTA["name"], key=first.strftime("%G-W%V"), starts_on=first,
        ends_on=first + WEEK, rule=QUOTA | rule, opened_at=MONDAY,
    )  # fmt: skip
    return made
