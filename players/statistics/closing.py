"""Close periods: freeze their totals after a full pass, then write their positions."""

import datetime as dt
from functools import partial
from typing import Any

from players.models import Period
from players.statistics import full_pass
from players.statistics.positions import Listing, Place
from players.statistics.steps import repeat, step

JOB = "closing"
SECONDS = 45.0  # the next run continues

# What a period is ranked by: the column of the position, and the SQL type and a highest amount.
MEASURES = {
    "awarded": ("position", "numeric", "Infinity"),
    "kos": ("position_kos", "bigint", str(2**63 - 1)),
    "wos": ("position_wos", "bigint", str(2**63 - 1)),
}
FOLLOWING = {"awarded": "kos", "kos": "wos"}


def run(now: dt.datetime) -> int:
    """Continue the daily pass and close the periods that are due; return their number."""
    full_pass.run(now, SECONDS)
    _freeze(now)
    before = Period.objects.filter(closed_at=None).count()
    repeat(partial(_step, now), SECONDS)
    return before - Period.objects.filter(closed_at=None).count()


def _freeze(now: dt.datetime) -> None:
    """Freeze the periods that had ended before the last full pass began.

    A step of the roll-up runs before or after this one, so none writes into a frozen period.
    """
    with step(full_pass.JOB) as state:
        if (covered := full_pass.covers(state)) is not None:
            due = Period.objects.filter(frozen_at=None, ends_on__lte=covered)
            due.update(frozen_at=now)


def _step(now: dt.datetime) -> int:
    """Place one page of the oldest frozen period, and close it after its last page."""
    frozen = Period.objects.filter(closed_at=None).exclude(frozen_at=None)
    with step(JOB) as state:
        period = frozen.order_by("ends_on", "pk").first()
        if period is None:
            return 0
        progress = state.progress
        if progress.get("period") != period.pk:
            progress = {"period": period.pk} | _start("awarded")
        state.progress = _place(period, progress, now)
        return 1


def _start(measure: str) -> dict[str, Any]:
    return {"measure": measure, "place": Place(MEASURES[measure][2]).saved}


def _place(period: Period, progress: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    """Place a page, or turn to the next measure. Returns the progress after it."""
    measure = progress["measure"]
    place, rows = _listing(period, measure).place(Place.load(progress["place"]))
    if rows:
        return progress | {"place": place.saved}
    if measure == "awarded":
        progress = progress | {"players": place.ahead}
    if measure in FOLLOWING:
        return progress | _start(FOLLOWING[measure])
    period.players, period.closed_at = progress["players"], now
    period.save(update_fields=["players", "closed_at"])
    return {}


def _listing(period: Period, measure: str) -> Listing:
    position, kind, _ = MEASURES[measure]
    rows = f"""
        SELECT t.player_id, t.{measure} AS amount, p.listed
        FROM period_totals t JOIN players p ON p.id = t.player_id
        WHERE t.period_id = %(period)s AND t.{measure} > 0
          AND (t.{measure}, t.player_id) < (%(amount)s::text::{kind}, %(player)s)
        ORDER BY t.{measure} DESC, t.player_id DESC"""
    write = f"""
        UPDATE period_totals t SET {position} = placed.position FROM placed
        WHERE t.period_id = %(period)s AND t.player_id = placed.player_id"""
    return Listing(rows, write, {"period": period.pk})
