"""The rows of deliveries: taken up with a lease and a try written down, and put down with what came
of it.

`turn` does both for many at once in one transaction, so that a busy worker commits a few times for
a hundred calls.
"""

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audits import queries
from webhooks.endpoints import health
from webhooks.endpoints.health import Load, Result, Standing
from webhooks.formats.base import Letter, Outcome, Rendered, Verdict
from webhooks.messages import payloads
from webhooks.messages.payloads import Sources
from webhooks.models import EXCERPT, WebhookAttempt, WebhookDelivery
from webhooks.outbound import locks, retry_policy

log = structlog.get_logger("grps.webhooks")

GRACE = (
    15  # seconds beyond the longest call, after which a delivery comes free: its worker was killed
)
SPOILED = 3600  # seconds until a message that could not be written is tried again
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

PUT_BACK = """
    UPDATE webhook_deliveries
    SET retry_at = now() + %s * interval '1 second', lease = '', attempts = attempts - 1, reason = %s
    WHERE id = ANY(%s::bigint[])"""

BEGIN = """
    INSERT INTO webhook_attempts (delivery_id, call, trigger, request)
    SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::text[], %s::text[])
    RETURNING id, delivery_id"""

END_TRIES = """
    UPDATE webhook_attempts a
    SET outcome = f.outcome, status_code = f.code, milliseconds = f.ms, error = f.error, response = f.response
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[], %s::text[])
         AS f(id, outcome, code, ms, error, response)
    WHERE a.id = f.id"""

PUT_DOWN = """
    UPDATE webhook_deliveries d
    SET status = f.status, attempts = f.attempts, status_code = f.code, reason = f.reason, alone = f.alone, lease = '',
        retry_at = now() + f.delay * interval '1 second',
        finished_at = CASE WHEN f.status = 'pending' THEN NULL ELSE now() END
    FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[], %s::bool[], %s::float[])
         AS f(id, status, attempts, code, reason, alone, delay)
    WHERE d.id = f.id AND d.lease = %s
    RETURNING d.id"""


@dataclass(slots=True)
class Taken:
    """A delivery in the hands of this worker. `attempts` counts the present try."""

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


@dataclass(slots=True)
class Call:
    """One request to be made: the deliveries that it carries, and to whom."""

    endpoint: Standing
    taken: Sequence[Taken]
    rendered: Rendered
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(slots=True)
class Done:
    """A request that was made, and what came of it."""

    call: Call
    verdict: Verdict
    status: int | None
    milliseconds: int
    response: bytes


def turn(worker: str, done: Sequence[Done], load: Load) -> list[Call]:
    """Put down what was `done`, and take up what is due and finds room beside the present `load`;
    the new calls.

    One transaction; once it has committed, the calls must be made. What another worker took over
    stays as it is.
    """
    now = timezone.now()
    with transaction.atomic():
        locks.beside_others()
        put_down(worker, done)
        standings = {standing.id: standing for standing in health.open_to(load, now)}
        return _begin(_take(worker, standings), standings, now)


def put_down(worker: str, done: Sequence[Done]) -> None:
    """Write what came of these calls, and what it means for their endpoints."""
    if not done:
        return
    tries = [(one, taken) for one in done for taken in one.call.taken]
    fates = {taken.id: _fate(one, taken) for one, taken in tries}
    with connection.cursor() as cursor:
        cursor.execute(
            END_TRIES,
            [
                [taken.attempt_id for _, taken in tries],
                [_outcome(one.verdict) for one, _ in tries],
                [one.status for one, _ in tries],
                [one.milliseconds for one, _ in tries],
                [one.verdict.reason for one, _ in tries],
                [_text(one.response) for one, _ in tries],
            ],
        )
        rows = sorted(
            (taken.id, *fates[taken.id], one.status, one.verdict.reason) for one, taken in tries
        )
        cursor.execute(
            PUT_DOWN,
            [
                [row[0] for row in rows],
                [row[1] for row in rows],
                [row[2] for row in rows],
                [row[5] for row in rows],
                [row[6] for row in rows],
                [row[3] for row in rows],
                [row[4] for row in rows],
                worker,
            ],
        )
    health.note(
        [
            Result(one.call.endpoint.id, one.verdict, max(t.attempts for t in one.call.taken))
            for one in done
        ]
    )


def _fate(one: Done, taken: Taken) -> tuple[str, int, bool, float]:
    """Status, counted tries, whether it goes alone from now on, and seconds until the next try."""
    pending, outcome = str(WebhookDelivery.Status.PENDING), one.verdict.outcome
    if outcome is Outcome.SUCCEEDED:
        return str(WebhookDelivery.Status.DELIVERED), taken.attempts, taken.alone, 0.0
    if outcome is Outcome.DEFERRED:
        return (
            pending,
            taken.attempts - 1,
            taken.alone,
            min(one.verdict.wait, retry_policy.LONGEST_WAIT),
        )
    if outcome is Outcome.GONE:
        return (
            pending,
            taken.attempts,
            taken.alone,
            0.0,
        )  # the endpoint is disabled; it waits for the next enabling
    if outcome is Outcome.REFUSED:
        if len(one.call.taken) > 1:  # one of them is at fault: each on its own next time
            return pending, taken.attempts - 1, True, 0.0
        return str(WebhookDelivery.Status.EXHAUSTED), taken.attempts, taken.alone, 0.0
    pause = retry_policy.delay(taken.attempts, one.verdict.wait)
    if pause is None:
        return str(WebhookDelivery.Status.EXHAUSTED), taken.attempts, taken.alone, 0.0
    return pending, taken.attempts, taken.alone, pause


