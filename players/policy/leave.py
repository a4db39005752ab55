"""Rules of leaves of absence: which days may be asked for, and what overlaps."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

DAY = dt.timedelta(days=1)
AHEAD = 365  # days before its first day that a leave can be asked for


@dataclass(frozen=True, slots=True, order=True)
class LeaveDays:
    """Whole UTC days, both included."""

    first: dt.date
    last: dt.date

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begins(self) -> dt.datetime:
        return midnight(self.first)

    @property
    def ends(self) -> dt.datetime:
        """The first moment after the last day."""
        return midnight(self.last + DAY)

    def touches(self, other: "LeaveDays") -> bool:
        """Return whether they share a day, or one begins on the day after the other."""
        return self.first <= other.last + DAY and other.first <= self.last + DAY


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def why_not(wanted: LeaveDays, others: Iterable[LeaveDays], today: dt.date, max_days: int) -> str:
    """Return why a leave cannot be as `wanted`, or "". `others`: the person's other open leaves.

    Two leaves may not touch, since together they would pass the longest duration.
    """
    if wanted.last < wanted.first:
        return "last: it lies before the first day."
    if wanted.first < today:
        return "first: it has passed; begin today or later."
    if (wanted.first - today).days > AHEAD:
        return f"first: it is more than {AHEAD} days ahead."
    if wanted.count > max_days:
        return f"last: a leave has at most {max_days} days; this would be {wanted.count}."
    return _touched(wanted, others)


def why_not_extended(
    held: LeaveDays, last: dt.date, others: Iterable[LeaveDays], today: dt.date, max_days: int
) -> str:
    """Return why a leave cannot end on the day `last` instead, or ""."""
    changed = LeaveDays(held.first, last)
    if last == held.last:
        return "last: it ends on that day already."
    if last < max(held.first, today):
        return "last: it has passed, or lies before the first day."
    if changed.count > max_days:
        return f"last: a leave has at most {max_days} days; this would be {changed.count}."
    return _touched(changed, others)


def _touched(wanted: LeaveDays, others: Iterable[LeaveDays]) -> str:
    other = next((one for one in sorted(others) if wanted.touches(one)), None)
    if other is None:
        return ""
    return (
        f"first: there is a leave from {other.first} to {other.last} already;"
        " extend it instead, or leave a day between."
    )
