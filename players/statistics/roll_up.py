"""Recompute the figures of the players who changed since the last run.

Players are found by `updated_at`. A transaction may commit later than that says, so each run also
looks back. It leaves out the players whose row still has the version that was rolled up.
"""

import datetime as dt
from functools import partial

from django.db import connection

from players.statistics import periods
from players.statistics.recomputation import recompute
from players.statistics.steps import repeat, step

JOB = "roll_up"
MARGIN = dt.timedelta(minutes=5)  # the nightly pass finds what takes longer to commit
PLAYERS = 1_000  # in one step
SECONDS = 10.0  # the next run continues

CHANGED = f"""
    SELECT p.id, p.updated_at FROM players p LEFT JOIN player_records r ON r.player_id = p.id
    WHERE p.updated_at >= %s AND r.row_version IS DISTINCT FROM p.xmin::text::bigint
    ORDER BY p.updated_at LIMIT {PLAYERS}"""


def run(now: dt.datetime) -> int:
    """Recompute the changed players; return their number. Two runs at once are safe."""
    periods.create_missing(now.astimezone(dt.UTC).date())
    return repeat(partial(_step, now), SECONDS)


def _step(now: dt.datetime) -> int:
    with step(JOB) as state:
        since = state.cursor_at or now
        with connection.cursor() as cursor:
            cursor.execute(CHANGED, [since - MARGIN])
            changed = cursor.fetchall()
        recompute(player for player, _ in changed)
        # A row from the future must not let the run pass over others.
        last = changed[-1][1] if changed else since
        state.cursor_at, state.ran_at = max(since, min(last, now)), now
        return len(changed)
