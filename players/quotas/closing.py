"""Open the periods of the policy's quotas, and judge each once after its end.

A step is one transaction that judges one page of players and stores how far it came. A killed
worker repeats at most the step that was not committed, so nobody is judged twice.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial

from django.db import connection, transaction
from django.db.models import Max

from audits.actions import Action
from audits.record import Actor, Target, record
from common import advisory_lock
from common.pg_arrays import numbers, words
from players.active_policy import ActivePolicy, active
from players.models import QuotaPeriod
from players.policy.quotas import Judgement, Standing, State, judge
from players.quotas import outcomes
from players.quotas.standings import BoundPlayer, Selection, bound, span_of, standings
from players.statistics.calendar import DAY, SPANS, spans
from players.statistics.steps import repeat

LOCK = 4_710_070  # advisory lock: one step at a time
GRACE = dt.timedelta(hours=1)  # after a period's end: for minutes and events that come late
PLAYERS = 2_000  # in one step
SECONDS = 45.0  # the next run continues
ACTOR = Actor("system", "quotas", "quotas")

WRITE = """
    INSERT INTO quota_results (player_id, period_id, state, minutes, attended, hosted, misses, outcome)
    SELECT c.player, %s, c.state, c.minutes, c.attended, c.hosted, c.misses, c.outcome
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[], %s::int[], %s::smallint[], %s::text[])
         AS c(player, state, minutes, attended, hosted, misses, outcome)"""


def run(now: dt.datetime) -> int:
    """Open and judge what is due; return the number of judged players."""
    open_periods(now)
    return judge_due(now)


def judge_due(now: dt.datetime) -> int:
    """Judge the periods that are over; return the number of judged players."""
    return repeat(partial(_step, now), SECONDS)


def open_periods(now: dt.datetime) -> None:
    """Create the periods of every quota up to the present one, with the rule as it is now.

    A change of a quota applies from its next period on. A quota that is new gets the period that
    is under way too, but that one is judged only if it has just begun.
    """
    today = now.astimezone(dt.UTC).date()
    policy = active()
    rules = {
        row["name"]: row for row in policy.bundle.documents.get("community", {}).get("quotas", ())
    }
    with transaction.atomic():
        advisory_lock.lock(LOCK)
        newest = dict(
            QuotaPeriod.objects.filter(quota__in=rules)
            .values_list("quota")
            .annotate(ends=Max("ends_on"))
        )
        for name, rule in rules.items():
            first = newest.get(name, SPANS[rule["period"]](today).starts_on)
            for span in spans(rule["period"], first, today):
                QuotaPeriod.objects.create(
                    quota=name,
                    key=span.key,
                    starts_on=span.starts_on,
                    ends_on=span.ends_on,
                    rule=rule,
                    opened_at=now,
                )


def _step(now: dt.datetime) -> int:
    """Judge a page of the oldest period that is over. Return 0 if nothing is left."""
    with transaction.atomic():
        advisory_lock.lock(LOCK)
        due = QuotaPeriod.objects.filter(status__in=OPEN, ends_on__lte=(now - GRACE).date())
        period = due.select_for_update().order_by("ends_on", "pk").first()
        if period is None:
            return 0
        policy = active()
        if why_not := _not_judged(period, policy):
            _close(period, QuotaPeriod.Status.DROPPED, now, {"why": why_not})
            return 1
        players = bound(Selection(period, policy), period.judged_through, PLAYERS)
        if players:
            _judge(period, players, policy, now)
        if len(players) < PLAYERS:
            _close(period, QuotaPeriod.Status.CLOSED, now, {})
        return max(1, len(players))


OPEN = [QuotaPeriod.Status.OPEN, QuotaPeriod.Status.JUDGING]


def _not_judged(period: QuotaPeriod, policy: ActivePolicy) -> str:
    """Return why a period is not judged, or "". Once its judgement began, it is finished."""
    if period.status == QuotaPeriod.Status.JUDGING:
        return ""
    if all(quota.name != period.quota for quota in policy.bundle.community.quotas):
        return "the policy does not have the quota any more"
    earlier = QuotaPeriod.objects.filter(quota=period.quota, starts_on__lt=period.starts_on)
    if period.opened_at.date() > period.starts_on + DAY and not earlier.exists():
        return "the quota was new"
    return ""


def _judge(
    period: QuotaPeriod, players: Sequence[BoundPlayer], policy: ActivePolicy, now: dt.datetime
) -> None:
    quota, span, found = (
        Selection(period, policy).quota,
        span_of(period),
        standings(period, players),
    )
    judged = {player.id: judge(quota, span, found[player.id]) for player in players}
    followed = outcomes.carry_out(period, players, found, judged, now)
    _write(period, found, judged, followed)
    period.status = QuotaPeriod.Status.JUDGING
    period.judged_through = players[-1].id
    states = [judgement.state for judgement in judged.values()]
    for state in (State.MET, State.MISSED, State.EXCUSED, State.FREE):
        setattr(period, state, getattr(period, state) + states.count(state))
    period.save(update_fields=["status", "judged_through", "met", "missed", "excused", "free"])


def _write(
    period: QuotaPeriod,
    found: Mapping[int, Standing],
    judged: Mapping[int, Judgement],
    followed: Mapping[int, str],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            [
                period.pk,
                numbers(judged),
                words(one.state for one in judged.values()),
                *(numbers(found[pk].done[place] for pk in judged) for place in range(3)),
                numbers(one.misses for one in judged.values()),
                [followed.get(pk, "") for pk in judged],
            ],
        )


def _close(
    period: QuotaPeriod, status: QuotaPeriod.Status, now: dt.datetime, details: dict[str, str]
) -> None:
    period.status, period.closed_at = status, now
    period.save(update_fields=["status", "closed_at"])
    counts = {name: getattr(period, name) for name in ("met", "missed", "excused", "free")}
    record(
        Action.QUOTA_CLOSED,
        actor=ACTOR,
        target=Target("quota", str(period.pk), period.quota),
        details={"quota": period.quota, "period": period.key, **counts, **details},
    )
