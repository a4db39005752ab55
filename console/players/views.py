"""The list of players: search, filters, and a selection for a bulk action."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from console import navigation
from console.decorators import page, render
from console.players import queries, saved_filters
from players.actions.registry import ACTIONS
from players.actions.staff_action import StaffAction
from players.models import Rank
from players.moderation.actors import staff_of


def bulk_actions(user: Any) -> list[StaffAction]:
    """Return the actions that `user` may preview for a selection of players."""
    return [action for action in ACTIONS if action.bulk and user.has_perm(action.right)]


@page("players.view_player")
def players(request: HttpRequest) -> HttpResponse:
    wanted = queries.filter_of(request.GET.dict())
    found = queries.page(
        wanted, after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )
    ranks = list(Rank.objects.filter(retired=False).order_by("-position"))
    bulk = navigation.to("console:bulk") if request.user.has_perm("console.bulk") else ""
    return render(
        request,
        "console/players.html",
        "Players",
        wanted=wanted,
        found=found,
        rows=[(row, _case_file(row.player.user_id, row.player.pk)) for row in found.rows],
        ranks=ranks,
        levels=list(dict.fromkeys(rank.level for rank in ranks)),
        states=[(state, name, wanted.but(state=state)) for state, name in queries.STATES.items()],
        orders=[(order, name, wanted.but(order=order)) for order, name in queries.ORDERS.items()],
        saved=saved_filters.saved(staff_of(request), "players"),
        bulk=bulk,
        acts=bulk_actions(request.user) if bulk else [],
        most=queries.MOST_MATCHING,
        looked=queries.LOOKED,
    )


def _case_file(user_id: int, pk: int) -> str:
    return navigation.player(user_id) or navigation.to("admin:players_player_change", pk)


urls = [path("players/", players, name="players")]
