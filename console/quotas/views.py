"""The page of quotas: who meets them, who will miss them, and how closed periods ended."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from common import csv_stream, database_clock
from common.parsing import is_row_id
from console.decorators import page, render
from players.active_policy import ActivePolicy, active
from players.models import QuotaPeriod, QuotaResult
from players.policy.quotas import Figures, State, bound_ranks, foresee
from players.quotas.standings import BoundPlayer, Selection, bound, span_of, standings

SIZE = 50
PAGE = 500  # players whose figures are read at once
MOST_READ = 5_000  # players who are looked at for one page of a state
PERIODS = 24  # to choose from
OPEN_STATES = (State.MET, State.ON_COURSE, State.WILL_MISS, State.EXCUSED, State.FREE)
CLOSED_STATES = (State.MET, State.MISSED, State.EXCUSED, State.FREE)
HEAD = ("userId", "username", "rank", "state", "minutes", "attended", "hosted", "misses", "outcome")


@dataclass(frozen=True, slots=True)
class Line:
    """One player in a period. `id` is ours."""

    id: int
    user_id: int
    username: str
    rank: str
    state: State
    done: Figures
    misses: int
    outcome: str = ""

    @property
    def cells(self) -> tuple[object, ...]:
        return (
            self.user_id,
            self.username,
            self.rank,
            self.state.words,
            *self.done,
            self.misses,
            self.outcome,
        )


@dataclass(frozen=True, slots=True)
class Filter:
    """What is shown of a period: players of a rank or of all, in a state or in all."""

    period: QuotaPeriod
    rank: str
    state: str

    @property
    def is_closed(self) -> bool:
        return self.period.status == QuotaPeriod.Status.CLOSED


@page("players.view_player")
def listing(request: HttpRequest) -> HttpResponse:
    """List the players whom a quota binds, with their figures in one of its periods."""
    periods = list(QuotaPeriod.objects.order_by("-ends_on", "quota")[:PERIODS])
    chosen = _chosen(request, periods)
    if chosen is None:
        return render(request, "console/quotas.html", "Quotas", quotas=_has_quotas())
    after = request.GET.get("after", "")
    start = int(after) if is_row_id(after) else 0
    read = list(islice(_lines(chosen, start), MOST_READ + 1))
    rows = [one for one in read if not chosen.state or one.state == chosen.state][:SIZE]
    last = rows[-1].id if len(rows) == SIZE else (read[-1].id if len(read) > MOST_READ else 0)
    return render(
        request,
        "console/quotas.html",
        "Quotas",
        quotas=True,
        chosen=chosen,
        asked=Selection(chosen.period, active()).quota,
        periods=periods,
        ranks=_ranks(chosen.period, active()),
        states=[
            (str(state), state.words)
            for state in (CLOSED_STATES if chosen.is_closed else OPEN_STATES)
        ],
        rows=rows,
        next=last if read and last and last != read[-1].id else 0,
    )


@page("players.view_player")
def export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Send a period's players as CSV."""
    periods = list(QuotaPeriod.objects.order_by("-ends_on", "quota")[:PERIODS])
    chosen = _chosen(request, periods)
    if chosen is None:
        return HttpResponse("There is no such period.", status=404, content_type="text/plain")
    rows = (one for one in _lines(chosen, 0) if not chosen.state or one.state == chosen.state)
    body = csv_stream.document(HEAD, (one.cells for one in rows))
    name = f"quota-{chosen.period.key}.csv"
    return StreamingHttpResponse(
        body,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _chosen(request: HttpRequest, periods: list[QuotaPeriod]) -> Filter | None:
    """Return what the query asks for. Without a period: the first open one, else the newest."""
    given = request.GET.get("period", "")
    found = [one for one in periods if str(one.pk) == given]
    opened = [one for one in periods if one.status == QuotaPeriod.Status.OPEN]
    period = next(iter([*found, *opened, *periods]), None)
    if period is None:
        return None
    rank, state = request.GET.get("rank", ""), request.GET.get("state", "")
    return Filter(
        period,
        rank if rank in _ranks(period, active()) else "",
        state if state in set(State) else "",
    )


def _has_quotas() -> bool:
    return bool(active().bundle.community.quotas)


def _ranks(period: QuotaPeriod, policy: ActivePolicy) -> list[str]:
    return bound_ranks(Selection(period, policy).quota, policy.bundle)


def _lines(chosen: Filter, after: int) -> Iterator[Line]:
    """Yield the players of a period after our id `after`, by id."""
    return _closed(chosen, after) if chosen.is_closed else _open(chosen, after)


def _open(chosen: Filter, after: int) -> Iterator[Line]:
    policy, now = active(), database_clock.now()
    selection = Selection(chosen.period, policy, chosen.rank)
    while players := bound(selection, after, PAGE):
        yield from _judged(selection, players, now)
        after = players[-1].id


def _judged(selection: Selection, players: list[BoundPlayer], now: dt.datetime) -> Iterator[Line]:
    period, found = selection.period, standings(selection.period, players)
    names = {rank_id: rank.name for rank_id, rank in selection.policy.ranks.items()}
    for player in players:
        standing = found[player.id]
        judged = foresee(selection.quota, span_of(period), standing, now)
        rank = names.get(player.rank_id, "")
        yield Line(
            player.id,
            player.user_id,
            player.username,
            rank,
            judged.state,
            standing.done,
            judged.misses,
        )


def _closed(chosen: Filter, after: int) -> Iterator[Line]:
    rows = QuotaResult.objects.filter(period=chosen.period, player__erased_at=None)
    if chosen.rank:
        rows = rows.filter(player__rank__name=chosen.rank)
    if chosen.state:
        rows = rows.filter(state=chosen.state)
    while found := list(
        rows.filter(player__gt=after).select_related("player__rank").order_by("player")[:PAGE]
    ):
        for row in found:
            player = row.player
            yield Line(
                player.pk,
                player.user_id,
                player.username,
                player.rank.name,
                State(row.state),
                Figures(row.minutes, row.attended, row.hosted),
                row.misses,
                row.outcome,
            )
        after = found[-1].player_id


urls = [path("quotas/", listing, name="quotas"), path("quotas.csv", export, name="quotas-csv")]
