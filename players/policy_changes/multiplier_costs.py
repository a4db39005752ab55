"""What each multiplier of a policy would have cost in a past window of the same length.

It reads sums of days, and for a multiplier of some events the newest rows of the ledger: never more
than SAMPLE of them.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Sum

from players.models import CONSOLE, RECONCILED, DailyFigure
from players.policy.bundle import Bundle
from players.policy.multipliers import FORMAT, ONE, Multiplier

DAY = dt.timedelta(days=1)
SAMPLE = 20_000  # rows of the ledger
MOST_DAYS = 366  # a longer period is scaled from these
CENT = Decimal("0.01")
CAPS = "Caps are left out, so it is at most this."

SHARES = f"""
    SELECT origin, type, sum(awarded) FROM (
        SELECT origin, type, awarded FROM ledger ORDER BY id DESC LIMIT {SAMPLE}) newest
    WHERE awarded > 0 AND origin <> %s AND type <> %s GROUP BY 1, 2"""

Shares = dict[tuple[str, str], Decimal]  # points of the sample by experience and type of event


@dataclass(frozen=True, slots=True)
class MultiplierCost:
    """The points that a multiplier would have added in a past window as long as its period.

    `extra` None: it is not known. `first` and `last`: the days of the window. `exact`: no part is an
    estimate. `basis`: in a sentence, how it was found.
    """

    name: str
    factor: Decimal
    start: dt.datetime
    end: dt.datetime
    extra: Decimal | None
    first: dt.date | None
    last: dt.date | None
    exact: bool
    basis: str

    def as_json(self) -> dict[str, object]:
        """Return it with amounts and times as texts."""
        return {
            "name": self.name,
            "factor": str(self.factor),
            "from": f"{self.start:{FORMAT}}",
            "to": f"{self.end:{FORMAT}}",
            "extraPoints": None if self.extra is None else str(self.extra),
            "firstDay": self.first.isoformat() if self.first else None,
            "lastDay": self.last.isoformat() if self.last else None,
            "exact": self.exact,
            "basis": self.basis,
        }


def costs(bundle: Bundle, now: dt.datetime) -> list[MultiplierCost]:
    """Return what each multiplier of the policy would have cost, each counted alone."""
    found = bundle.points.multipliers
    shares = _shares() if any(one.events is not None for one in found) else {}
    return [_cost(one, shares, now) for one in found]


def _cost(one: Multiplier, shares: Shares, now: dt.datetime) -> MultiplierCost:
    length = one.end - one.start
    today = now.astimezone(dt.UTC).date()
    days = _days_with_figures(today - min(-(-length // DAY), MOST_DAYS) * DAY, today)
    share, exact, told = _share(one, shares)
    scale = Decimal(length // dt.timedelta(seconds=1)) / (len(days) * 86_400) if days else None
    if scale is None or share is None:
        basis = told if days else "There are no figures of past days yet."
        return _result(one, None, days, exact=False, basis=basis)
    extra = _points(one, days) * share * (one.factor - ONE) / ONE * scale
    scaled = "" if scale == 1 else f", scaled to the length of the period (times {scale:.2f})"
    whole = "1 whole day" if len(days) == 1 else f"{len(days)} whole days"
    basis = f"Points earned on {whole}{scaled}{told}. {CAPS}"
    return _result(one, extra.quantize(CENT), days, exact=exact and scale == 1, basis=basis)


def _result(
    one: Multiplier, extra: Decimal | None, days: list[dt.date], *, exact: bool, basis: str
) -> MultiplierCost:
    return MultiplierCost(
        one.name,
        Decimal(one.factor) / ONE,
        one.start,
        one.end,
        extra,
        days[0] if days else None,
        days[-1] if days else None,
        exact,
        basis,
    )


def _days_with_figures(first: dt.date, before: dt.date) -> list[dt.date]:
    """Return the days from `first` until before `before` whose points are summed."""
    rows = DailyFigure.objects.filter(what="asOf", day__gte=first, day__lt=before)
    return list(rows.order_by("day").values_list("day", flat=True))


def _points(one: Multiplier, days: Iterable[dt.date]) -> Decimal:
    """Return the points that were earned on these days in the multiplier's experiences."""
    rows = DailyFigure.objects.filter(what="points", day__in=days)
    if one.experiences is not None:
        rows = rows.filter(label__in=one.experiences)
    return rows.aggregate(sum=Sum("value"))["sum"] or Decimal(0)


def _share(one: Multiplier, shares: Shares) -> tuple[Decimal | None, bool, str]:
    """Return the share of the multiplier's events, whether it is exact, and words about it."""
    if one.events is None:
        return Decimal(1), True, ""
    here = {
        key: amount
        for key, amount in shares.items()
        if one.experiences is None or key[0] in one.experiences
    }
    whole = sum(here.values(), Decimal(0))
    if not whole:
        return None, False, f"Its experiences earned nothing in the newest {SAMPLE:,} rows."
    part = sum((amount for key, amount in here.items() if key[1] in one.events), Decimal(0))
    share = part / whole
    return share, False, f"; its events earned {share:.1%} of the newest {SAMPLE:,} rows"


def _shares() -> Shares:
    with connection.cursor() as cursor:
        cursor.execute(SHARES, [CONSOLE, RECONCILED])
        return {(origin, type_): amount for origin, type_, amount in cursor.fetchall()}
