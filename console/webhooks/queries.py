"""Data of the pages of endpoints and deliveries.

Pages of deliveries begin after a row (a keyset), so that their cost does not grow.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db.models import Q, QuerySet

from audits import queries
from common import database_clock, database_errors
from common.parsing import keyset_cursor, parse_keyset_cursor
from common.time import EPOCH
from webhooks.endpoints import statistics
from webhooks.formats import FORMATS
from webhooks.messages import formatting, payloads
from webhooks.messages.payloads import Sources
from webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from webhooks.outbound.retry_policy import max_attempts

log = structlog.get_logger("grps.webhooks")

PAGE = 25
SCANNED = 20_000  # newest deliveries that the filter "delivered" searches
ATTEMPTS_SHOWN = 50  # a delivery has ten attempts, and ten more each time it is sent again
FILTERS = {"": "newest", "pending": "waiting", "exhausted": "given up", "delivered": "delivered"}

DELIVERED = f"""
    SELECT * FROM (
        SELECT * FROM webhook_deliveries WHERE endpoint_id = %s AND id < %s ORDER BY id DESC LIMIT {SCANNED}) d
    WHERE status = 'delivered' ORDER BY id DESC LIMIT {PAGE + 1}"""


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries with their sentences. `older`: cursor of the next page, "" on the last."""

    rows: Sequence[tuple[WebhookDelivery, str]]
    older: str


def overview(endpoint: WebhookEndpoint, now: dt.datetime) -> dict[str, Any]:
    """Return the context of an endpoint's page, without its deliveries."""
    figures = statistics.figures([endpoint.pk], now, statistics.MANY)[endpoint.pk]
    head = queries.head()
    windows = [("24 hours", now - statistics.DAY), ("7 days", now - statistics.WEEK)]
    return {
        "state": formatting.state(endpoint, now),
        "kind": FORMATS[endpoint.kind].title if endpoint.kind in FORMATS else endpoint.kind,
        "address": formatting.address(endpoint),
        "headers": formatting.header_names(endpoint),
        "overlap": secret_overlap(endpoint),
        "figures": figures,
        "waiting": statistics.waiting_text(figures),
        "oldest": formatting.span(now - figures.oldest) if figures.oldest else "",
        "windows": [(name, statistics.window(endpoint.pk, since)) for name, since in windows],
        "reach": statistics.reach(endpoint.pk),
        "head": head,
        "behind": statistics.behind(endpoint, head),
        "last_success": _ago(endpoint.last_success_at, now),
        "last_failure": _ago(endpoint.last_failure_at, now),
        "next_attempts": [
            (row, next_attempt(row, now)) for row in statistics.next_attempts(endpoint.pk)
        ],
        "most_attempts": max_attempts(),
    }


def secret_overlap(endpoint: WebhookEndpoint) -> str:
    """Return how long the previous secret still signs, "" if it does not."""
    until, now = endpoint.previous_until, database_clock.now()
    if until is None or until <= now:
        return ""
    return f"{formatting.span(until - now)}, until {formatting.moment(until)}"


def next_attempt(delivery: WebhookDelivery, now: dt.datetime) -> str:
    """Return the time of the next attempt in words, "" for a finished delivery."""
    if delivery.status != WebhookDelivery.Status.PENDING:
        return ""
    if delivery.endpoint.status != WebhookEndpoint.Status.ACTIVE:
        return "when the endpoint is enabled"
    if delivery.lease and delivery.retry_at > now:
        return "under way"
    paused = delivery.endpoint.paused_until
    return formatting.ahead(max(delivery.retry_at, paused) if paused else delivery.retry_at, now)


def attempts(pk: int) -> list[WebhookAttempt]:
    """Return the newest attempts of a delivery, newest first."""
    return list(WebhookAttempt.objects.filter(delivery=pk).order_by("-id")[:ATTEMPTS_SHOWN])


def page(endpoint: int, status: str, cursor: str) -> DeliveryPage:
    """Return a page of one of FILTERS. An invalid cursor gives the first page.

    Pending deliveries are ordered by their next attempt, exhausted ones by their end, others by id.
    """
    at, pk = parse_keyset_cursor(cursor) or (None, 0)
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


def with_sentences(deliveries: Sequence[WebhookDelivery]) -> list[tuple[WebhookDelivery, str]]:
    """Pair each delivery with the sentence of its event."""
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
        return sources.payload(row.event_id).message
    except Exception as error:
        if database_errors.is_temporary(error):
            raise
        # One event without a sentence must not hide the others.
        log.exception("an event has no sentence", event=row.event_id)
        return f"{row.action} (its text cannot be shown)"


def _ago(at: dt.datetime | None, now: dt.datetime) -> str:
    return f"{formatting.moment(at)}, {formatting.span(now - at)} ago" if at else "never"


def _page(rows: "QuerySet[WebhookDelivery] | Any", at: Any) -> DeliveryPage:
    """Return the page of these rows. `at` returns the time by which a row is ordered."""
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    older = keyset_cursor(at(shown[-1]), shown[-1].pk) if len(found) > PAGE else ""
    return DeliveryPage(with_sentences(shown), older)
