"""HTTP operations for game servers: the hosted events that they run."""

import uuid
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from common import database_clock
from players.api import join_state
from players.api.base import View, parsed_body
from players.api.game import api_key_id
from players.api.schemas import Moment, Out, Time, UserId, Whole
from players.hosted_events import game_reports, kinds, lookup
from players.hosted_events.game_reports import AwardOrder
from players.hosted_events.reports import Report, ReportedAttendee
from players.models import HostedEvent, HostedEventAttendance, HostedEventHost
from players.quarantines.detection import Source

MOST_ATTENDEES = 700  # the largest server that Roblox offers
MOST_LISTED = 20
State = Literal["planned", "running", "ended", "awarded", "cancelled", "waiting", "refused"]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
Kind = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class AttendeeIn(msgspec.Struct, frozen=True, rename="camel"):
    """One attendee. `seconds`: present so far. `struck` and `added`: the host's reason, or empty."""

    user_id: UserId
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=50)]
    seconds: Annotated[int, msgspec.Meta(ge=0, le=604_800)]
    first_seen_at: Moment
    last_seen_at: Moment
    struck: Reason = ""
    added: Reason = ""


class AwardIn(msgspec.Struct, frozen=True, rename="camel"):
    """Award the event, for an officer who asks for it in the game."""

    by_user_id: UserId
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class HostedEventIn(msgspec.Struct, frozen=True, rename="camel"):
    """The state of a hosted event. The highest `revision` of an `id` wins.

    `plannedId`: the planned event that it is; without it, one of the same kind and host planned for
    about now. `atOnce`: everybody listed is awarded, however long they were present.
    """

    id: uuid.UUID
    revision: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    kind: Kind
    host_user_id: UserId
    started_at: Moment
    attendees: Annotated[list[AttendeeIn], msgspec.Meta(max_length=MOST_ATTENDEES)]
    planned_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)] | None = None
    co_host_user_ids: Annotated[list[UserId], msgspec.Meta(max_length=10)] = []
    place_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    job_id: Annotated[str, msgspec.Meta(max_length=100)] = ""
    ended_at: Moment | None = None
    at_once: bool = False
    award: AwardIn | None = None


class ElsewhereOut(Out, frozen=True):
    """A player's points from outside of this experience, after an award."""

    user_id: UserId
    elsewhere: Decimal
    awarded: Decimal


class HostedEventOut(Out, frozen=True):
    """What became of a report. `waiting`: the award waits for a decision on the console.

    `detail`: for the host to read. `players`: everybody who was awarded.
    """

    id: uuid.UUID
    event_id: int | None
    state: State
    detail: str
    players: list[ElsewhereOut]


class PlannedOut(Out, frozen=True):
    """An event that is planned, for the list of a game."""

    event_id: int
    kind: str
    title: str
    host_user_id: int
    host_username: str
    co_host_user_ids: list[int]
    starts_at: Time
    minutes: Whole


class PlannedListOut(Out, frozen=True):
    events: list[PlannedOut]


class HostedEvents(View):
    """Report the state of a hosted event, every minute while it runs and at its end.

    Sending it again changes nothing. What is not allowed is answered with 200 and the state
    `refused`.
    """

    caller, request_body, response_body = "experience", HostedEventIn, HostedEventOut
    error_statuses = (400,)

    def post(self, request: Request) -> Response:
        body = parsed_body(request, HostedEventIn)
        order = AwardOrder(body.award.by_user_id, body.award.reason) if body.award else None
        source = Source(request.auth.key, api_key_id(request))
        answer = game_reports.handle(source, _report(body), order, database_clock.now())
        event = answer.event
        awarded = event is not None and event.status == HostedEvent.Status.AWARDED
        return Response(
            HostedEventOut(
                id=body.id,
                event_id=event.pk if event is not None else None,
                state=answer.state,  # type: ignore[arg-type]
                detail=answer.detail,
                players=_players(event, request.auth.key) if awarded and event else [],
            )
        )


def _report(body: HostedEventIn) -> Report:
    return Report(
        id=body.id,
        revision=body.revision,
        kind=body.kind,
        host_user_id=body.host_user_id,
        started_at=body.started_at,
        attendees=[_attendee(row) for row in body.attendees],
        planned_id=body.planned_id,
        co_host_user_ids=body.co_host_user_ids,
        place_id=body.place_id,
        job_id=body.job_id,
        ended_at=body.ended_at,
        at_once=body.at_once,
    )


def _attendee(row: AttendeeIn) -> ReportedAttendee:
    return ReportedAttendee(
        row.user_id,
        row.username,
        row.seconds,
        row.first_seen_at,
        row.last_seen_at,
        row.struck,
        row.added,
    )


def _players(event: HostedEvent, experience: str) -> list[ElsewhereOut]:
    """Return the new points of everybody awarded, so that the game shows them at once."""
    rows: dict[int, tuple[int, Decimal]] = {}
    for model in (HostedEventAttendance, HostedEventHost):
        found = model.objects.filter(event=event, awarded__isnull=False)
        for player_id, user_id, amount in found.values_list(
            "player_id", "player__user_id", "awarded"
        ):
            rows[player_id] = (user_id, amount)
    elsewhere = join_state.elsewhere([*rows], experience)
    return [
        ElsewhereOut(user_id, elsewhere.get(player_id, Decimal(0)), amount)
        for player_id, (user_id, amount) in rows.items()
        if user_id > 0
    ]


class PlannedEvents(View):
    """The events that are planned next in the game's experience."""

    caller, response_body = "experience", PlannedListOut

    def get(self, request: Request) -> Response:
        found = lookup.upcoming(database_clock.now(), request.auth.key)
        rows = found.filter(status=HostedEvent.Status.PLANNED)[:MOST_LISTED]
        return Response(PlannedListOut([_planned(event) for event in rows]))


def _planned(event: HostedEvent) -> PlannedOut:
    hosts = event.hosts.exclude(player=event.host_id).values_list("player__user_id", flat=True)
    assert event.starts_at is not None
    return PlannedOut(
        event_id=event.pk,
        kind=event.kind,
        title=event.title or kinds.title_of(event.kind),
        host_user_id=event.host.user_id,
        host_username=event.host.username,
        co_host_user_ids=list(hosts),
        starts_at=event.starts_at,
        minutes=event.minutes,
    )
