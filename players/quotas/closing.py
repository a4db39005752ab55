"""Open the periods of the policy's quotas, and judge each once after its end.

A step is one transaction that judges one page of players, or carries out what a page of misses
brings, and stores how far it came. A killed worker repeats at most the step that was not committed,
so nobody is judged twice and no miss has two outcomes.
"""

import datetime as dt
from functools import partial

from django.db import transaction
from django.db.models import Max

from audits.actions import Action
from audits.record import Actor, Target, record
from common import advisory_lock
from players.active_policy import ActivePolicy, active
from players.models import QuotaPeriod
from players.quotas import outcomes
from players.quotas.judgement import judge_page
from players.quotas.standings import Selection
from players.statistics.calendar import DAY, SPANS, spans
from players.statistics.steps import repeat

LOCK = 4_710_070  # advisory lock: one step at a time
GRACE = dt.timedelta(hours=1)  # after a period's end: for minutes and events that come late
PLAYERS = 50_000  # judged in one step
MISSES = 500  # followed in one step: each may warn somebody
SECONDS = 45.0  # the next run continues
ACTOR = Actor("system", "quotas", "quotas")
OPEN = [QuotaPeriod.Status.OPEN, QuotaPeriod.Status.JUDGING]
STATES = ("met", "missed", "excused", "free")


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
        if period.judged_at is None:
            return _judge(period, policy, now)
        return _follow(period, now)


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


def _judge(period: QuotaPeriod, policy: ActivePolicy, now: dt.datetime) -> int:
    """Judge a page. Return the number of its players, at least 1."""
    page = judge_page(Selection(period, policy), period.judged_through, PLAYERS)
    period.status = QuotaPeriod.Status.JUDGING
    period.judged_through = page.last or period.judged_through
    period.judged_at = now if page.players < PLAYERS else None
    for state in STATES:
        setattr(period, state, getattr(period, state) + getattr(page, state))
    period.save(update_fields=["status", "judged_through", "judged_at", *STATES])
    return max(1, page.players)


def _follow(period: QuotaPeriod, now: dt.datetime) -> int:
    """Carry out what a page of misses brings, and close the period after the last one. Return 1."""
    last = outcomes.carry_out(period, MISSES, now)
    if last is None:
        _close(period, QuotaPeriod.Status.CLOSED, now, {})
        return 1
    period.followed_through = last
    period.save(update_fields=["followed_through"])
    return 1


def _close(
    period: QuotaPeriod, status: QuotaPeriod.Status, now: dt.datetime, details: dict[str, str]
) -> None:
    period.status, period.closed_at = status, now
    period.save(update_fields=["status", "closed_at"])
    counts = {name: getattr(period, name) for name in STATES}
    record(
        Action.QUOTA_CLOSED,
        actor=ACTOR,
        target=Target("quota", str(period.pk), period.quota),
        details={"quota": period.quota, "period": period.key, **counts, **details},
    )
