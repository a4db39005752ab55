"""Take in what game servers report about their hosted events.

A report is the state of one event, so a repeated or older one changes nothing. GRPS judges the host,
and believes no time that it did not see pass: see `awarding`.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from audits.actions import Action
from common.errors import NotAllowed, Refused
from common.pg_arrays import numbers
from common.time import micros
from players.active_policy import active
from players.experiences import counting
from players.hosted_events import attendance, audit, ending, kinds, rights
from players.locking import create_players
from players.membership import freshness
from players.models import HostedEvent, HostedEventAttendance, HostedEventHost, Player
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from players.privacy import orders
from players.quarantines import detection, isolation
from players.quarantines.detection import BatchTally, Source, Tripped

AHEAD = dt.timedelta(minutes=5)  # a game server's clock may be this far ahead of ours
LATEST = dt.timedelta(days=1)
VANISHED = dt.timedelta(minutes=3)  # then its host may begin another one
NEAR = dt.timedelta(hours=1)  # a start belongs to an event planned for about then
Status, EndedBy = HostedEvent.Status, HostedEvent.EndedBy
LIVE = ("revision", "last_report_at", "quarantine", "status", "ended_by", "ended_at")

# Only known players who do not host are listed. Presence only grows.
WRITE = """
    INSERT INTO hosted_event_attendances AS a
        (event_id, player_id, first_seen_at, last_seen_at, seconds, reported_at)
    SELECT %s, p.id, 'epoch'::timestamptz + c.first * interval '1 microsecond',
           'epoch'::timestamptz + c.last * interval '1 microsecond', c.seconds, %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[]) AS c(user_id, first, last, seconds)
    JOIN players p ON p.user_id = c.user_id
    WHERE p.erased_at IS NULL
      AND NOT EXISTS (SELECT FROM hosted_event_hosts h WHERE h.event_id = %s AND h.player_id = p.id)
    ORDER BY p.id
    ON CONFLICT (event_id, player_id) DO UPDATE SET
        first_seen_at = least(a.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at),
        seconds = greatest(a.seconds, excluded.seconds)"""


@dataclass(frozen=True, slots=True)
class ReportedAttendee:
    """One attendee as the game saw them. `struck` and `added`: the host's reason, or ""."""

    user_id: int
    username: str
    seconds: int
    first_seen_at: dt.datetime
    last_seen_at: dt.datetime
    struck: str = ""
    added: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The state of one hosted event. The highest `revision` wins.

    `at_once`: everybody present is awarded at once, without a start. `award_reason`: the host asks
    to award it.
    """

    id: uuid.UUID
    revision: int
    kind: str
    host_user_id: int
    started_at: dt.datetime
    attendees: Sequence[ReportedAttendee]
    planned_id: int | None = None
    co_host_user_ids: Sequence[int] = ()
    place_id: int = 0
    job_id: str = ""
    ended_at: dt.datetime | None = None
    at_once: bool = False
    award_reason: str = ""


def land(source: Source, report: Report, now: dt.datetime) -> HostedEvent:
    """Store a report and return its event. Raises Refused, NotAllowed."""
    _check(source, report, now)
    freshness.before_act(report.host_user_id)
    _create_players(source, report, now)
    with transaction.atomic():
        event = _find(source, report, now)
        if report.revision > event.revision:
            _apply(event, source, report, now)
        return event


def _check(source: Source, report: Report, now: dt.datetime) -> None:
    kinds.find(report.kind)
    if not counting.in_force(source.experience).points:
        raise Refused("Points of this experience do not count, so no events are hosted in it.")
    if not now - LATEST <= report.started_at <= now + AHEAD:
        raise Refused("startedAt: it must lie within the last day; check the server's clock.")
    if report.ended_at is not None and not report.started_at <= report.ended_at <= now + AHEAD:
        raise Refused("endedAt: it must lie between the start and now.")


def _create_players(source: Source, report: Report, now: dt.datetime) -> None:
    """Create unknown attendees, who count toward the limits of the key. Nobody erased comes back."""
    names = {row.user_id: (row.username, "") for row in report.attendees}
    known = Player.objects.filter(user_id__in=names).values_list("user_id", flat=True)
    missing = names.keys() - set(known)
    missing -= orders.erased(missing).keys() if missing else set()
    if not missing or isolation.standing(source).held is not None:
        return
    policy = active()
    try:
        with transaction.atomic():
            first = policy.rank_ids[policy.bundle.first.name]
            new = create_players({user_id: names[user_id] for user_id in missing}, first, now)
            detection.note(source, BatchTally(new_players=new), now)
    except Tripped as tripped:
        detection.open_quarantine(source, tripped.cause, now)
        return
    freshness.on_join(sorted(missing), source.experience)


def _find(source: Source, report: Report, now: dt.datetime) -> HostedEvent:
    rows = HostedEvent.objects.select_for_update(no_key=True, of=("self",)).select_related("host")
    found = rows.filter(experience=source.experience, game_id=report.id).first()
    return found or _begin(source, report, now)


def _begin(source: Source, report: Report, now: dt.datetime) -> HostedEvent:
    """Start an event, the planned one if there is one. Its host is judged by their present rank."""
    host = officer(report.host_user_id)
    if why := rights.why_not_plan(report.kind, host):
        raise NotAllowed(why)
    _note_act(source, now)
    player = Player.objects.select_for_update(no_key=True).get(user_id=report.host_user_id)
    _leave_former(player, now)
    event = _planned(source, report, player) or HostedEvent(
        kind=report.kind, experience=source.experience, host=player
    )
    event.status, event.game_id = Status.RUNNING, report.id
    event.place_id, event.job_id = report.place_id, report.job_id
    event.started_at, event.first_report_at = report.started_at, now
    event.at_once = report.at_once
    event.revision = -1
    event.save()
    HostedEventHost.objects.get_or_create(event=event, player=player)
    audit.record_event(
        Action.HOSTED_EVENT_STARTED, event, host.actor, planned=bool(event.starts_at)
    )
    return event


def _note_act(source: Source, now: dt.datetime) -> None:
    """Count the start as an act of the key's moderators."""
    if isolation.standing(source).held is not None:
        return
    try:
        with transaction.atomic():
            detection.note(source, BatchTally(acts=1), now)
    except Tripped as tripped:
        detection.open_quarantine(source, tripped.cause, now)


