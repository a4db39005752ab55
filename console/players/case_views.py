"""Pages of one player: the case file, and the explanation of their points and rank."""

import datetime as dt
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.html import format_html

from common import database_clock
from common.amounts import points
from common.parsing import keyset_cursor, parse_keyset_cursor
from common.visible_text import isolated
from console.decorators import page, render
from console.players import case_summary, explanation, queries, timeline
from console.templatetags import design
from players import avatars
from players.active_policy import active
from players.models import Player
from players.moderation.actors import staff_of

DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><circle cx="14" cy="14" r="14"'
    ' fill="#4a5563"/><text x="14" y="19" text-anchor="middle" font-family="sans-serif"'
    ' font-size="13" font-weight="600" fill="#fff">{}</text></svg>'
)
LATEST = dt.datetime(9999, 12, 31, tzinfo=dt.UTC), 2**62


@page("players.view_player")
def case(request: HttpRequest, user_id: int) -> HttpResponse:
    """Show a player's case file.

    Its live parts request this page again and use their part of the response.
    """
    player, policy, now = find(user_id), active(), database_clock.now()
    found = case_summary.head(player, policy, now)
    which = request.GET.get("show", "")
    return render(
        request,
        "console/player.html",
        player.username,
        case=found,
        last_day=queries.last_day(player),
        on_leave=found.on_leave(now.astimezone(dt.UTC).date()),
        player=player,
        buttons=case_summary.buttons(player, staff_of(request), now),
        timeline=timeline.timeline(player, which, request.GET.get("before", "")),
        filters=[(name, title) for name, (title, _) in timeline.FILTERS.items()],
        which=which,
        paged="before" in request.GET,
        policy=policy,
    )


@page("players.view_player")
def explain(request: HttpRequest, user_id: int) -> HttpResponse:
    player, policy, now = find(user_id), active(), database_clock.now()
    found = case_summary.head(player, policy, now)
    rows = explanation.rows(player, parse_keyset_cursor(request.GET.get("before", "")) or LATEST)
    shown, last = (
        rows[: explanation.ROWS],
        rows[explanation.ROWS - 1] if len(rows) > explanation.ROWS else None,
    )
    return render(
        request,
        "console/explain.html",
        f"Why {isolated(player.username)} stands where they stand",
        case=found,
        player=player,
        rules=explanation.rules(player, found.evaluation, policy, now),
        parts=explanation.parts(player),
        caps=explanation.caps(player, policy, now),
        daily=points(policy.bundle.points.daily_cap),
        weekly=points(policy.bundle.points.weekly_cap),
        rows=shown,
        older=keyset_cursor(last.at, last.id) if last else "",
        recommendations=explanation.recommendations(player),
        policy=policy,
    )


@page("players.view_player")
def _avatar(request: HttpRequest, user_id: int) -> HttpResponse:
    player = find(user_id)
    picture = avatars.picture(user_id)
    if picture is None:
        return HttpResponse(
            format_html(DRAWN, design.initial(player)), content_type="image/svg+xml"
        )
    return HttpResponse(picture.body, content_type=picture.media_type)


def avatar(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """Return a listed player's headshot, or a drawing of the initial while there is none.

    The browser keeps it for ten minutes: a list shows fifty of them.
    """
    answer = _avatar(request, user_id)
    if answer.status_code == HTTPStatus.OK:
        answer.headers["Cache-Control"] = "private, max-age=600"
    return answer


def find(user_id: int) -> Player:
    """Return the player. Raises Http404 for an unknown id."""
    players = Player.objects.select_related("rank", "former_rank")
    found = queries.with_activity(players).filter(user_id=user_id).first()
    if found is None:
        raise Http404(f"No player has the user id {user_id}.")
    return found


urls = [
    path("players/<userid:user_id>/", case, name="player"),
    path("players/<userid:user_id>/avatar/", avatar, name="player-avatar"),
    path("players/<userid:user_id>/explain/", explain, name="explain"),
]
