"""Claim due deliveries under a lease, store the attempt, then store its outcome.

`exchange` does this for many deliveries in one transaction: a few commits for a hundred calls.
"""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction

from audits import queries
from audits.actions import Action
from common import database_clock, database_errors, tracing
from webhooks.endpoints import calls, health
from webhooks.endpoints.calls import EndpointLoad, EndpointSnapshot
from webhooks.endpoints.health import CallOutcome
from webhooks.formats.base import AnswerVerdict, AttemptOutcome, Message, Rendered
from webhooks.messages import payloads
from webhooks.messages.payloads import Sources
from webhooks.models import EXCERPT, WebhookAttempt, WebhookDelivery
from webhooks.outbound import locks, retry_policy

PENDING, DELIVERED, EXHAUSTED = map(str, WebhookDelivery.Status)

log = structlog.get_logger("grps.webhooks")

GRACE = 15  # seconds after the longest possible call, when the worker counts as dead
UNRENDERED_DELAY = 3600  # seconds until a message that could not be rendered is tried again
NOT_STORED = b"(not stored: it names an erased person)"
LOST = "The worker ended before the outcome was known."

CLAIM = """
    WITH due AS (
        SELECT d.id, d.lease FROM unnest(%s::bigint[], %s::int[]) AS r(endpoint, free)
        CROSS JOIN LATERAL (
            SELECT id, lease FROM webhook_deliveries
            WHERE endpoint_id = r.endpoint AND status = 'pending' AND retry_at <= now()
            ORDER BY retry_at, id LIMIT r.free FOR UPDATE SKIP LOCKED) d
    )
    UPDATE webhook_deliveries w
    SET retry_at = now() + %s * interval '1 second', lease = %s, attempts = w.attempts + 1
    FROM due WHERE w.id = due.id
    RETURNING w.id, w.message, w.endpoint_id, w.event_id, w.action, w.attempts, w.trigger, w.alone, due.lease <> ''"""

MARK_LOST = """
    UPDATE webhook_attempts SET outcome = 'lost', error = %s
    WHERE delivery_id = ANY(%s::bigint[]) AND outcome = 'running'"""

GIVE_UP = """
    UPDATE webhook_deliveries SET status = 'exhausted', reason = %s, lease = '', finished_at = now()
    WHERE id = ANY(%s::bigint[]) AND attempts > %s RETURNING id"""

# One that is due at once keeps its place before later events.
RELEASE = """
    UPDATE webhook_deliveries
    SET retry_at = CASE WHEN r.delay = 0 THEN created_at ELSE now() + r.delay * interval '1 second' END,
        lease = '', attempts = attempts - 1, reason = %s
    FROM (SELECT %s::int AS delay) r WHERE id = ANY(%s::bigint[])"""

START_ATTEMPTS = """
    INSERT INTO webhook_attempts (delivery_id, call, trigger, request)
    SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::text[])
    RETURNING id, delivery_id"""

END_ATTEMPTS = """
    UPDATE webhook_attempts a
    SET outcome = f.outcome, status_code = f.code, milliseconds = f.ms, error = f.error, response = f.response
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[])
         AS f(id, outcome, code, ms, error, response)
    WHERE a.id = f.id"""

STORE_RESULTS = """
    UPDATE webhook_deliveries d
    SET status = f.status, attempts = f.attempts, status_code = f.code, reason = f.reason, alone = f.alone, lease = '',
        retry_at = now() + f.delay * interval '1 second',
        finished_at = CASE WHEN f.status = 'pending' THEN NULL ELSE now() END
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[], %s::bool[], %s::float[])
         AS f(id, status, attempts, code, reason, alone, delay)
    WHERE d.id = f.id AND d.lease = %s
    RETURNING d.id"""


@dataclass(slots=True)
class ClaimedDelivery:
    """A delivery leased by this worker. `attempts` includes the present one."""

    id: int
    message: uuid.UUID
    endpoint_id: int
    event_id: int | None
    action: str
    attempts: int
    trigger: str
    alone: bool
    attempt_id: int = 0

    @property
    def webhook_id(self) -> str:
        return f"msg_{self.message.hex}"

    @property
    def names_erased(self) -> bool:
        """Whether the message may hold the Roblox id of an erased person, which is not stored."""
        return self.action == Action.PLAYER_ERASED


@dataclass(slots=True)
class DeliveryCall:
    """One request to make, with its deliveries.

    `headers` has those of the message and the ids of the request that caused the last event, and
    not those of the endpoint, which may be secret.
    """

    endpoint: EndpointSnapshot
    deliveries: Sequence[ClaimedDelivery]
    rendered: Rendered
    headers: Mapping[str, str]
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def request_id(self) -> str:
        return self.headers.get("X-Request-ID", "")


