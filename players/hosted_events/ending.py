"""End hosted events, by their host or by themselves, and decide who attended."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import Actor
from common.errors import NotAllowed, Refused
from players.hosted_events import audit, kinds, lookup, rights
from players.models import HostedEvent, HostedEventAttendance
from players.moderation.command import ActionResult, Command
from players.moderation.refusals import audit_refusals
from players.policy.hosting import PresenceTerms, Span, presence

SILENCE = dt.timedelta(minutes=10)
MISSED = dt.timedelta(hours=12)
BY_ITSELF = Actor("system", "hosted_events", "hosted events")
Status = HostedEvent.Status
EndedBy = HostedEvent.EndedBy


def end(event_id: int, command: Command) -> ActionResult:
    """End a running event now. Raises Refused, NotAllowed."""
    command = command.checked()
    with audit_refusals("host", None, command.by), transaction.atomic():
        event = lookup.locked(event_id)
        if why := rights.why_not_manage(event, command.by):
            raise NotAllowed(why)
        if event.status != Status.RUNNING:
            raise Refused(f"The event is {event.status}, so it cannot be ended.")
        written = finish(event, command.now, EndedBy.HOST, command.by.actor, command.reason)
    return ActionResult(f"{kinds.title_of(event.kind)} {event.pk} ended.", written)


def finish(event: HostedEvent, at: dt.datetime, by: EndedBy, actor: Actor, reason: str = "") -> int:
    """End a locked event at a moment, and decide who attended. Returns the audit event's id."""
    event.status, event.ended_by = Status.ENDED, by
    assert event.started_at is not None
    event.ended_at = max(at, event.started_at)
    event.save(update_fields=["status", "ended_by", "ended_at"])
    attended = decide(event)
    return audit.record_event(
        Action.HOSTED_EVENT_ENDED, event, actor, reason=reason, attended=attended, by=str(by)
    )


def decide(event: HostedEvent) -> int:
    """Decide who attended an event, and return their number. Added people did."""
    kind = kinds.kinds().get(event.kind)
    terms = kinds.terms_of(kind) if kind is not None else PresenceTerms(0, 0)
    rows = list(HostedEventAttendance.objects.filter(event=event))
    for row in rows:
        _judge(row, event, terms)
    HostedEventAttendance.objects.bulk_update(rows, ["late", "left_early", "attended"])
    return sum(row.attended and not row.struck_by for row in rows)


def _judge(row: HostedEventAttendance, event: HostedEvent, terms: PresenceTerms) -> None:
    if row.first_seen_at is None or event.at_once:
        row.attended = True
        return
    start, over = event.started_at, event.ended_at
    assert start is not None
    assert over is not None
    assert row.last_seen_at is not None
    found = presence(
        Span(
            first=_seconds(row.first_seen_at - start),
            last=_seconds(row.last_seen_at - start),
            seconds=row.seconds,
            length=_seconds(over - start),
        ),
        terms,
    )
    row.late, row.left_early = found.late, found.left_early
    row.attended = found.attended or bool(row.added_by)


def _seconds(span: dt.timedelta) -> int:
    return max(0, int(span.total_seconds()))


def end_by_themselves(now: dt.datetime) -> int:
    """End events whose server vanished or that ran too long, and cancel those that nobody started.

    Returns their number.
    """
    return _end_running(now) + _cancel_missed(now)


def _end_running(now: dt.datetime) -> int:
    ended = 0
    running = HostedEvent.objects.filter(status=Status.RUNNING).values_list("pk", flat=True)
    for event_id in list(running):
        with transaction.atomic():
            event = lookup.locked(event_id)
            if event.status == Status.RUNNING and (found := _over(event, now)) is not None:
                finish(event, *found, BY_ITSELF)
                ended += 1
    return ended


def _over(event: HostedEvent, now: dt.datetime) -> tuple[dt.datetime, EndedBy] | None:
    """Return when an event ended by itself, and why, or None while it goes on."""
    assert event.started_at is not None
    kind = kinds.kinds().get(event.kind)
    longest = dt.timedelta(hours=kind.max_hours if kind is not None else 1)
    heard = event.last_report_at or event.started_at
    if heard < now - SILENCE:
        return heard, EndedBy.SILENCE
    if event.started_at < now - longest:
        return event.started_at + longest, EndedBy.LENGTH
    return None


def _cancel_missed(now: dt.datetime) -> int:
    missed = HostedEvent.objects.filter(status=Status.PLANNED, starts_at__lt=now - MISSED)
    cancelled = 0
    for event_id in list(missed.values_list("pk", flat=True)):
        with transaction.atomic():
            event = lookup.locked(event_id)
            if event.status != Status.PLANNED:
                continue
            event.status = Status.CANCELLED
            event.save(update_fields=["status"])
            audit.record_event(Action.HOSTED_EVENT_CANCELLED, event, BY_ITSELF, missed=True)
            cancelled += 1
    return cancelled
