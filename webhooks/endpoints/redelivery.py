"""Send events again: examples, one delivery, failed deliveries, or a part of the audit log."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection, transaction

from audits import queries
from audits.actions import Action
from audits.record import Actor
from common.errors import Refused
from webhooks.endpoints import health
from webhooks.endpoints.services import locked
from webhooks.formats.base import BadEndpoint
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outbound import fan_out

REPLAY_BATCH = 1000  # events in one transaction

AGAIN = """
    UPDATE webhook_deliveries
    SET status = 'pending', attempts = 0, retry_at = now(), trigger = %s, lease = '', finished_at = NULL, reason = ''
    WHERE id IN (SELECT id FROM webhook_deliveries WHERE endpoint_id = %s AND {which} FOR UPDATE SKIP LOCKED)"""


def send_examples(pk: int, actions: Iterable[str]) -> list[WebhookDelivery]:
    """Send an invented event for each of these actions.

    Raises Refused for a disabled endpoint, BadEndpoint for an unknown action.
    """
    with transaction.atomic():
        endpoint = locked(pk)
        if endpoint.status != WebhookEndpoint.Status.ACTIVE:
            raise Refused("It is disabled; enable it first.")
        for action in actions:
            if action not in Action:
                raise BadEndpoint(f"action: there is no {action!r}; docs/webhooks.md lists them.")
        examples = [
            WebhookDelivery(endpoint=endpoint, action=str(action), trigger="example")
            for action in actions
        ]
        return WebhookDelivery.objects.bulk_create(examples)


def resend(delivery_id: int, *, actor: Actor) -> WebhookDelivery:
    """Send one delivery again with the same webhook-id. Raises Refused while it is being sent."""
    with transaction.atomic():
        delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
        if not _again(delivery.endpoint_id, "resend", "id = %s AND lease = ''", [delivery_id]):
            raise Refused("It is under way at this moment.")
        health.record_event(
            Action.DELIVERY_RESENT, delivery.endpoint, actor=actor, count=1, delivery=delivery_id
        )
    delivery.refresh_from_db()
    return delivery


def recover(pk: int, since: dt.datetime, until: dt.datetime | None = None, *, actor: Actor) -> int:
    """Send again what was given up from `since` to before `until`. Return the number of deliveries."""
    which = "status = 'exhausted' AND finished_at >= %s AND finished_at < coalesce(%s::timestamptz, 'infinity')"
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.get(pk=pk)
        count = _again(pk, "recover", which, [since, until])
        if count:
            health.record_event(
                Action.DELIVERY_RESENT, endpoint, actor=actor, count=count, since=since.isoformat()
            )
    return count


def replay(
    pk: int,
    after: int,
    until: int,
    *,
    actor: Actor,
    progress: Callable[[int], None] = lambda position: None,
) -> int:
    """Send the subscribed events after position `after` to `until` again. Return their number.

    Events that were sent before keep their webhook-id. REPLAY_BATCH events are one transaction, so
    an interrupted replay can be run again. `progress` is called with each position reached.
    """
    endpoint = WebhookEndpoint.objects.get(pk=pk)
    until = min(until, queries.head())
    count = 0
    position = after
    while position < until and (
        events := queries.events_after(position, min(REPLAY_BATCH, until - position))
    ):
        with transaction.atomic():
            wanted = [event.id for event in events if fan_out.wants(endpoint, event)]
            count += _again(
                pk,
                "replay",
                "lease = '' AND status <> 'pending' AND event_id = ANY(%s::bigint[])",
                [wanted],
            )
            count += fan_out.deliver(endpoint, events, "replay")
        position = events[-1].position
        progress(position)
    if count:
        with transaction.atomic():
            health.record_event(
                Action.DELIVERY_RESENT, endpoint, actor=actor, count=count, after=after, until=until
            )
    return count


def _again(pk: int, trigger: str, which: str, arguments: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(AGAIN.format(which=which), [trigger, pk, *arguments])
        return int(cursor.rowcount)
