"""Public reads over HTTP: leaderboard, players, ranks."""

import datetime as dt

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from common.amounts import points
from players import leaderboard
from players.active_policy import active
from players.api import parameters, queries, schemas
from players.api.base import View, missing_out, player_not_found
from players.api.parameters import (
    AFTER_NAME,
    AFTER_POINTS,
    AFTER_TIME,
    SEARCH,
    Parameter,
    page_size,
)
from players.policy.bundle import RankRule
from players.policy.ranks import Evaluation, Missing

LATEST = dt.datetime(9999, 12, 31, tzinfo=dt.UTC), 2**63 - 1
TOP_LIMIT, RECORDS_LIMIT = page_size(25, 100), page_size(5, 50)
HISTORY_LIMIT, SEARCH_LIMIT = page_size(50, 200), page_size(25, 100)
SPAN = Parameter(
    "span",
    {"type": "integer", "minimum": 1, "maximum": 50, "default": 5},
    "Number of neighbours to return before the player, and after the player.",
)


class Top(View):
    """The leaderboard, ordered by points."""

    caller, cached, response_body = "anyone", True, schemas.TopOut
    query_parameters = (TOP_LIMIT, AFTER_POINTS)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, TOP_LIMIT)
        lines = leaderboard.top(size + 1, parameters.points_cursor(request))
        page = lines[:size]
        cursor = (
            parameters.points_cursor_after(page[-1].points, page[-1].id)
            if len(lines) > size
            else None
        )
        newest = max((line.synced_at for line in page), default=None)
        return Response(schemas.TopOut([_line(line) for line in page], newest, cursor))


class Records(View):
    """The players with the most KOs, and those with the most WOs."""

    caller, cached, response_body = "anyone", True, schemas.RecordsOut
    query_parameters = (RECORDS_LIMIT,)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, RECORDS_LIMIT)
        kos, wos = (
            [_line(line) for line in leaderboard.records(column, size)] for column in ("kos", "wos")
        )
        return Response(schemas.RecordsOut(kos, wos))


class Around(View):
    """A player and their neighbours on the leaderboard."""

    caller, cached, response_body = "anyone", True, schemas.AroundOut
    query_parameters = (SPAN,)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        span = parameters.integer(request, SPAN)
        listed = queries.listed_player(user_id)
        if listed is None:
            raise player_not_found(user_id)
        lines = leaderboard.around(*listed, span)
        return Response(schemas.AroundOut([_line(line) for line in lines]))


class OnePlayer(View):
    """A player's points, rank and position, and what is missing for the next rank."""

    caller, cached, response_body = "anyone", True, schemas.PlayerOut
    error_statuses = (404,)

    def get(self, request: Request, user_id: int) -> Response:
        player = queries.profile(user_id)
        if player is None:
            raise player_not_found(user_id)
        policy = active()
        rank = policy.ranks.get(player.rank_id)
        evaluation = queries.progress(player, policy, timezone.now())
        return Response(
            schemas.PlayerOut(
                user_id=player.user_id,
                username=player.username,
                display_name=player.display_name,
                points=player.points,
                rank=rank.name if rank else "",
                rank_since=player.rank_since,
                next_rank=_next_rank(evaluation, policy.bundle.next_after(rank) if rank else None),
                position=player.position,
                kos=player.kos,
                wos=player.wos,
                last_synced_at=player.synced_at,
            )
        )


class History(View):
    """A player's ledger entries, newest first."""

    caller, cached, response_body = "anyone", True, schemas.HistoryOut
    query_parameters = (HISTORY_LIMIT, AFTER_TIME)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        size = parameters.integer(request, HISTORY_LIMIT)
        before = parameters.time_cursor(request) or LATEST
        listed = queries.listed_player(user_id)
        if listed is None:
            raise player_not_found(user_id)
        rows = queries.history(listed[0], size + 1, before)
        page = rows[:size]
        cursor = (
            parameters.time_cursor_after(page[-1].occurred_at, page[-1].id)
            if len(rows) > size
            else None
        )
        entries = [
            schemas.HistoryEntryOut(
                row.origin, row.type, row.magnitude, row.awarded, row.occurred_at
            )
            for row in page
        ]
        return Response(schemas.HistoryOut(entries, cursor))


class Search(View):
    """Players whose username starts with a text, ordered by name. Case is ignored."""

    caller, cached, response_body = "anyone", True, schemas.SearchOut
    query_parameters = (SEARCH, SEARCH_LIMIT, AFTER_NAME)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        prefix = parameters.text(request, SEARCH) or ""
        size = parameters.integer(request, SEARCH_LIMIT)
        lines = leaderboard.search(prefix, size + 1, parameters.name_cursor(request))
        page = lines[:size]
        cursor = (
            parameters.name_cursor_after(page[-1].username.lower(), page[-1].id)
            if len(lines) > size
            else None
        )
        players = [
            schemas.FoundOut(line.user_id, line.username, line.display_name, line.rank, line.points)
            for line in page
        ]
        return Response(schemas.SearchOut(players, cursor))


def _line(line: leaderboard.LeaderboardLine) -> schemas.LineOut:
    return schemas.LineOut(
        line.position,
        line.user_id,
        line.username,
        line.display_name,
        line.rank,
        line.points,
        line.kos,
        line.wos,
        line.synced_at,
    )


def _next_rank(
    evaluation: Evaluation | None, target: RankRule | None
) -> schemas.NextRankOut | None:
    if evaluation is None or target is None:
        return None
    missing = evaluation.missing if evaluation.kind != "demotion" else Missing(0, 0, 0)
    return schemas.NextRankOut(
        name=target.name,
        min_points=points(target.min_points),
        min_time_days=target.min_time_days,
        required_recommendations=target.required_recommendations,
        privileged=target.privileged,
        missing=missing_out(missing),
    )