def _leave_former(host: Player, now: dt.datetime) -> None:
    """End what the host still runs on a server that vanished. Raises Refused for a live one."""
    rows = HostedEvent.objects.select_for_update(no_key=True, of=("self",)).select_related("host")
    former = rows.filter(host=host, status=Status.RUNNING).first()
    if former is None:
        return
    heard = former.last_report_at or now
    if heard > now - VANISHED:
        raise Refused(f"They host {kinds.title_of(former.kind)} {former.pk} already; end it first.")
    ending.finish(former, heard, EndedBy.SILENCE, ending.BY_ITSELF)


def _planned(source: Source, report: Report, host: Player) -> HostedEvent | None:
    """Return the planned event that a start belongs to: the named one, or one of about now."""
    if report.at_once:
        return None
    theirs = HostedEventHost.objects.filter(player=host).values("event")
    rows = HostedEvent.objects.select_for_update(no_key=True, of=("self",)).filter(
        Q(host=host) | Q(pk__in=theirs),
        kind=report.kind,
        experience=source.experience,
        status=Status.PLANNED,
    )
    if report.planned_id is not None:
        return rows.filter(pk=report.planned_id).first()
    near = (report.started_at - NEAR, report.started_at + NEAR)
    return rows.filter(starts_at__range=near).order_by("starts_at").first()


