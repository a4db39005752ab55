"""The rules of the ladder hold for random input.

HYPOTHESIS_PROFILE=nightly tries a hundred times as many examples.
"""

import datetime as dt
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.policy import checks
from players.policy.bundle import Bundle, RankRule, load_bundle
from players.policy.counters import EMPTY, SessionRow, SessionTotal, merge
from players.policy.multipliers import Occasion
from players.policy.permissions import Act, may
from players.policy.points import full_award
from players.policy.ranks import Condition, RankState, evaluate
from tests.players.policy.conftest import CONFIG, MEMBER, MEMBERS
from tests.players.policy.reference import (
    Award,
    Earner,
    Event,
    Reason,
    award,
    balance,
    day_of,
    losable,
    week_of,
)

BUNDLE = load_bundle(CONFIG)
MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
amounts = st.integers(-5_000, 80_000)
ranks = st.sampled_from(BUNDLE.ranks)
ladder = st.sampled_from(BUNDLE.ladder)


@st.composite
def histories(draw: st.DrawFn) -> list[SessionRow]:
    """Draw the history of one part, as its only writer wrote it."""
    total, rows = 0, []
    for sequence, awarded in enumerate(draw(st.lists(amounts, min_size=1, max_size=25)), start=1):
        total += awarded
        rows.append(SessionRow(sequence, awarded, total))
    return rows


def deliver(batches: list[list[SessionRow]]) -> SessionTotal:
    """Merge batches as the ledger does: each row counts once, rows after a gap are remembered."""
    part: SessionTotal | None = None
    stored: set[int] = set()
    for batch in batches:
        new = list({row.sequence: row for row in batch if row.sequence not in stored}.values())
        if not new:
            continue
        beyond = [sequence for sequence in stored if part and sequence > part.confirmed]
        part = merge(part, new, beyond)
        stored |= {row.sequence for row in new}
    return part or EMPTY


def fold(rows: Iterable[SessionRow]) -> SessionTotal:
    """Compute the result of `merge` in a slow way: all rows at once, each sequence once."""
    by_sequence = {row.sequence: row for row in rows}
    last = max(by_sequence, default=0)
    confirmed = next(number for number in range(last + 1) if number + 1 not in by_sequence)
    total = by_sequence[last].total if last else 0
    return SessionTotal(
        last, total, len(by_sequence), sum(row.awarded for row in by_sequence.values()), confirmed
    )


@given(histories(), st.data(), st.integers(1, 8))
def test_any_delivery_of_any_rows_comes_to_the_same_part(
    history: list[SessionRow], data: st.DataObject, size: int
) -> None:
    arrived = data.draw(st.lists(st.sampled_from(history), max_size=40))
    batches = [arrived[start : start + size] for start in range(0, len(arrived), size)]
    assert deliver(batches) == fold(arrived)