@dataclass(slots=True)
class FinishedCall:
    """A request that was made, with its answer."""

    call: DeliveryCall
    verdict: AnswerVerdict
    status: int | None
    milliseconds: int
    response: bytes


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The state of a delivery after a call.

    `alone`: not folded with others. `delay`: seconds to the next attempt.
    """

    status: str
    attempts: int
    alone: bool
    delay: float = 0.0


def exchange(
    worker: str, finished: Sequence[FinishedCall], load: EndpointLoad
) -> list[DeliveryCall]:
    """Store finished calls, claim due deliveries up to the free capacity, return the new calls.

    The calls must be made after the commit. Deliveries that another worker has taken over are not
    changed.
    """
    now = database_clock.now()
    with transaction.atomic():
        locks.shared_lock()
        store_results(worker, finished)
        snapshots = {snapshot.id: snapshot for snapshot in calls.callable_endpoints(load, now)}
        return _prepare(_claim(worker, snapshots), snapshots, now)


def store_results(worker: str, finished: Sequence[FinishedCall]) -> None:
    """Store the results of these calls in their attempts, deliveries and endpoints."""
    if not finished:
        return
    results = [(call, delivery) for call in finished for delivery in call.call.deliveries]
    with connection.cursor() as cursor:
        cursor.execute(END_ATTEMPTS, _columns(map(_attempt_row, results)))
        # Sorted by id, so that two workers cannot deadlock.
        rows = sorted(_delivery_row(call, delivery) for call, delivery in results)
        cursor.execute(STORE_RESULTS, [*_columns(rows), worker])
    health.record_results(
        [
            CallOutcome(
                one.call.endpoint.id,
                one.verdict,
                max(each.attempts for each in one.call.deliveries),
                _refused_delivery(one),
            )
            for one in finished
        ]
    )


def _refused_delivery(finished: FinishedCall) -> int | None:
    """Return the id of the event's delivery that this call gave up as refused, if any."""
    deliveries = finished.call.deliveries
    if finished.verdict.outcome is not AttemptOutcome.REFUSED or len(deliveries) > 1:
        return None
    return deliveries[0].id if deliveries[0].event_id is not None else None


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the columns of one or more rows as arrays for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]


def _attempt_row(result: tuple[FinishedCall, ClaimedDelivery]) -> tuple[Any, ...]:
    finished, delivery = result
    verdict = finished.verdict
    return (
        delivery.attempt_id,
        _outcome(verdict),
        finished.status,
        finished.milliseconds,
        verdict.reason,
        "" if delivery.names_erased else _text(finished.response),
    )


def _delivery_row(finished: FinishedCall, delivery: ClaimedDelivery) -> tuple[Any, ...]:
    state = _next_state(finished, delivery)
    return (
        delivery.id,
        state.status,
        state.attempts,
        finished.status,
        finished.verdict.reason,
        state.alone,
        state.delay,
    )


def _next_state(finished: FinishedCall, delivery: ClaimedDelivery) -> DeliveryState:
    outcome, wait = finished.verdict.outcome, finished.verdict.wait
    state = DeliveryState(PENDING, delivery.attempts, delivery.alone)
    if outcome is AttemptOutcome.SUCCEEDED:
        return replace(state, status=DELIVERED)
    if outcome is AttemptOutcome.DEFERRED:
        delay = min(wait, retry_policy.LONGEST_WAIT)
        return replace(state, attempts=delivery.attempts - 1, delay=delay)
    if outcome is AttemptOutcome.GONE:
        return state  # the endpoint is disabled, and the delivery waits until it is enabled again
    if outcome is AttemptOutcome.REFUSED and len(finished.call.deliveries) > 1:
        # One of several messages caused the refusal, so each is sent alone next time.
        return replace(state, attempts=delivery.attempts - 1, alone=True)
    pause = (
        None if outcome is AttemptOutcome.REFUSED else retry_policy.delay(delivery.attempts, wait)
    )
    return replace(state, status=EXHAUSTED) if pause is None else replace(state, delay=pause)


def _outcome(verdict: AnswerVerdict) -> str:
    outcomes = WebhookAttempt.Outcome
    known = {
        AttemptOutcome.SUCCEEDED: outcomes.SUCCEEDED,
        AttemptOutcome.DEFERRED: outcomes.DEFERRED,
    }
    return str(known.get(verdict.outcome, outcomes.FAILED))


def lease() -> float:
    """Return the seconds for which a worker may hold a delivery."""
    return float(settings.INTEGRATIONS.webhooks.timeout_seconds) + GRACE


