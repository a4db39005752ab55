"""Statistics of endpoints. Every query reads a limited number of rows by an index."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection

from audits import queries
from audits.models import Seal
from webhooks.messages import formatting
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outbound import fan_out

DAY, WEEK = dt.timedelta(days=1), dt.timedelta(days=7)
CELL = dt.timedelta(minutes=30)
CELLS = 48
NAMED = 6  # half hours that are listed one by one
# The newest deliveries that are read: for one endpoint's page, and for each endpoint of a list.
MANY, FEW = 20_000, 2_000
MOST = 10_000  # upper limit of counting
BATCH = 1000  # events in one query

# The limits are written into the SQL: with parameters PostgreSQL would plan for any limit and read
# the whole table. OFFSET 0 keeps the look-up of attempts by the index on the delivery.
TRIES = """
    SELECT r.endpoint, floor(extract(epoch FROM a.started_at - %s::timestamptz) / 1800)::int, count(*),
           count(*) FILTER (WHERE a.outcome <> 'succeeded')
    FROM unnest(%s::bigint[]) AS r(endpoint)
    CROSS JOIN LATERAL (
        SELECT id, finished_at FROM webhook_deliveries WHERE endpoint_id = r.endpoint ORDER BY id DESC LIMIT {most}) d
    CROSS JOIN LATERAL (
        SELECT started_at, outcome FROM webhook_attempts WHERE delivery_id = d.id OFFSET 0) a
    WHERE (d.finished_at IS NULL OR d.finished_at >= %s) AND a.started_at >= %s
        AND a.outcome IN ('succeeded', 'failed', 'lost')
    GROUP BY 1, 2"""

REACH = """
    SELECT r.endpoint, d.created_at FROM unnest(%s::bigint[]) AS r(endpoint)
    CROSS JOIN LATERAL (
        SELECT created_at FROM webhook_deliveries WHERE endpoint_id = r.endpoint
        ORDER BY id DESC OFFSET {last} LIMIT 1) d"""

WAITING = f"""
    SELECT r.endpoint, count(d.created_at), min(d.created_at) FROM unnest(%s::bigint[]) AS r(endpoint)
    LEFT JOIN LATERAL (
        SELECT created_at FROM webhook_deliveries WHERE endpoint_id = r.endpoint AND status = 'pending'
        ORDER BY retry_at, id LIMIT {MOST + 1}) d ON true
    GROUP BY 1"""

WINDOW = """
    WITH seen AS (
        SELECT id, status, finished_at FROM webhook_deliveries WHERE endpoint_id = %s ORDER BY id DESC LIMIT {most}
    ), tries AS (
        SELECT d.finished_at IS NOT NULL AS finished, a.started_at, a.milliseconds FROM seen d
        CROSS JOIN LATERAL (
            SELECT started_at, milliseconds, outcome FROM webhook_attempts WHERE delivery_id = d.id OFFSET 0) a
        WHERE (d.finished_at IS NULL OR d.finished_at >= %s) AND a.outcome IN ('succeeded', 'failed', 'lost')
    ), finished AS (
        SELECT count(*) FILTER (WHERE status = 'delivered') AS delivered,
               count(*) FILTER (WHERE status = 'exhausted') AS given_up FROM seen WHERE finished_at >= %s
    ), latency AS (
        SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY milliseconds) AS at
        FROM tries WHERE started_at >= %s AND milliseconds IS NOT NULL
    )
    SELECT f.delivered, f.given_up, (SELECT count(*) FROM tries WHERE finished), l.at[1], l.at[2]
    FROM finished f, latency l"""

GIVEN_UP = f"""
    SELECT count(*) FROM (
        SELECT 1 FROM webhook_deliveries WHERE endpoint_id = %s AND status = 'exhausted' AND finished_at >= %s
        AND finished_at < %s LIMIT {MOST + 1}) d"""


@dataclass(frozen=True, slots=True)
class Cell:
    """Half an hour of an endpoint. `known`: False before the oldest delivery that was read."""

    start: dt.datetime
    tries: int = 0
    failed: int = 0
    known: bool = True

    @property
    def state(self) -> str:
        if not self.tries:
            return "idle" if self.known else "unknown"
        if not self.failed:
            return "fine"
        return "failed" if self.failed == self.tries else "mixed"

    @property
    def text(self) -> str:
        when = f"{self.start:%H:%M} to {self.start + CELL:%H:%M} UTC"
        words = {
            "idle": "nothing was sent",
            "unknown": "not counted, there is too much since",
            "fine": f"{self.tries} tries, all succeeded",
            "failed": f"{self.tries} tries, all failed",
            "mixed": f"{self.tries} tries, {self.failed} failed",
        }
        return f"{when}: {words[self.state]}"


@dataclass(frozen=True, slots=True)
class Strip:
    """An endpoint's last day in half hours."""

    strip: Sequence[Cell]

    @property
    def placed(self) -> Sequence[tuple[int, Cell]]:
        """The cells with their x positions in the drawing."""
        return [(number * 6, cell) for number, cell in enumerate(self.strip)]

    @property
    def strip_text(self) -> str:
        """The strip as text, for screen readers."""
        tries, failed = (
            sum(cell.tries for cell in self.strip),
            sum(cell.failed for cell in self.strip),
        )
        bad = [f"{cell.start:%H:%M}" for cell in self.strip if cell.failed]
        if not tries:
            return "Last 24 hours: nothing was sent."
        told = f"Last 24 hours: {tries:,} tries, {failed:,} failed"
        if len(bad) > NAMED:
            return f"{told} (in {len(bad)} half hours, the last from {bad[-1]} UTC)."
        return f"{told} (half hours from {', '.join(bad)} UTC)." if bad else f"{told}."


