"""Hosted events that repeat: their occurrences are planned four weeks ahead.

Each occurrence has the same local time, whatever the zone's daylight saving does to UTC.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from common.visible_text import clean_text
from players.hosted_events import audit, kinds, planning, rights
from players.hosted_events.ending import BY_ITSELF
from players.hosted_events.planning import Plan
from players.models import HostedEvent, HostedEventHost, HostedEventSeries
from players.moderation.command import ActionResult, Command
from players.moderation.refusals import audit_refusals

AHEAD = dt.timedelta(days=28)
SOON = dt.timedelta(minutes=30)
MOST_EVERY = 366
TARGET = "hosted_series"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How often an event repeats, and in which zone its time stays the same."""

    every_days: int
    zone: str = "UTC"
    last_day: dt.date | None = None


def begin(it: Plan, how: Repetition, command: Command) -> HostedEventSeries:
    """Begin a series whose first event is `it`, and plan its next weeks. Raises Refused, NotAllowed."""
    with audit_refusals("host", it.host_user_id or None, command.by), transaction.atomic():
        planning.check(it, command.by)
        _check(it, how, command.now)
        local = it.starts_at.astimezone(ZoneInfo(how.zone))
        series = HostedEventSeries.objects.create(
            kind=it.kind,
            title=clean_text(it.title),
            description=clean_text(it.description),
            experience=it.experience,
            host=planning.host_of(it, command.by),
            zone=how.zone,
            first_day=local.date(),
            at=local.time().replace(tzinfo=None),
            minutes=it.minutes,
            every_days=how.every_days,
            last_day=how.last_day,
        )
        _record(Action.HOSTED_SERIES_STARTED, series, command)
        _plan_ahead(series, command.now)
        return series


def _check(it: Plan, how: Repetition, now: dt.datetime) -> None:
    if how.zone not in available_timezones():
        raise Refused(f"zone: {how.zone[:40]!r} is no time zone; write it as Europe/Berlin.")
    if not 1 <= how.every_days <= MOST_EVERY:
        raise Refused(f"everyDays: from 1 to {MOST_EVERY}.")
    if not now < it.starts_at <= now + planning.FURTHEST:
        raise Refused("startsAt: give a moment within the next year.")


def end(series_id: int, command: Command) -> ActionResult:
    """End a series, and cancel its planned events. Raises Refused, NotAllowed."""
    command = command.checked()
    with audit_refusals("host", None, command.by), transaction.atomic():
        series = HostedEventSeries.objects.select_for_update(no_key=True).get(pk=series_id)
        if why := _why_not_end(series, command):
            raise NotAllowed(why)
        if series.ended_at is not None:
            raise Refused("The series is ended already.")
        series.ended_at = command.now
        series.save(update_fields=["ended_at"])
        planned = HostedEvent.objects.filter(series=series, status=HostedEvent.Status.PLANNED)
        cancelled = planned.update(status=HostedEvent.Status.CANCELLED)
        written = _record(Action.HOSTED_SERIES_ENDED, series, command)
    return ActionResult(f"The series is ended, and {cancelled} planned events cancelled.", written)


def _why_not_end(series: HostedEventSeries, command: Command) -> str:
    stand_in = HostedEvent(kind=series.kind, host=series.host)
    if command.by.is_player(series.host):
        return rights.why_not_plan(series.kind, command.by)
    return rights.why_not_manage(stand_in, command.by)


def _record(action: Action, series: HostedEventSeries, command: Command) -> int:
    return record(
        action,
        actor=command.by.actor,
        target=Target(TARGET, str(series.pk), ""),
        experience=series.experience,
        reason=command.reason,
        details={
            "kind": series.kind,
            "title": kinds.title_of(series.kind),
            "everyDays": series.every_days,
            "startsAt": _moment(series, series.first_day).isoformat(),
        },
    )


def occurrences(series: HostedEventSeries, until: dt.date) -> Iterator[dt.date]:
    """Yield the days that are not planned yet, up to `until` and the last day."""
    last = min(until, series.last_day or until)
    day = series.first_day
    while day <= last:
        if series.planned_until is None or day > series.planned_until:
            yield day
        day += dt.timedelta(days=series.every_days)


def _moment(series: HostedEventSeries, day: dt.date) -> dt.datetime:
    local = dt.datetime.combine(day, series.at, tzinfo=ZoneInfo(series.zone))
    return local.astimezone(dt.UTC)


def _plan_ahead(series: HostedEventSeries, now: dt.datetime) -> int:
    """Plan a locked series up to four weeks ahead. Returns the number of new events."""
    until = (now + AHEAD).date()
    new = 0
    for day in occurrences(series, until):
        starts_at = _moment(series, day)
        if starts_at > now:
            _create(series, starts_at)
            new += 1
    series.planned_until = until
    series.save(update_fields=["planned_until"])
    return new


def _create(series: HostedEventSeries, starts_at: dt.datetime) -> None:
    event, created = HostedEvent.objects.get_or_create(
        series=series,
        starts_at=starts_at,
        defaults={
            "kind": series.kind,
            "title": series.title,
            "description": series.description,
            "experience": series.experience,
            "host": series.host,
            "minutes": series.minutes,
            "status": HostedEvent.Status.PLANNED,
        },
    )
    if created:
        HostedEventHost.objects.create(event=event, player=series.host)


def plan_ahead(now: dt.datetime) -> int:
    """Plan the next weeks of every series. Returns the number of new events."""
    open_ones = HostedEventSeries.objects.filter(ended_at=None)
    due = open_ones.exclude(planned_until__gte=(now + AHEAD).date()).values_list("pk", flat=True)
    new = 0
    for series_id in list(due):
        with transaction.atomic():
            rows = HostedEventSeries.objects.select_for_update(no_key=True, of=("self",))
            series = rows.select_related("host").get(pk=series_id)
            if series.ended_at is None:
                new += _plan_ahead(series, now)
    return new


def announce(now: dt.datetime) -> int:
    """Record once that an event starts soon, so that webhooks tell it. Returns their number."""
    soon = HostedEvent.objects.filter(
        status=HostedEvent.Status.PLANNED,
        told_at=None,
        starts_at__gt=now,
        starts_at__lte=now + SOON,
    )
    told = 0
    for event_id in list(soon.values_list("pk", flat=True)):
        with transaction.atomic():
            rows = HostedEvent.objects.select_for_update(no_key=True)
            event = rows.filter(
                pk=event_id, told_at=None, status=HostedEvent.Status.PLANNED
            ).first()
            if event is None:
                continue
            event.told_at = now
            event.save(update_fields=["told_at"])
            audit.record_event(Action.HOSTED_EVENT_SOON, event, BY_ITSELF)
            told += 1
    return told
