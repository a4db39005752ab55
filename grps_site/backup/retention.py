"""Which backups are kept: every one of a week, then one a week, and none older than five weeks.

An erased person stays in the backups from before. So the oldest backup limits how long that is.
"""

import datetime as dt
from collections.abc import Iterable

from grps_site.backup.dump import NAME

ALL = dt.timedelta(days=7)
WEEKLY = dt.timedelta(days=35)


def expired(names: Iterable[str], now: dt.datetime) -> list[str]:
    """Return the backups to delete, oldest first. The newest is never among them.

    Of a week (Monday to Sunday) past ALL, the oldest backup is kept.
    """
    dated = sorted((_moment(name), name) for name in names)
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
    return max(names, key=_moment, default=None)


def _moment(name: str) -> dt.datetime:
    return dt.datetime.strptime(name, NAME).replace(tzinfo=dt.UTC)
