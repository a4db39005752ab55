"""Create deliveries from the audit chain: one for each active endpoint and subscribed event.

Events are read by position, so a late commit is not skipped. Deliveries and the endpoint's new
position are written in one transaction. A constraint allows each event once for an endpoint.
"""

from collections.abc import Sequence

from django.db import connection, transaction

from audits import queries
from audits.actions import Action
from audits.queries import PlacedEvent
from common import advisory_lock
from webhooks.models import WebhookEndpoint
from webhooks.outbound import subscriptions

LOCK = 4_710_050  # advisory lock: one fan-out at a time
LIMIT = 1000  # events in one step
OPERATIONAL = frozenset(
    {
        Action.DELIVERY_FAILING,
        Action.DELIVERY_RECOVERED,
        Action.DELIVERY_EXHAUSTED,
        Action.ENDPOINT_DISABLED,
        Action.ENDPOINT_ENABLED,
    }
)

INSERT = """
    INSERT INTO webhook_deliveries (endpoint_id, trigger, event_id, action)
    SELECT %s, %s, * FROM unnest(%s::bigint[], %s::text[])
    ON CONFLICT (endpoint_id, event_id) DO NOTHING"""


def step(limit: int = LIMIT) -> int:
    """Create deliveries for up to `limit` events for each active endpoint. Return the events read.

    0 means that nothing is waiting, or that another process is running. Endpoints at the same
    position share the reading. An endpoint that is far behind does not delay the others.
    """
    with transaction.atomic():
        if not advisory_lock.try_lock(LOCK):
            return 0
        behind = WebhookEndpoint.objects.active().filter(position__lt=queries.head())
        groups: dict[int, list[WebhookEndpoint]] = {}
        for endpoint in behind.select_for_update(no_key=True).order_by("pk"):
            groups.setdefault(endpoint.position, []).append(endpoint)
        return sum(
            _serve(groups[position], position, limit) for position in sorted(groups, reverse=True)
        )


def run() -> int:
    """Repeat `step` until nothing is waiting. Return the number of events read."""
    looked = 0
    while seen := step():
        looked += seen
    return looked


def wants(endpoint: WebhookEndpoint, event: PlacedEvent) -> bool:
    """Return whether the endpoint gets this event.

    Events about its own failures are left out, and the many events of an import: its last event
    sums them up.
    """
    if event.is_part:
        return False
    about_itself = event.target_kind == "endpoint" and event.target_id == str(endpoint.pk)
    if about_itself and event.action in OPERATIONAL:
        return False
    if endpoint.experiences and event.experience not in endpoint.experiences:
        return False
    return subscriptions.match(endpoint.events, event.action)


def deliver(
    endpoint: WebhookEndpoint, events: Sequence[PlacedEvent], trigger: str = "event"
) -> int:
    """Create the missing deliveries of subscribed events. Return their number."""
    wanted = [event for event in events if wants(endpoint, event)]
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                endpoint.pk,
                trigger,
                [event.id for event in wanted],
                [event.action for event in wanted],
            ],
        )
        return int(cursor.rowcount)


def _serve(group: Sequence[WebhookEndpoint], position: int, limit: int) -> int:
    events = queries.events_after(position, limit)
    if not events:
        return 0
    for endpoint in group:
        deliver(endpoint, events)
    ids = [endpoint.pk for endpoint in group]
    WebhookEndpoint.objects.filter(pk__in=ids).update(position=events[-1].position)
    return len(events)
