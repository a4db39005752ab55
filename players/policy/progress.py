"""A player's way to the next rank, as everybody may see it. Sanctions have no part in it."""

import datetime as dt
from dataclasses import dataclass

from players.policy.bundle import Bundle, RankRule
from players.policy.ranks import DAY, Missing, RankState, enough_time, missing_for

FARTHEST = 3 * 365 * DAY  # an estimate beyond says nothing


@dataclass(frozen=True, slots=True)
class Progress:
    """What the next rank asks for: `have` so far and `missing` still, points in hundredths.

    `time_met_at`: when enough days in the present rank have passed. `expected_at`: when points and
    time are met at the present pace, or None if that cannot be estimated.
    """

    target: RankRule
    have: Missing
    missing: Missing
    time_met_at: dt.datetime
    expected_at: dt.datetime | None


def progress(state: RankState, pace: int, bundle: Bundle, now: dt.datetime) -> Progress | None:
    """Return the way to the rank after `state.rank`, or None at the top and for side posts.

    `pace`: hundredths a day.
    """
    target = bundle.next_after(state.rank)
    if target is None:
        return None
    missing, time_met_at = missing_for(state, target, now), enough_time(state, target)
    return Progress(
        target,
        Missing(state.points, max(0, (now - state.rank_since) // DAY), state.recommendations),
        missing,
        time_met_at,
        _expected_at(missing, pace, time_met_at, now),
    )


def _expected_at(
    missing: Missing, pace: int, time_met_at: dt.datetime, now: dt.datetime
) -> dt.datetime | None:
    """Return an estimate on a full hour, or `time_met_at` itself if no points are missing.

    None: recommendations are missing, points are missing and none are earned, or it is too far.
    """
    if missing.recommendations:
        return None
    if not missing.points:
        expected = time_met_at
    elif pace <= 0 or missing.points > pace * FARTHEST.days:
        return None
    else:
        expected = max(time_met_at, _full_hour(now + missing.points * DAY / pace))
    return expected if expected - now <= FARTHEST else None


def _full_hour(moment: dt.datetime) -> dt.datetime:
    """Round up to an hour."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + dt.timedelta(hours=1)
