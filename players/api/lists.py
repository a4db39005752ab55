"""Leaderboards, records, periods and figures over HTTP."""

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from common import replica
from players.api import parameters
from players.api import public_schemas as out
from players.api.base import View, player_not_found
from players.api.parameters import AFTER_POINTS, Parameter, page_size
from players.public import lists, periods, ranks, records, stats
from players.public.lists import Line, ListQuery
from players.public.periods import KEYS, KINDS, Period
from players.public.records import Record

TOP_LIMIT, RECORDS_LIMIT, PERIODS_LIMIT = page_size(25, 100), page_size(5, 50), page_size(25, 100)
SPAN = Parameter(
    "span",
    {"type": "integer", "minimum": 1, "maximum": 50, "default": 5},
    "Number of neighbours to return before the player, and after the player.",
)
BY = parameters.choice("by", ("points", "kos", "wos"), "What the list is ordered by.")
PERIOD = Parameter(
    "period",
    {
        "type": "string",
        "pattern": f"^(all|{'|'.join(KINDS)}|{'|'.join(KEYS.values())})$",
        "default": "all",
    },
    "`all`; `week`, `month` or `season` for the open one; or a key such as 2026-W48, 2026-11 or 2026-S4.",
)
RANK = Parameter(
    "rank",
    {"type": "string", "pattern": "^[a-z0-9-]{1,90}$"},
    "Only players of the rank with this slug. Positions stay those of the whole list.",
)
KIND = parameters.choice("kind", KINDS, "The kind of periods.")
AFTER_KEY = parameters.cursor(f"({'|'.join(KEYS.values())})")


class Top(View):
    """The leaderboard of all time or of a period, by points, KOs or WOs.

    Lists other than that of all-time points end after their first 1,000 players. Lists of closed
    periods do so only with `rank`.
    """

    caller, cached, response_body = "anyone", True, out.TopOut
    query_parameters = (TOP_LIMIT, AFTER_POINTS, BY, PERIOD, RANK)
    error_statuses = (400, 404)

    def get(self, request: Request) -> Response:
        now = replica.as_of()
        size = parameters.integer(request, TOP_LIMIT)
        query = ListQuery(
            limit=size + 1,
            after=parameters.points_cursor(request),
            by=parameters.text(request, BY) or "points",
            rank_slug=_rank(request),
        )
        period = _period(request)
        lines = lists.leaderboard(query, period)
        page = lines[:size]
        last = page[-1] if len(lines) > size else None
        return Response(
            out.TopOut(
                players=[line_out(line) for line in page],
                total=lists.total(query, period),
                by=query.by,  # type: ignore[arg-type]
                period=_period_out(period) if period else None,
                as_of=now,
                last_synced_at=max((line.synced_at for line in page), default=None),
                next=parameters.points_cursor_after(last.amount, last.id) if last else None,
            )
        )


class Records(View):
    """The records of all time."""

    caller, cached, response_body = "anyone", True, out.RecordsOut
    query_parameters = (RECORDS_LIMIT,)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        now = replica.as_of()
        size = parameters.integer(request, RECORDS_LIMIT)
        days, weeks, streaks, fastest = (
            records.records(kind, size)
            for kind in ("best_day", "best_week", "longest_streak", "fastest")
        )
        return Response(
            out.RecordsOut(
                kos=_most("kos", size),
                wos=_most("wos", size),
                best_day=[out.BestDayOut(_ref(row), row.amount, row.day) for row in days],
                best_week=[out.BestWeekOut(_ref(row), row.amount, row.week) for row in weeks],
                longest_streak=[
                    out.StreakOut(_ref(row), int(row.amount), row.day) for row in streaks
                ],
                fastest=[_fastest(row) for row in fastest],
                as_of=now,
            )
        )


class Around(View):
    """A player and their neighbours on the leaderboard."""

    caller, cached, response_body = "anyone", True, out.AroundOut
    query_parameters = (SPAN,)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        now = replica.as_of()
        lines = lists.around(user_id, parameters.integer(request, SPAN))
        if not lines:
            raise player_not_found(user_id)
        return Response(out.AroundOut([line_out(line) for line in lines], now))


class Periods(View):
    """Weeks, months or seasons, newest first. Closed ones stay readable."""

    caller, cached, response_body = "anyone", True, out.PeriodsOut
    query_parameters = (KIND, PERIODS_LIMIT, AFTER_KEY)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, PERIODS_LIMIT)
        kind = parameters.text(request, KIND) or KINDS[0]
        found = periods.newest(kind, size + 1, parameters.text(request, AFTER_KEY))
        page = found[:size]
        cursor = page[-1].key if len(found) > size else None
        return Response(out.PeriodsOut([_period_out(period) for period in page], cursor))


class Stats(View):
    """Figures of the whole community."""

    caller, cached, response_body = "anyone", True, out.StatsOut

    def get(self, request: Request) -> Response:
        found = stats.stats()
        return Response(
            out.StatsOut(
                found.players,
                found.points_today,
                found.points_week,
                found.promotions_week,
                found.active_today,
                min(found.as_of, replica.as_of()),
            )
        )


def line_out(line: Line) -> out.LineOut:
    return out.LineOut(
        position=line.position,
        tied=line.tied,
        user_id=line.user_id,
        user_id_string=str(line.user_id),
        username=line.username,
        display_name=line.display_name,
        rank=line.rank,
        rank_slug=line.rank_slug,
        points=line.points,
        amount=line.amount,
        kos=line.kos,
        wos=line.wos,
        change=line.change,
        spark=line.spark,
        last_synced_at=line.synced_at,
    )


def _rank(request: Request) -> str | None:
    slug = parameters.text(request, RANK)
    if slug is not None and not ranks.has_rank(slug):
        raise NotFound(f"No rank has the slug {slug}.")
    return slug


def _period(request: Request) -> Period | None:
    word = parameters.text(request, PERIOD) or "all"
    if word == "all":
        return None
    period = periods.find(word)
    if period is None:
        raise NotFound(f"There is no period {word}.")
    return period


def _period_out(period: Period) -> out.PeriodOut:
    return out.PeriodOut(
        kind=period.kind,  # type: ignore[arg-type]
        key=period.key,
        starts_on=period.starts_on,
        ends_on=period.ends_on,
        closed_at=period.closed_at,
        players=period.players,
    )


def _most(what: str, size: int) -> list[out.LineOut]:
    return [line_out(line) for line in lists.leaderboard(ListQuery(size, by=what))]


def _ref(row: Record) -> out.RefOut:
    return out.RefOut(
        row.user_id, str(row.user_id), row.username, row.display_name, row.rank, row.rank_slug
    )


def _fastest(row: Record) -> out.FastestOut:
    return out.FastestOut(_ref(row), row.for_rank, row.for_rank_slug, int(row.amount))
