"""Which backups are kept: every one of a week, then one a week, and none older than five weeks.

An erased person stays in earlier backups. So the age of the oldest backup limits how long that is.
"""

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress

from grps_site.backup.dump import NAME

ALL = dt.timedelta(days=7)
WEEKLY = dt.timedelta(days=35)


def expired(names: Iterable[str], now: dt.datetime) -> list[str]:
    """Return the backups to delete, oldest first. The newest is never among them.

    Of a week (Monday to Sunday) past ALL, the oldest backup is kept. Other files do not count.
    """
    dated = _dated(names)
    weeks: set[tuple[int, int]] = set()
    found = []
    for moment, name in dated[:-1]:
        week = moment.isocalendar()[:2]
        is_kept = moment > now - ALL or (moment > now - WEEKLY and week not in weeks)
        if is_kept:
            weeks.add(week)
        else:
            found.append(name)
    return found


def newest(names: Iterable[str]) -> str | None:
    dated = _dated(names)
    return dated[-1][1] if dated else None


def _dated(names: Iterable[str]) -> list[tuple[dt.datetime, str]]:
    """Return the backups among the names with their times, oldest first."""
    found = []
    for name in names:
        with suppress(ValueError):  # another file
            found.append((dt.datetime.strptime(name, NAME).replace(tzinfo=dt.UTC), name))
    return sorted(found)