def _claim(worker: str, snapshots: Mapping[int, EndpointSnapshot]) -> list[ClaimedDelivery]:
    if not snapshots:
        return []
    wanted = {pk: snapshot.allowance * snapshot.kind.fold for pk, snapshot in snapshots.items()}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(wanted), list(wanted.values()), lease(), worker])
        rows = cursor.fetchall()
        abandoned = [row[0] for row in rows if row[8]]
        if abandoned:
            cursor.execute(MARK_LOST, [LOST, abandoned])
            # A delivery that kills workers is given up after the last attempt.
            cursor.execute(GIVE_UP, [LOST, abandoned, retry_policy.max_attempts()])
            given_up = {row[0] for row in cursor.fetchall()}
            rows = [row for row in rows if row[0] not in given_up]
    return [ClaimedDelivery(*row[:8]) for row in sorted(rows)]


def _prepare(
    claimed: Sequence[ClaimedDelivery], snapshots: Mapping[int, EndpointSnapshot], now: dt.datetime
) -> list[DeliveryCall]:
    ids = sorted({one.event_id for one in claimed if one.event_id is not None})
    sources = Sources(queries.events_by_id(ids).values())
    prepared: list[DeliveryCall] = []
    left = {pk: snapshot.allowance for pk, snapshot in snapshots.items()}
    for snapshot, group in _groups(claimed, snapshots):
        if not left[snapshot.id]:
            _release(group, "", 0)
        elif rendered := _render(snapshot, group, sources, now):
            event = group[-1].event_id
            cause = {} if event is None else tracing.headers(sources.request_id(event))
            prepared.append(DeliveryCall(snapshot, group, rendered, {**rendered.headers, **cause}))
            left[snapshot.id] -= 1
    calls.spend(calls_of(prepared), now)
    _log_attempts(prepared)
    return prepared


def _render(
    snapshot: EndpointSnapshot, group: Sequence[ClaimedDelivery], sources: Sources, now: dt.datetime
) -> Rendered | None:
    """Render one call. If that fails, release its deliveries, so that others are not delayed."""
    try:
        return snapshot.kind.render(_message(snapshot, group, sources, now))
    except Exception as error:
        if database_errors.is_temporary(error):
            raise
        log.exception(
            "a message cannot be rendered",
            endpoint=snapshot.name,
            deliveries=[one.id for one in group],
        )
        _release(group, f"It cannot be rendered: {error!r}.", UNRENDERED_DELAY)
        return None


def calls_of(calls: Iterable[DeliveryCall]) -> dict[int, int]:
    """Return the number of calls by endpoint id."""
    return Counter(call.endpoint.id for call in calls)


def _release(group: Sequence[ClaimedDelivery], reason: str, seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, [reason, seconds, [one.id for one in group]])


def _groups(
    claimed: Iterable[ClaimedDelivery], snapshots: Mapping[int, EndpointSnapshot]
) -> Iterable[tuple[EndpointSnapshot, Sequence[ClaimedDelivery]]]:
    """Group deliveries by call: as many as the kind folds, or a single one that must be sent alone."""
    by_endpoint: dict[int, list[ClaimedDelivery]] = defaultdict(list)
    for one in claimed:
        by_endpoint[one.endpoint_id].append(one)
    for endpoint, deliveries in by_endpoint.items():
        snapshot = snapshots[endpoint]
        together = [one for one in deliveries if not one.alone]
        yield from ((snapshot, [one]) for one in deliveries if one.alone)
        for start in range(0, len(together), snapshot.kind.fold):
            yield snapshot, together[start : start + snapshot.kind.fold]


def _message(
    snapshot: EndpointSnapshot, group: Sequence[ClaimedDelivery], sources: Sources, now: dt.datetime
) -> Message:
    carried = [
        payloads.example(one.action, now) if one.event_id is None else sources.payload(one.event_id)
        for one in group
    ]
    return Message(group[0].webhook_id, now, carried, snapshot.secrets(now))


def _log_attempts(calls: Sequence[DeliveryCall]) -> None:
    """Store an attempt for each delivery before its call is made."""
    rows = [(delivery, call) for call in calls for delivery in call.deliveries]
    if not rows:
        return
    values = [(each.id, call.id, each.trigger, _request(call)) for each, call in rows]
    with connection.cursor() as cursor:
        cursor.execute(START_ATTEMPTS, _columns(values))
        attempts = {delivery: attempt for attempt, delivery in cursor.fetchall()}
    for delivery, _ in rows:
        delivery.attempt_id = attempts[delivery.id]


def _request(call: DeliveryCall) -> str:
    """Return the request for storage, without the endpoint's own headers, which may be secret."""
    head = "".join(f"{name}: {value}\n" for name, value in call.headers.items())
    secret = any(one.names_erased for one in call.deliveries)
    return _text(f"POST\n{head}\n".encode() + (NOT_STORED if secret else call.rendered.body))


def _text(body: bytes) -> str:
    return body[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
