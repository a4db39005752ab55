"""Track endpoint health: availability, failures, notifications.

An endpoint that fails without any success is disabled after some days, with warnings before. One
that answers that it is gone is disabled at once, and one that refuses many different events in a
row after these. Its deliveries wait until it is enabled again.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from webhooks.formats.base import AnswerVerdict, AttemptOutcome
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.outbound import retry_policy

WEBHOOKS = Actor("system", "webhooks", "webhooks")
FAILING_ATTEMPT = 4  # number of the attempt of one delivery whose failure is reported
FAILING_REFUSALS = 5  # different events, refused one after another, that make it failing
DISABLING_REFUSALS = 20  # different events, refused one after another, that disable it
REPORT_INTERVAL = dt.timedelta(hours=1)  # between two reports about one endpoint
FRESH = dt.timedelta(seconds=5)  # a further success within this time is not stored


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The verdict on one call.

    `attempts`: the highest attempt number among its deliveries. `refused`: the delivery that was
    given up because the receiver refuses it.
    """

    endpoint_id: int
    verdict: AnswerVerdict
    attempts: int
    refused: int | None = None


def record_results(results: Sequence[CallOutcome]) -> None:
    """Update endpoints by the results of their calls, and write audit events for staff."""
    now = database_clock.now()
    by_endpoint: dict[int, list[CallOutcome]] = {}
    for result in results:
        by_endpoint.setdefault(result.endpoint_id, []).append(result)
    fine = [
        pk for pk, own in by_endpoint.items() if all(_is_plain_success(result) for result in own)
    ]
    unchanged = Q(
        pk__in=fine,
        failing_since=None,
        failing_told_at=None,
        refused=[],
        last_success_at__gt=now - FRESH,
    )
    endpoints = WebhookEndpoint.objects.filter(pk__in=list(by_endpoint)).exclude(unchanged)
    for endpoint in endpoints.select_for_update(no_key=True).order_by("pk"):
        _record_results_of(endpoint, by_endpoint[endpoint.pk], now)


def disable(endpoint: WebhookEndpoint, reason: str, *, actor: Actor, now: dt.datetime) -> bool:
    """Disable an endpoint; its deliveries wait. Returns False if it was disabled already."""
    changed = (
        WebhookEndpoint.objects.active()
        .filter(pk=endpoint.pk)
        .update(status=WebhookEndpoint.Status.DISABLED, reason=reason, status_at=now)
    )
    if changed:
        record_event(Action.ENDPOINT_DISABLED, endpoint, actor=actor, reason=reason)
    return bool(changed)


def record_event(
    action: Action,
    endpoint: WebhookEndpoint,
    *,
    actor: Actor = WEBHOOKS,
    reason: str = "",
    **details: Any,
) -> int:
    """Write an audit event about an endpoint, and return its id."""
    return record(
        action,
        actor=actor,
        # The name of an endpoint may be personal data.
        target=Target("endpoint", str(endpoint.pk), endpoint.name, f"endpoint:{endpoint.pk}"),
        reason=reason,
        details={"kind": endpoint.kind, **details},
    )


def sweep(now: dt.datetime) -> int:
    """Report and disable failing endpoints, and delete old secrets. Return the number changed."""
    troubled = Q(failing_since__isnull=False) | Q(previous_until__lte=now)
    given_up = WebhookDelivery.objects.filter(
        endpoint=OuterRef("pk"), status="exhausted", finished_at__gt=now - kept_for()
    )
    looked = WebhookEndpoint.objects.filter(troubled | Exists(given_up)).values_list(
        "pk", flat=True
    )
    return sum(_sweep(pk, now) for pk in looked.order_by("pk"))


def kept_for() -> dt.timedelta:
    """Return how long finished deliveries are kept."""
    return dt.timedelta(days=settings.INTEGRATIONS.webhooks.keep_days)


def _sweep(pk: int, now: dt.datetime) -> int:
    with transaction.atomic():
        endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if endpoint is None:
            return 0
        return int(
            any(
                [
                    _report_given_up(endpoint, now),
                    _judge_failing(endpoint, now),
                    _forget_secret(endpoint, now),
                ]
            )
        )


def _report_given_up(endpoint: WebhookEndpoint, now: dt.datetime) -> bool:
    told = endpoint.exhausted_told_at
    if told is not None and now - told < REPORT_INTERVAL:
        return False
    since = told or endpoint.created_at
    rows = WebhookDelivery.objects.filter(
        endpoint=endpoint, status="exhausted", finished_at__gt=since, finished_at__lte=now
    )
    last = rows.order_by("-finished_at").first()
    if last is None:
        return False
    record_event(
        Action.DELIVERY_EXHAUSTED,
        endpoint,
        reason=last.reason,
        count=rows.count(),
        since=since.isoformat(),
    )
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(exhausted_told_at=now)
    return True


