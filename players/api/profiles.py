"""One player, promotions and the search over HTTP."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from rest_framework.request import Request
from rest_framework.response import Response

from common import database_clock, replica
from players.api import parameters
from players.api import public_schemas as out
from players.api.base import View, player_not_found
from players.api.next_rank import NextRankOut, next_rank_out
from players.api.parameters import AFTER_FOUND, AFTER_TIME, SEARCH, Parameter, page_size
from players.public import players, promotions, search
from players.public.players import HistoryRow, PlayerFacts
from players.public.promotions import Promotion
from players.public.search import Found

HISTORY_LIMIT, SEARCH_LIMIT, PROMOTIONS_LIMIT = (
    page_size(50, 200),
    page_size(25, 100),
    page_size(25, 100),
)
DAYS = Parameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": 366, "default": 90},
    "Number of UTC days to return, today included.",
)


class OnePlayer(View):
    """A player's points, rank, position and records, and what is missing for the next rank."""

    caller, cached, response_body = "anyone", True, out.PlayerOut
    error_statuses = (404,)

    def get(self, request: Request, user_id: int) -> Response:
        facts = players.player(user_id)
        if facts is None:
            raise player_not_found(user_id)
        return Response(_player_out(facts, next_rank_out(facts)))


class Series(View):
    """A player's days: points, KOs, WOs, and the balance at their ends."""

    caller, cached, response_body = "anyone", True, out.SeriesOut
    query_parameters = (DAYS,)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        now = database_clock.now()
        days = players.series(user_id, parameters.integer(request, DAYS))
        if not days:
            raise player_not_found(user_id)
        lines = [out.DayOut(one.day, one.awarded, one.kos, one.wos, one.balance) for one in days]
        return Response(out.SeriesOut(lines, now))


class History(View):
    """A player's ledger entries, newest first."""

    caller, cached, response_body = "anyone", True, out.HistoryOut
    query_parameters = (HISTORY_LIMIT, AFTER_TIME)
    error_statuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        size = parameters.integer(request, HISTORY_LIMIT)
        before = parameters.time_cursor(request)
        if not players.is_listed(user_id):
            raise player_not_found(user_id)
        rows = players.history(user_id, size + 1, before)
        page = rows[:size]
        cursor = _cursor(page[-1].occurred_at, page[-1].id) if len(rows) > size else None
        return Response(out.HistoryOut([_entry_out(row) for row in page], cursor))


class PlayerPromotions(View):
    """A player's promotions, newest first."""

    caller, cached, response_body = "anyone", True, out.PlayerPromotionsOut
    error_statuses = (404,)

    def get(self, request: Request, user_id: int) -> Response:
        if not players.is_listed(user_id):
            raise player_not_found(user_id)
        found = promotions.of_player(user_id)
        return Response(out.PlayerPromotionsOut([_promotion_out(row) for row in found]))


class Promotions(View):
    """The promotions of all players, newest first."""

    caller, cached, response_body = "anyone", True, out.PromotionsOut
    query_parameters = (PROMOTIONS_LIMIT, AFTER_TIME)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.integer(request, PROMOTIONS_LIMIT)
        rows = promotions.latest(size + 1, parameters.time_cursor(request))
        page = rows[:size]
        cursor = _cursor(page[-1].promoted_at, page[-1].id) if len(rows) > size else None
        return Response(out.PromotionsOut([_promotion_out(row) for row in page], cursor))


class Search(View):
    """Players by the beginning of their username, display name or a former username, or by their id.

    Case is ignored. An exact id comes first, then usernames, display names and former usernames,
    each in the order of names.
    """

    caller, cached, response_body = "anyone", True, out.SearchOut
    query_parameters = (SEARCH, SEARCH_LIMIT, AFTER_FOUND)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        text = parameters.text(request, SEARCH) or ""
        size = parameters.integer(request, SEARCH_LIMIT)
        after = parameters.text(request, AFTER_FOUND)
        found = search.search(text, size + 1, after)
        page = found[:size]
        return Response(
            out.SearchOut(
                players=[_found_out(one) for one in page],
                suggestions=[] if found or after else search.suggestions(text),
                next=page[-1].cursor if len(found) > size else None,
            )
        )


def _cursor(moment: dt.datetime, row: int) -> str:
    return parameters.time_cursor_after(moment, row)


def _player_out(facts: PlayerFacts, next_rank: NextRankOut | None) -> out.PlayerOut:
    return out.PlayerOut(
        user_id=facts.user_id,
        user_id_string=str(facts.user_id),
        username=facts.username,
        display_name=facts.display_name,
        points=facts.points,
        rank=facts.rank,
        rank_slug=facts.rank_slug,
        level=facts.level,
        rank_since=facts.rank_since,
        joined_at=facts.joined_at,
        position=facts.position,
        total=facts.total,
        percentile=facts.percentile,
        change=facts.change,
        kos=facts.kos,
        wos=facts.wos,
        pace=facts.pace,
        streak=out.PlayerStreakOut(facts.streak, facts.longest_streak),
        best_day=_best(out.PlayerDayOut, facts.best_day, facts.best_day_points),
        best_week=_best(out.PlayerWeekOut, facts.best_week, facts.best_week_points),
        experiences=[out.ExperienceOut(**one) for one in facts.experiences],
        recommendations=facts.recommendations,
        next_rank=next_rank,
        last_synced_at=facts.synced_at,
        as_of=min(facts.as_of, replica.as_of()),
    )


def _best[K, T](
    make: Callable[[K, Decimal], T], when: K | None, amount: Decimal | None
) -> T | None:
    return None if when is None or amount is None else make(when, amount)


def _entry_out(row: HistoryRow) -> out.HistoryEntryOut:
    return out.HistoryEntryOut(
        id=str(row.id),
        experience=row.experience,
        experience_name=row.experience_name,
        type=row.type,
        magnitude=row.magnitude,
        awarded=row.awarded,
        occurred_at=row.occurred_at,
    )


def _promotion_out(row: Promotion) -> out.PromotionOut:
    return out.PromotionOut(
        id=str(row.id),
        player=out.RefOut(
            row.user_id,
            str(row.user_id),
            row.username,
            row.display_name,
            row.present_rank,
            row.present_rank_slug,
        ),
        rank=row.rank,
        rank_slug=row.rank_slug,
        from_rank=row.from_rank,
        from_rank_slug=row.from_rank_slug,
        promoted_at=row.promoted_at,
    )


def _found_out(found: Found) -> out.FoundOut:
    return out.FoundOut(
        user_id=found.user_id,
        user_id_string=str(found.user_id),
        username=found.username,
        display_name=found.display_name,
        rank=found.rank,
        rank_slug=found.rank_slug,
        points=found.points,
        matched=found.matched,
        matched_text=found.matched_text,
    )
