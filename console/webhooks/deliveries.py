"""An endpoint's deliveries a page at a time, each with what it tells. Pages begin behind a row,
never after so many.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Q, QuerySet

from audits import queries
from webhooks.messages import payloads
from webhooks.messages.payloads import Sources
from webhooks.models import WebhookDelivery

log = structlog.get_logger("grps.webhooks")

PAGE = 25
SCANNED = 20_000  # newest deliveries among which the delivered ones are looked for
FILTERS = {"": "newest", "pending": "waiting", "exhausted": "given up", "delivered": "delivered"}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
CURSOR = re.compile(r"([0-9]{1,16})\.([0-9]{1,18})")

DELIVERED = f"""
    SELECT * FROM (
        SELECT * FROM webhook_deliveries WHERE endpoint_id = %s AND id < %s ORDER BY id DESC LIMIT {SCANNED}) d
    WHERE status = 'delivered' ORDER BY id DESC LIMIT {PAGE + 1}"""


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries with their sentences; `older` is where the next page begins, empty on the last."""

    rows: Sequence[tuple[WebhookDelivery, str]]
    older: str


def page(endpoint: int, status: str, cursor: str) -> Page:
    """A page of one of FILTERS: newest first; what waits by its next try; what was given up by when
    it was.

    A cursor that makes no sense is the first page's.
    """
    at, pk = _place(cursor)
    own = WebhookDelivery.objects.filter(endpoint=endpoint)
    if status == "pending":
        rows = own.filter(status=status, retry_at__gte=at or EPOCH).order_by("retry_at", "id")
        return _page(
            rows.filter(Q(retry_at__gt=at or EPOCH) | Q(pk__gt=pk)), lambda row: row.retry_at
        )
    if status == "exhausted":
        rows = own.filter(status=status).order_by("-finished_at", "-id")
        if at is not None:
            rows = rows.filter(Q(finished_at__lt=at) | Q(pk__lt=pk), finished_at__lte=at)
        return _page(rows, lambda row: row.finished_at or row.created_at)
    before = pk or 2**62
    if status == "delivered":
        return _page(
            WebhookDelivery.objects.raw(DELIVERED, [endpoint, before]), lambda row: row.created_at
        )
    return _page(own.filter(pk__lt=before).order_by("-id"), lambda row: row.created_at)


def told(deliveries: Sequence[WebhookDelivery]) -> list[tuple[WebhookDelivery, str]]:
    """Each with the sentence of its event."""
    sources = Sources(
        queries.events_by_id(
            {row.event_id for row in deliveries if row.event_id is not None}
        ).values()
    )
    return [(row, _sentence(row, sources)) for row in deliveries]


def _sentence(row: WebhookDelivery, sources: Sources) -> str:
    if row.event_id is None:
        return payloads.example(row.action, row.created_at).message
    try:
        return sources.happening(row.event_id).message
    except Exception:
        # One event that nobody can put into words must not hide the others.
        log.exception("an event cannot be told", event=row.event_id)
        return f"{row.action} (it cannot be put into words)"


def _page(rows: "QuerySet[WebhookDelivery] | Any", at: Any) -> Page:
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    older = f"{(at(shown[-1]) - EPOCH) // MICROSECOND}.{shown[-1].pk}" if len(found) > PAGE else ""
    return Page(told(shown), older)


def _place(cursor: str) -> tuple[dt.datetime | None, int]:
    """The time and the id that a cursor stands for; nothing and 0 for one that makes no sense."""
    found = CURSOR.fullmatch(cursor)
    return (EPOCH + int(found[1]) * MICROSECOND, int(found[2])) if found else (None, 0)