def _outcome(verdict: Verdict) -> str:
    outcomes = WebhookAttempt.Outcome
    known = {Outcome.SUCCEEDED: outcomes.SUCCEEDED, Outcome.DEFERRED: outcomes.DEFERRED}
    return str(known.get(verdict.outcome, outcomes.FAILED))


def lease() -> float:
    """Seconds that a worker holds a delivery."""
    return float(settings.INTEGRATIONS.webhooks.timeout_seconds) + GRACE


def _take(worker: str, standings: Mapping[int, Standing]) -> list[Taken]:
    if not standings:
        return []
    wanted = {pk: standing.allowance * standing.kind.fold for pk, standing in standings.items()}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [list(wanted), list(wanted.values()), lease(), worker])
        rows = cursor.fetchall()
        held_before = [row[0] for row in rows if row[8]]
        if held_before:
            cursor.execute(MARK_LOST, [LOST, held_before])
            # Whatever ends workers must not do so for ever.
            cursor.execute(GIVE_UP, [LOST, held_before, retry_policy.tries()])
            given_up = {row[0] for row in cursor.fetchall()}
            rows = [row for row in rows if row[0] not in given_up]
    return [Taken(*row[:8]) for row in sorted(rows)]


def _begin(
    taken: Sequence[Taken], standings: Mapping[int, Standing], now: dt.datetime
) -> list[Call]:
    ids = sorted({one.event_id for one in taken if one.event_id is not None})
    sources = Sources(queries.events_by_id(ids).values())
    calls: list[Call] = []
    left = {pk: standing.allowance for pk, standing in standings.items()}
    for standing, group in _groups(taken, standings):
        if not left[standing.id]:
            _put_back(group, "", 0)
            continue
        try:
            rendered = standing.kind.render(_letter(standing, group, sources, now))
        except Exception as error:
            # One message that nobody can write must not hold up the others: pushed forward, and
            # said aloud.
            log.exception(
                "a message cannot be written",
                endpoint=standing.name,
                deliveries=[one.id for one in group],
            )
            _put_back(group, f"It cannot be written: {error!r}.", SPOILED)
            continue
        calls.append(Call(standing, group, rendered))
        left[standing.id] -= 1
    health.spend(calls_of(calls), now)
    _write_tries(calls)
    return calls


def calls_of(calls: Iterable[Call]) -> dict[int, int]:
    """How many of these calls go to each endpoint."""
    return Counter(call.endpoint.id for call in calls)


def _put_back(group: Sequence[Taken], reason: str, seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(PUT_BACK, [seconds, reason, [one.id for one in group]])


def _groups(
    taken: Iterable[Taken], standings: Mapping[int, Standing]
) -> Iterable[tuple[Standing, Sequence[Taken]]]:
    """What goes in one call: as many of an endpoint's as its kind folds, what was refused in
    company alone.
    """
    by_endpoint: dict[int, list[Taken]] = defaultdict(list)
    for one in taken:
        by_endpoint[one.endpoint_id].append(one)
    for endpoint, deliveries in by_endpoint.items():
        standing = standings[endpoint]
        together = [one for one in deliveries if not one.alone]
        yield from ((standing, [one]) for one in deliveries if one.alone)
        for start in range(0, len(together), standing.kind.fold):
            yield standing, together[start : start + standing.kind.fold]


def _letter(
    standing: Standing, group: Sequence[Taken], sources: Sources, now: dt.datetime
) -> Letter:
    told = [
        payloads.example(one.action, now)
        if one.event_id is None
        else sources.happening(one.event_id)
        for one in group
    ]
    return Letter(group[0].webhook_id, now, told, standing.secrets(now))


def _write_tries(calls: Sequence[Call]) -> None:
    rows = [(taken, call) for call in calls for taken in call.taken]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            BEGIN,
            [
                [taken.id for taken, _ in rows],
                [call.id for _, call in rows],
                [taken.trigger for taken, _ in rows],
                [_request(call) for _, call in rows],
            ],
        )
        attempts = {delivery: attempt for attempt, delivery in cursor.fetchall()}
    for taken, _ in rows:
        taken.attempt_id = attempts[taken.id]


def _request(call: Call) -> str:
    """The request as it is kept: our own headers and the body; the endpoint's own headers may be
    secret.
    """
    head = "".join(f"{name}: {value}\n" for name, value in call.rendered.headers.items())
    return _text(f"POST\n{head}\n".encode() + call.rendered.body)


def _text(body: bytes) -> str:
    return body[:EXCERPT].decode("utf-8", "replace").replace("\0", "\ufffd")