@dataclass(frozen=True, slots=True)
class Figures(Strip):
    """An endpoint in a list: its last day and its waiting deliveries (counted to MOST + 1)."""

    waiting: int
    oldest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Window:
    """Statistics of deliveries finished within a time. Times in milliseconds, None without a value."""

    delivered: int
    given_up: int
    tries: int
    median: float | None
    slow: float | None

    @property
    def deliveries(self) -> int:
        return self.delivered + self.given_up

    @property
    def success(self) -> float | None:
        """Percentage of the deliveries that were delivered."""
        return 100 * self.delivered / self.deliveries if self.deliveries else None

    @property
    def tries_each(self) -> float | None:
        return self.tries / self.deliveries if self.deliveries else None


def figures(pks: Sequence[int], now: dt.datetime, most: int = FEW) -> dict[int, Figures]:
    """Return the figures of these endpoints, from the `most` newest deliveries of each.

    Three queries for all endpoints.
    """
    drawn = strips(pks, now, most)
    return {
        pk: Figures(drawn[pk].strip, waiting, oldest)
        for pk, waiting, oldest in _rows(WAITING, [list(pks)])
    }


def strips(pks: Sequence[int], now: dt.datetime, most: int = FEW) -> dict[int, Strip]:
    """Return the last day of these endpoints, from the `most` newest deliveries of each.

    Two queries for all endpoints.
    """
    since = _half_hour(now) - (CELLS - 1) * CELL
    cells = {pk: [Cell(since + CELL * number) for number in range(CELLS)] for pk in pks}
    for pk, reach in _rows(REACH.format(last=most - 1), [list(pks)]):
        cells[pk] = [replace(cell, known=cell.start + CELL > reach) for cell in cells[pk]]
    for pk, number, tries, failed in _rows(
        TRIES.format(most=most), [since, list(pks), since, since]
    ):
        if number < CELLS:  # an attempt may have begun after `now` was taken
            cells[pk][number] = replace(cells[pk][number], tries=tries, failed=failed)
    return {pk: Strip(row) for pk, row in cells.items()}


def window(pk: int, since: dt.datetime) -> Window:
    """Return the statistics since a time, from the endpoint's MANY newest deliveries."""
    return Window(*_rows(WINDOW.format(most=MANY), [pk, since, since, since])[0])


def reach(pk: int) -> dt.datetime | None:
    """Return the time from which an endpoint's deliveries are read. None means all of them."""
    rows = _rows(REACH.format(last=MANY - 1), [[pk]])
    return rows[0][1] if rows else None


def behind(endpoint: WebhookEndpoint, head: int) -> int:
    """Return the number of sealed events that the fan-out has not read for this endpoint."""
    return max(0, head - endpoint.position)


def given_up(pk: int, since: dt.datetime, until: dt.datetime) -> int:
    """Return the number of deliveries given up within a time, counted to MOST + 1."""
    return int(_rows(GIVEN_UP, [pk, since, until])[0][0])


def next_attempts(pk: int, limit: int = 8) -> list[WebhookDelivery]:
    """Return the deliveries with the next attempts, the soonest first."""
    waiting = WebhookDelivery.objects.select_related("endpoint").filter(
        endpoint=pk, status="pending"
    )
    return list(waiting.order_by("retry_at", "id")[:limit])


def wanted_between(
    endpoint: WebhookEndpoint,
    after: int,
    until: int,
    progress: Callable[[int], None] = lambda position: None,
) -> int:
    """Return the number of subscribed events after position `after` to `until`.

    `progress` is called with each position reached.
    """
    count = 0
    while after < until and (
        events := queries.events_after(after, min(BATCH, until - after), personal=False)
    ):
        count += sum(fan_out.wants(endpoint, event) for event in events)
        after = events[-1].position
        progress(after)
    return count


def place_before(moment: dt.datetime) -> int:
    """Return an audit position before all events since a time, at most one seal earlier."""
    last = Seal.objects.order_by("-number").first()
    low, high = (
        0,
        last.number if last else 0,
    )  # seals are numbered without gaps, in the order of their times
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if Seal.objects.get(number=middle).at < moment else (low, middle - 1)
        )
    return Seal.objects.get(number=low).last_position if low else 0


def summary(window: Window) -> str:
    """Return the success rate in words."""
    return (
        "nothing sent"
        if window.success is None
        else f"{window.success:.1f} % of {window.deliveries:,}"
    )


def waiting_text(figures: Figures) -> str:
    return formatting.capped(figures.waiting, MOST)


def _half_hour(now: dt.datetime) -> dt.datetime:
    """Return the start of the present half hour."""
    return now.astimezone(dt.UTC).replace(minute=now.minute // 30 * 30, second=0, microsecond=0)


def _rows(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
