"""Hosted events over HTTP, as everybody may read them."""

from rest_framework.request import Request
from rest_framework.response import Response

from players.api import parameters
from players.api.base import View, player_not_found
from players.api.parameters import page_size
from players.api.schemas import Out, Time, UserId, Whole
from players.public import events, players
from players.public.events import UpcomingEvent

LIMIT = page_size(20, 100)


class PlayerEventOut(Out, frozen=True):
    """An event that a player attended, or hosted (`hosted`). `title`: of its kind."""

    id: str
    kind: str
    title: str
    experience: str
    started_at: Time
    hosted: bool


class PlayerEventsOut(Out, frozen=True):
    events: list[PlayerEventOut]


class EventHostOut(Out, frozen=True):
    user_id: UserId
    user_id_string: str
    username: str
    display_name: str


class UpcomingEventOut(Out, frozen=True):
    """An event that runs or is planned, for about `minutes`. `host`: null if not in public lists."""

    id: str
    kind: str
    title: str
    description: str
    experience: str
    starts_at: Time
    minutes: Whole
    running: bool
    host: EventHostOut | None


class UpcomingEventsOut(Out, frozen=True):
    events: list[UpcomingEventOut]


class PlayerEvents(View):
    """The events that a player attended or hosted, newest first."""

    caller, cached, response_body = "anyone", True, PlayerEventsOut
    query_parameters = (LIMIT,)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        most = parameters.integer(request, LIMIT)
        if not players.is_listed(user_id):
            raise player_not_found(user_id)
        found = [
            PlayerEventOut(
                *(str(one.id), one.kind, one.title, one.experience, one.started_at, one.hosted)
            )
            for one in events.of_player(user_id, most)
        ]
        return Response(PlayerEventsOut(found))


class UpcomingEvents(View):
    """The events that run or are planned, soonest first."""

    caller, cached, response_body = "anyone", True, UpcomingEventsOut
    query_parameters = (LIMIT,)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        most = parameters.integer(request, LIMIT)
        return Response(UpcomingEventsOut([_upcoming_out(one) for one in events.upcoming(most)]))


def _upcoming_out(one: UpcomingEvent) -> UpcomingEventOut:
    return UpcomingEventOut(
        id=str(one.id),
        kind=one.kind,
        title=one.title,
        description=one.description,
        experience=one.experience,
        starts_at=one.starts_at,
        minutes=one.minutes,
        running=one.running,
        host=_host_out(one),
    )


def _host_out(one: UpcomingEvent) -> EventHostOut | None:
    if one.host_id is None:
        return None
    names = (one.host_username or "", one.host_display_name or "")
    return EventHostOut(one.host_id, str(one.host_id), *names)