@given(histories(), st.randoms(use_true_random=False), st.integers(1, 8))
def test_repeats_and_reordering_never_change_a_part(
    history: list[SessionRow], dice: object, size: int
) -> None:
    rows = history + dice.choices(history, k=len(history) // 2)  # type: ignore[attr-defined]
    dice.shuffle(rows)  # type: ignore[attr-defined]
    part = deliver([rows[start : start + size] for start in range(0, len(rows), size)])
    assert part == deliver([history])
    assert part == SessionTotal(
        len(history),
        history[-1].total,
        len(history),
        sum(row.awarded for row in history),
        len(history),
    )
    assert checks.check_total(part) is None


@given(histories(), st.data())
def test_a_gap_is_seen_and_closes(history: list[SessionRow], data: st.DataObject) -> None:
    missing = data.draw(st.sampled_from(history))
    rest = [row for row in history if row is not missing]
    part = deliver([rest])
    assert part.confirmed == (missing.sequence - 1 if rest else 0)
    assert part.gap == any(row.sequence > missing.sequence for row in rest)
    assert deliver([rest, [missing]]) == deliver([history])


@given(st.lists(st.lists(histories(), max_size=3), max_size=3), amounts)
def test_no_experience_takes_away_what_was_earned_in_another(
    experiences: list[list[list[SessionRow]]], adjusted: int
) -> None:
    sums = [sum(deliver([part]).total for part in parts) for parts in experiences]
    shown = balance(sums, adjusted)
    assert shown == max(0, sum(one for one in sums if one > 0) + adjusted)
    for place in range(len(sums)):
        assert balance([*sums[:place], -(10**9), *sums[place + 1 :]], adjusted) >= balance(
            sums[:place] + sums[place + 1 :], adjusted
        )


@given(amounts, st.integers(0, 10**9), amounts)
def test_a_loss_never_makes_the_sum_negative(own: int, elsewhere: int, adjusted: int) -> None:
    most = losable(own, elsewhere, adjusted)
    assert most >= 0
    if most:
        assert own - most >= 0
        assert max(0, own - most) + elsewhere + adjusted >= 0
        assert (
            balance([own - most, elsewhere], adjusted) == balance([own, elsewhere], adjusted) - most
        )
    assert own - most - 1 < 0 or max(0, own - most - 1) + elsewhere + adjusted < 0 or own <= 0


events = st.builds(
    Event,
    type=st.sampled_from([*BUNDLE.points.events, "unheard_of"]),
    at=st.integers(0, 60 * 60 * 24 * 16).map(
        lambda seconds: MONDAY + dt.timedelta(seconds=seconds)
    ),
    magnitude=st.integers(1, 40),
    duration=st.none() | st.integers(0, 900),
    actor_level=st.none() | st.sampled_from(BUNDLE.levels),
    already_recommended=st.booleans(),
)


@given(st.lists(events, max_size=60), st.integers(0, 10_000), st.booleans())
def test_a_game_that_follows_the_policy_breaks_no_law(
    stream: list[Event], known: int, can_earn: bool
) -> None:
    policy = BUNDLE.points
    days: dict[dt.date, int] = {}
    counted: dict[str, list[dt.datetime]] = {}
    for event in sorted(stream, key=lambda item: item.at):
        day, week = day_of(event.at), week_of(event.at)
        this_week = sum(amount for other, amount in days.items() if week_of_day(other) == week)
        last = {type_: moments[-1] for type_, moments in counted.items()}
        given_ = award(
            event,
            Earner(can_earn, known, days.get(day, 0), this_week, last, membership=MEMBER),
            policy,
        )
        known += given_.amount
        assert known >= 0
        assert (
            checks.check_award(
                checks.Claim(
                    Occasion(event.type, event.at, event.experience),
                    event.magnitude,
                    given_.amount,
                    event.actor_level,
                ),
                policy,
            )
            is None
        )
        if given_.amount > 0:
            days[day] = days.get(day, 0) + given_.amount
            counted.setdefault(event.type, []).append(event.at)
        if not can_earn:
            assert given_.amount == 0
    for day, amount in days.items():
        assert checks.check_day(amount, policy) is None
        week_sum = sum(
            other for when, other in days.items() if week_of_day(when) == week_of_day(day)
        )
        assert checks.check_week(week_sum, policy) is None
    for type_, moments in counted.items():
        assert checks.check_cooldown(type_, moments, policy) is None


def week_of_day(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


@given(events)
def test_an_award_is_exact_or_says_why_it_is_less(event: Event) -> None:
    given_ = award(event, Earner(True, 1_000_000, membership=MEMBER), BUNDLE.points)
    full = full_award(event.type, event.magnitude, event.actor_level, BUNDLE.points)
    assert (given_.reason is None) == (given_.amount == full)


@given(
    ladder,
    st.integers(0, 5_000_000),
    st.integers(0, 5_000_000),
    st.integers(0, 500),
    st.integers(0, 500),
)
def test_promotion_is_monotone_in_points_and_in_time(
    rank: RankRule, fewer: int, more: int, early: int, late: int
) -> None:
    fewer, more, early, late = *sorted((fewer, more)), *sorted((early, late))  # type: ignore[assignment]
    first = evaluate(
        RankState(rank, fewer, MONDAY, membership=MEMBER), BUNDLE, MONDAY + dt.timedelta(days=early)
    )
    then = evaluate(
        RankState(rank, more, MONDAY, membership=MEMBER), BUNDLE, MONDAY + dt.timedelta(days=late)
    )
    if first.kind == "promotion":
        assert then.kind == "promotion"
    assert then.missing.days <= first.missing.days or first.kind == "demotion"


@given(ranks, st.integers(0, 5_000_000), st.integers(0, 500))
def test_the_sanctioned_and_the_side_posts_are_never_moved(
    rank: RankRule, points: int, days: int
) -> None:
    now = MONDAY + dt.timedelta(days=days)
    assert (
        evaluate(
            RankState(rank, points, MONDAY, sanctioned=True, membership=MEMBER), BUNDLE, now
        ).kind
        is None
    )
    if rank.ignored or rank.is_punishment:
        assert (
            evaluate(
                RankState(rank, points, MONDAY, sanctioned=rank.is_punishment, membership=MEMBER),
                BUNDLE,
                now,
            ).kind
            is None
        )


@given(ranks, st.integers(0, 5_000_000))
def test_points_alone_take_no_privileged_rank(rank: RankRule, points: int) -> None:
    found = evaluate(RankState(rank, points, MONDAY, membership=MEMBER), BUNDLE, MONDAY)
    if found.kind == "demotion":
        assert not rank.privileged
        assert points < rank.min_points
        assert not found.automatic


@given(st.sampled_from(Act), ranks, ranks, st.none() | ranks, st.integers(0, 10_000_000))
def test_nobody_acts_upward_or_on_themselves(
    act: Act, actor: RankRule, target: RankRule, to: RankRule | None, amount: int
) -> None:
    assert not may(act, actor, target, own=True, amount=amount, to=to, **MEMBERS).allowed
    verdict = may(act, actor, target, own=False, amount=amount, to=to, **MEMBERS)
    if verdict.allowed:
        assert target.position < actor.position
        assert to is None or to.position < actor.position
        assert not actor.ignored
        assert not actor.is_punishment
    else:
        assert verdict.reason is not None


def test_the_figures_of_who_may_do_what(bundle: Bundle) -> None:
    colonel, major, low = (
        bundle.by_name[name] for name in ("Electro Colonel", "Tempest Major", "Captain I")
    )
    admirals, envoy = bundle.by_name["Supreme Admirals"], bundle.by_name["Envoy"]
    assert may(Act.WARN, major, low, own=False, **MEMBERS).allowed
    assert not may(Act.ADJUST, major, low, own=False, amount=1, **MEMBERS).allowed
    within = may(Act.ADJUST, colonel, low, own=False, amount=100_00, **MEMBERS)
    assert (within.allowed, within.second) == (True, False)
    assert may(Act.ADJUST, colonel, low, own=False, amount=100_01, **MEMBERS).second
    assert may(
        Act.ADJUST, colonel, low, own=False, amount=1, adjusted_today=100_00, **MEMBERS
    ).second
    assert not may(Act.BAN, colonel, low, own=False, **MEMBERS).allowed
    assert may(Act.BAN, admirals, low, own=False, **MEMBERS).second
    assert not may(Act.WARN, envoy, low, own=False, **MEMBERS).allowed
    assert not may(
        Act.PROMOTE, colonel, low, own=False, to=bundle.by_name["Electro Colonel"], **MEMBERS
    ).allowed


def test_each_failed_condition_is_named(bundle: Bundle) -> None:
    rank = bundle.by_name["Shock Trooper I"]
    found = evaluate(
        RankState(rank, 149_99, MONDAY, sanctioned=True, membership=MEMBER),
        bundle,
        MONDAY + dt.timedelta(hours=1),
    )
    assert found.failed == (Condition.POINTS, Condition.TIME, Condition.SANCTION)
    assert (found.missing.points, found.missing.days) == (1, 2)
    due = evaluate(
        RankState(rank, 150_00, MONDAY, membership=MEMBER), bundle, MONDAY + dt.timedelta(days=2)
    )
    assert (due.kind, due.automatic, due.failed) == ("promotion", True, ())


def test_a_privileged_rank_is_proposed_and_not_given(bundle: Bundle) -> None:
    captain = bundle.by_name["Captain II"]
    found = evaluate(
        RankState(captain, 4_500_00, MONDAY, membership=MEMBER),
        bundle,
        MONDAY + dt.timedelta(days=32),
    )
    assert (found.kind, found.automatic, found.target) == (
        "promotion",
        False,
        bundle.by_name["Tempest Major"],
    )


def test_reasons_for_nothing(bundle: Bundle) -> None:
    policy, earner = bundle.points, Earner(True, 0, last_counted={"ko": MONDAY}, membership=MEMBER)
    soon = MONDAY + dt.timedelta(seconds=29)
    assert award(Event("ko", soon), earner, policy).reason is Reason.KO_COOLDOWN
    assert award(Event("ko", soon + dt.timedelta(seconds=1)), earner, policy).amount == 25
    assert (
        award(Event("activity", soon, duration=299), earner, policy).reason
        is Reason.ACTIVITY_TOO_SHORT
    )
    assert award(Event("activity", soon), earner, policy).reason is Reason.ACTIVITY_TOO_SHORT
    assert award(Event("activity", soon, duration=300), earner, policy) == Award(1_00)
    assert award(Event("wo", soon), Earner(True, 4, membership=MEMBER), policy).amount == -4
    assert (
        award(
            Event("training", soon), Earner(True, 0, earned_today=490_00, membership=MEMBER), policy
        ).amount
        == 10_00
    )
    assert award(Event("unheard_of", soon), earner, policy).reason is Reason.UNKNOWN_TYPE
    assert (
        award(Event("training", soon), Earner(False, 0, membership=MEMBER), policy).reason
        is Reason.NOT_EARNING
    )
    assert (
        award(Event("recommendation", soon, actor_level="MR"), earner, policy).reason
        is Reason.ACTOR_NOT_ENTITLED
    )
    again = Event("recommendation", soon, actor_level="CCM", already_recommended=True)
    assert award(again, earner, policy).reason is Reason.ALREADY_RECOMMENDED


def test_an_award_names_the_cap_that_cuts_it(bundle: Bundle) -> None:
    training = Event("training", MONDAY)

    def given_to(today: int, this_week: int) -> Award:
        return award(
            training,
            Earner(True, 0, earned_today=today, earned_this_week=this_week, membership=MEMBER),
            bundle.points,
        )

    assert given_to(485_00, 2_485_00) == Award(15_00)
    assert given_to(490_00, 2_000_00) == Award(10_00, Reason.CAPPED_DAY)
    assert given_to(0, 2_495_00) == Award(5_00, Reason.CAPPED_WEEK)
    assert given_to(500_00, 2_500_00) == Award(0, Reason.CAPPED_WEEK)
    assert given_to(600_00, 600_00) == Award(0, Reason.CAPPED_DAY)
    assert [given_to(*earned).capped for earned in ((0, 0), (500_00, 500_00), (0, 2_500_00))] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("claim", "kept"),
    [
        (("ko", 2, 50, None), True),
        (("ko", 2, 51, None), False),
        (("ko", 1, -1, None), False),
        (("wo", 2, -20, None), True),
        (("wo", 2, -21, None), False),
        (("wo", 1, 1, None), False),
        (("unheard_of", 1, 0, None), True),
        (("unheard_of", 1, 1, None), False),
        (("recommendation", 1, 20_00, "CCM"), True),
        (("recommendation", 1, 10_01, "CMD"), False),
        (("recommendation", 1, 20_00, None), True),
        (("recommendation", 1, 20_01, None), False),
        (("recommendation", 1, 1, "LR"), False),
    ],
)
def test_a_claim_beyond_its_worth_is_a_breach(
    bundle: Bundle, claim: tuple[str, int, int, str | None], kept: bool
) -> None:
    type_, *claimed = claim
    breach = checks.check_award(checks.Claim(Occasion(type_, MONDAY), *claimed), bundle.points)
    assert (breach is None) == kept
    assert breach is None or breach.law is checks.Law.AWARD_ABOVE_WEIGHT


def test_each_law_is_broken_by_one_step_too_many(bundle: Bundle) -> None:
    policy, half_a_minute = bundle.points, MONDAY + dt.timedelta(seconds=30)
    found = [
        checks.check_day(500_01, policy),
        checks.check_week(2_500_01, policy),
        checks.check_cooldown("ko", [MONDAY, half_a_minute - dt.timedelta(microseconds=1)], policy),
        checks.check_total(SessionTotal(2, 51, 2, 50, 2)),
        checks.check_count("ko", 2_001, policy),
    ]
    assert [breach and breach.law for breach in found] == [
        "DAY_CAP",
        "WEEK_CAP",
        "COOLDOWN",
        "TOTAL",
        "COUNT",
    ]
    assert checks.check_count("ko", 2_000, policy) is None
    assert checks.check_count("training", 1_000_000, policy) is None
    assert checks.check_cooldown("ko", [MONDAY, half_a_minute], policy) is None
    assert checks.check_cooldown("training", [MONDAY, MONDAY], policy) is None
    assert checks.check_total(SessionTotal(3, 51, 2, 50, 1)) is None


def test_days_and_weeks_turn_at_midnight_of_utc() -> None:
    sunday_in_tokyo = dt.datetime(2026, 3, 2, 8, 59, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    assert (day_of(sunday_in_tokyo), week_of(sunday_in_tokyo)) == (
        dt.date(2026, 3, 1),
        dt.date(2026, 2, 23),
    )
    assert (day_of(MONDAY), week_of(MONDAY)) == (dt.date(2026, 3, 2), dt.date(2026, 3, 2))
