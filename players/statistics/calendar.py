"""Weeks, months and seasons as spans of UTC days. Seasons are the quarters of a year."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A period's days, without `ends_on`, and its key: 2026-W48, 2026-11 or 2026-S4."""

    key: str
    starts_on: dt.date
    ends_on: dt.date


def week_of(day: dt.date) -> Span:
    """Return the ISO week, from Monday."""
    year, week, weekday = day.isocalendar()
    monday = day - (weekday - 1) * DAY
    return Span(f"{year}-W{week:02d}", monday, monday + 7 * DAY)


def month_of(day: dt.date) -> Span:
    return Span(f"{day:%Y-%m}", day.replace(day=1), _months_on(day, 1))


def season_of(day: dt.date) -> Span:
    season = (day.month - 1) // 3
    first = day.replace(month=3 * season + 1, day=1)
    return Span(f"{day.year}-S{season + 1}", first, _months_on(first, 3))


# By kind of period.
SPANS = {"week": week_of, "month": month_of, "season": season_of}


def spans(kind: str, first: dt.date, last: dt.date) -> Iterator[Span]:
    """Yield the spans of one kind from that of `first` to that of `last`."""
    span = SPANS[kind](first)
    while span.starts_on <= last:
        yield span
        span = SPANS[kind](span.ends_on)


def _months_on(day: dt.date, months: int) -> dt.date:
    """Return the first of the month that comes `months` after that of `day`."""
    count = 12 * day.year + day.month - 1 + months
    return dt.date(count // 12, count % 12 + 1, 1)