def _judge_failing(endpoint: WebhookEndpoint, now: dt.datetime) -> bool:
    since, last = endpoint.failing_since, endpoint.last_failure_at
    if since is None or last is None or endpoint.status != WebhookEndpoint.Status.ACTIVE:
        return False
    rules = settings.INTEGRATIONS.webhooks
    if last - since >= dt.timedelta(hours=rules.disable_after_hours):
        reason = f"Nothing but failures for {rules.disable_after_hours} hours. {endpoint.reason}"
        return disable(endpoint, reason.strip(), actor=WEBHOOKS, now=now)
    due = sum(last - since >= dt.timedelta(hours=hours) for hours in rules.warn_after_hours)
    if due <= endpoint.warnings:
        return False
    disables_at = since + dt.timedelta(hours=rules.disable_after_hours)
    record_event(
        Action.DELIVERY_FAILING,
        endpoint,
        since=since.isoformat(),
        disablesAt=disables_at.isoformat(),
    )
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(warnings=due, failing_told_at=now)
    return True


def _forget_secret(endpoint: WebhookEndpoint, now: dt.datetime) -> bool:
    """Delete the previous secret after the overlap, since only a thief could use it."""
    if endpoint.previous_until is None or endpoint.previous_until > now:
        return False
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
        previous_secret_sealed="", previous_until=None
    )
    return True


def _is_plain_success(result: CallOutcome) -> bool:
    verdict = result.verdict
    return (
        verdict.outcome is AttemptOutcome.SUCCEEDED
        and not verdict.pause
        and result.attempts <= FAILING_ATTEMPT
    )


def _record_results_of(
    endpoint: WebhookEndpoint, results: Iterable[CallOutcome], now: dt.datetime
) -> None:
    results = list(results)
    outcomes = {result.verdict.outcome for result in results}
    changes = _pause(endpoint, results, now)
    if AttemptOutcome.SUCCEEDED in outcomes:
        changes |= _succeeded(endpoint, results, now)
    elif any(result.refused is not None for result in results):
        changes |= _refused(endpoint, results, now)
    if AttemptOutcome.FAILED in outcomes:
        changes |= _failed(endpoint, results, now, only=AttemptOutcome.SUCCEEDED not in outcomes)
    if changes:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes)
    hopeless = _hopeless(results, changes)
    if hopeless:
        disable(endpoint, hopeless, actor=WEBHOOKS, now=now)


def _hopeless(results: Sequence[CallOutcome], changes: Mapping[str, Any]) -> str:
    """Return why the endpoint is disabled after these results, or an empty text."""
    for result in results:
        if result.verdict.outcome is AttemptOutcome.GONE:
            return result.verdict.reason
    if len(changes.get("refused", ())) < DISABLING_REFUSALS:
        return ""
    return f"It refused {DISABLING_REFUSALS} different events in a row. {changes['reason']}"


def _pause(
    endpoint: WebhookEndpoint, results: Sequence[CallOutcome], now: dt.datetime
) -> dict[str, Any]:
    seconds = min(max(result.verdict.pause for result in results), retry_policy.LONGEST_PAUSE)
    until = now + dt.timedelta(seconds=seconds)
    longer = endpoint.paused_until is None or until > endpoint.paused_until
    return {"paused_until": until} if seconds and longer else {}


def _succeeded(
    endpoint: WebhookEndpoint, results: Sequence[CallOutcome], now: dt.datetime
) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "last_success_at": now,
        "failing_since": None,
        "warnings": 0,
        "refused": [],
    }
    if endpoint.failing_since is not None:
        changes["reason"] = ""
    through = any(
        r.attempts > FAILING_ATTEMPT and r.verdict.outcome is AttemptOutcome.SUCCEEDED
        for r in results
    )
    if endpoint.failing_told_at is not None and (endpoint.failing_since is not None or through):
        record_event(Action.DELIVERY_RECOVERED, endpoint)
        changes["failing_told_at"] = None
    return changes


def _failed(
    endpoint: WebhookEndpoint, results: Sequence[CallOutcome], now: dt.datetime, *, only: bool
) -> dict[str, Any]:
    failures = [result for result in results if result.verdict.outcome is AttemptOutcome.FAILED]
    since, reason = endpoint.failing_since or now, failures[-1].verdict.reason
    changes: dict[str, Any] = {"last_failure_at": now}
    if only:
        changes |= {"failing_since": since, "reason": reason}
    if any(failure.attempts >= FAILING_ATTEMPT for failure in failures):
        changes |= _report_failing(endpoint, reason, since, now)
    return changes


def _refused(
    endpoint: WebhookEndpoint, results: Sequence[CallOutcome], now: dt.datetime
) -> dict[str, Any]:
    """Count refused events. One that is sent again and refused again counts once."""
    fresh = [result.refused for result in results if result.refused is not None]
    refused = sorted({*endpoint.refused, *fresh})
    changes: dict[str, Any] = {"last_failure_at": now, "refused": refused}
    if len(refused) < FAILING_REFUSALS:
        return changes
    since, reason = endpoint.failing_since or now, results[-1].verdict.reason
    changes |= {"failing_since": since, "reason": reason}
    return changes | _report_failing(endpoint, reason, since, now)


def _report_failing(
    endpoint: WebhookEndpoint, reason: str, since: dt.datetime, now: dt.datetime
) -> dict[str, Any]:
    told = endpoint.failing_told_at
    if told is not None and now - told < REPORT_INTERVAL:
        return {}
    record_event(Action.DELIVERY_FAILING, endpoint, reason=reason, since=since.isoformat())
    return {"failing_told_at": now}