def _apply(event: HostedEvent, source: Source, report: Report, now: dt.datetime) -> None:
    """Write the state of a locked event."""
    _revive(event, now)
    if event.status != Status.RUNNING:
        return
    _leave_out_silence(event, now)
    event.revision, event.last_report_at = report.revision, now
    held = isolation.standing(source).held
    if held is not None:
        event.quarantine_id = held
    event.save(update_fields=LIVE)
    _write_hosts(event, report)
    _write_attendees(event, report, now)
    _write_marks(event, report, now)
    if report.ended_at is not None:
        by = officer(report.host_user_id)
        ending.finish(event, report.ended_at, EndedBy.HOST, by.actor)


def _revive(event: HostedEvent, now: dt.datetime) -> None:
    """Let an event go on that ended by silence, if its server is back and its host runs no other."""
    others = HostedEvent.objects.filter(host=event.host_id, status=Status.RUNNING)
    silent = event.status == Status.ENDED and event.ended_by == EndedBy.SILENCE
    if silent and attendance.waiting(event.pk) is None and not others.exists():
        event.status, event.ended_by, event.ended_at = Status.RUNNING, "", None


def _leave_out_silence(event: HostedEvent, now: dt.datetime) -> None:
    """Count no silence of the game as time in which GRPS saw somebody: see `seen_for`."""
    silent = now - (event.last_report_at or now)
    if silent > ending.SILENCE:
        rows = HostedEventAttendance.objects.filter(event=event)
        rows.update(reported_at=F("reported_at") + silent)


def _write_hosts(event: HostedEvent, report: Report) -> None:
    """Add the co-hosts who may host such an event. Others are ignored."""
    for user_id in report.co_host_user_ids:
        try:
            co_host = officer(user_id)
        except Refused:
            continue
        if not rights.why_not_plan(event.kind, co_host):
            player = Player.objects.get(user_id=user_id)
            HostedEventHost.objects.get_or_create(event=event, player=player)


def _write_attendees(event: HostedEvent, report: Report, now: dt.datetime) -> None:
    rows = [_clamped(row, event, now) for row in report.attendees if not row.added]
    with connection.cursor() as cursor:
        columns = zip(*rows, strict=True) if rows else [()] * 4
        cursor.execute(WRITE, [event.pk, now, *map(numbers, columns), event.pk])


def _clamped(
    row: ReportedAttendee, event: HostedEvent, now: dt.datetime
) -> tuple[int, int, int, int]:
    """Return user id, first and last moment, and seconds, all within the event's time."""
    assert event.started_at is not None
    first = min(max(row.first_seen_at, event.started_at), now)
    last = min(max(row.last_seen_at, first), now)
    seconds = min(row.seconds, int((last - first).total_seconds()))
    return row.user_id, micros(first), micros(last), max(0, seconds)


def _write_marks(event: HostedEvent, report: Report, now: dt.datetime) -> None:
    """Strike and add people for the host. What is done already, or not possible, stays as it is."""
    marked = [row for row in report.attendees if row.struck or row.added]
    if not marked:
        return
    by = officer(report.host_user_id)
    listed = _listed(event)
    players = Player.objects.filter(user_id__in=[row.user_id for row in marked], erased_at=None)
    known = {player.user_id: player for player in players}
    for row in marked:
        player = known.get(row.user_id)
        if player is not None and _is_new(row, listed.get(player.pk)):
            _mark(event, row, player, _command(by, row.struck or row.added, event, now))


def _mark(event: HostedEvent, row: ReportedAttendee, player: Player, command: Command) -> None:
    act: Any = attendance.strike_locked if row.struck else attendance.add_locked
    try:
        act(event, player, command.checked())
    except Refused:
        return


def _listed(event: HostedEvent) -> dict[int, HostedEventAttendance]:
    return {row.player_id: row for row in HostedEventAttendance.objects.filter(event=event)}


def _is_new(row: ReportedAttendee, stored: HostedEventAttendance | None) -> bool:
    """Return whether a mark was not made before. Staff may have changed it since."""
    if row.struck:
        return stored is not None and not stored.struck_by and not stored.added_by
    return stored is None or not (stored.added_by or stored.struck_by)


def _command(by: Staff, reason: str, event: HostedEvent, now: dt.datetime) -> Command:
    return Command(by=by, reason=reason, now=now, experience=event.experience)
