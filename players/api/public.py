"""Public reads over HTTP. A view parses, calls a rule and answers; `caller` says who may call it."""

import datetime as dt
from typing import Any, ClassVar

import msgspec
from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.record import Actor
from common import time
from common.amounts import points
from common.errors import Refused
from players import leaderboard
from players.active_policy import NoPolicy, active
from players.api import parameters, queries, schemas
from players.api.parameters import AFTER_NAME, AFTER_POINTS, AFTER_TIME, Parameter, limit
from players.api.schemas import LineOut, MissingOut
from players.membership import freshness
from players.models import REST, Decision
from players.points.event_parser import BadBatch, BatchIn, parse
from players.points.ingestion import Receipt, ingest
from players.policy.ranks import Evaluation, Missing
from players.ranks.evaluation import assess, evaluate_and_apply, lock_candidate
from roblox.models import Experience

LATEST = dt.datetime(9999, 12, 31, tzinfo=dt.UTC), 2**63 - 1
TOP_LIMIT, RECORDS_LIMIT, HISTORY_LIMIT, SEARCH_LIMIT = (
    limit(25, 100),
    limit(5, 50),
    limit(50, 200),
    limit(25, 100),
)
FOUND = 10  # players that a game's search shows
AFTER_EPOCH = Parameter(
    "after",
    {"type": "integer", "minimum": REST, "maximum": LATEST[1], "default": REST},
    "Only sessions with a higher epoch: those that the game has not folded.",
)
SPAN = Parameter(
    "span",
    {"type": "integer", "minimum": 1, "maximum": 50, "default": 5},
    "How many before and after the player.",
)
SEARCH = Parameter(
    "search",
    {"type": "string", "pattern": "^[^\\u0000]{1,50}$"},
    "The first 1 to 50 characters of a username.",
    required=True,
)


class NotReady(APIException):
    status_code = 503
    default_detail = "GRPS has no active policy yet: run `manage.py bootstrap`."
    default_code = "not_ready"


class Conflict(APIException):
    """What is asked for does not fit the state that the thing is in; the detail says why."""

    status_code = 409
    default_code = "conflict"


class View(APIView):
    """A line of the contract. `takes` and `answers` are its shapes, `query` and `headers_in` its
    parameters.
    """

    caller: ClassVar[str]
    cached: ClassVar[bool] = False
    takes: ClassVar[type[msgspec.Struct] | None] = None
    answers: ClassVar[type[msgspec.Struct]]
    status: ClassVar[int] = 200
    query: ClassVar[tuple[Parameter, ...]] = ()
    headers_in: ClassVar[tuple[Parameter, ...]] = ()
    refuses: ClassVar[tuple[int, ...]] = ()

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NoPolicy):
            exc = NotReady()
        return super().handle_exception(exc)


class Top(View):
    """The leaderboard by points, the best first."""

    caller, cached, answers = "anyone", True, schemas.TopOut
    query = (TOP_LIMIT, AFTER_POINTS)
    refuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.whole(request, TOP_LIMIT)
        lines = leaderboard.top(size + 1, parameters.points_cursor(request))
        page = lines[:size]
        following = (
            parameters.next_by_points(page[-1].points, page[-1].id) if len(lines) > size else None
        )
        newest = max((line.synced_at for line in page), default=None)
        return Response(schemas.TopOut([_line(line) for line in page], newest, following))


class Records(View):
    """Who has the most KOs, and the most WOs."""

    caller, cached, answers = "anyone", True, schemas.RecordsOut
    query = (RECORDS_LIMIT,)
    refuses = (400,)

    def get(self, request: Request) -> Response:
        size = parameters.whole(request, RECORDS_LIMIT)
        kos, wos = (
            [_line(line) for line in leaderboard.records(column, size)] for column in ("kos", "wos")
        )
        return Response(schemas.RecordsOut(kos, wos))


class Around(View):
    """A player's neighbours on the leaderboard."""

    caller, cached, answers = "anyone", True, schemas.AroundOut
    query = (SPAN,)
    refuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        span = parameters.whole(request, SPAN)
        found = queries.listed_id(user_id)
        if found is None:
            raise _no_player(user_id)
        return Response(
            schemas.AroundOut([_line(line) for line in leaderboard.around(*found, span)])
        )


class OnePlayer(View):
    """A player: points, rank, position, and what is missing for the next rank."""

    caller, cached, answers = "anyone", True, schemas.PlayerOut
    refuses = (404,)

    def get(self, request: Request, user_id: int) -> Response:
        player = queries.profile(user_id)
        if player is None:
            raise _no_player(user_id)
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
    """A player's ledger, the newest row first."""

    caller, cached, answers = "anyone", True, schemas.HistoryOut
    query = (HISTORY_LIMIT, AFTER_TIME)
    refuses = (400, 404)

    def get(self, request: Request, user_id: int) -> Response:
        size = parameters.whole(request, HISTORY_LIMIT)
        before = parameters.time_cursor(request) or LATEST
        found = queries.listed_id(user_id)
        if found is None:
            raise _no_player(user_id)
        rows = queries.history(found[0], size + 1, before)
        page = rows[:size]
        following = (
            parameters.next_by_time(page[-1].occurred_at, page[-1].id) if len(rows) > size else None
        )
        entries = [
            schemas.HistoryEntryOut(
                row.origin, row.type, row.magnitude, row.awarded, row.occurred_at
            )
            for row in page
        ]
        return Response(schemas.HistoryOut(entries, following))


class Search(View):
    """Players whose name starts with a text, in any case, by name."""

    caller, cached, answers = "anyone", True, schemas.SearchOut
    query = (SEARCH, SEARCH_LIMIT, AFTER_NAME)
    refuses = (400,)

    def get(self, request: Request) -> Response:
        prefix = parameters.matching(request, SEARCH) or ""
        size = parameters.whole(request, SEARCH_LIMIT)
        lines = leaderboard.search(prefix, size + 1, parameters.name_cursor(request))
        page = lines[:size]
        following = (
            parameters.next_by_name(page[-1].username.lower(), page[-1].id)
            if len(lines) > size
            else None
        )
        found = [
            schemas.FoundOut(line.user_id, line.username, line.display_name, line.rank, line.points)
            for line in page
        ]
        return Response(schemas.SearchOut(found, following))


class Ranks(View):
    """The ranks of the active policy, in order."""

    caller, cached, answers = "anyone", True, schemas.RanksOut

    def get(self, request: Request) -> Response:
        bundle = active().bundle
        rows = [
            schemas.RankOut(
                name=rank.name,
                level=rank.level,
                position=rank.position,
                role=rank.role,
                min_points=points(rank.min_points),
                min_time_days=rank.min_time_days,
                required_recommendations=rank.required_recommendations,
                privileged=rank.privileged,
                on_ladder=rank in bundle.ladder,
            )
            for rank in bundle.ranks
        ]
        return Response(schemas.RanksOut(bundle.version, rows))


class Events(View):
    """Up to 500 events of one game server, judged item by item. Sending again changes nothing."""

    caller, takes, answers = "experience", BatchIn, schemas.ReceiptOut
    refuses = (400, 413, 415)

    def post(self, request: Request) -> Response:
        if request.content_type.partition(";")[0].strip() != "application/json":
            raise _NotJson()
        now = timezone.now()
        try:
            batch = parse(request.body, now)
        except BadBatch as error:
            raise ValidationError(str(error)) from None
        return Response(_receipt(ingest(request.auth.key, batch, now=now, key=key_of(request))))


class _NotJson(APIException):
    status_code = 415
    default_detail = "Send the batch as application/json."
    default_code = "unsupported_media_type"


class Policy(View):
    """The active policy bundle, as games fetch and keep it. Its ETag is the bundle's version."""

    caller, answers = "experience", schemas.PolicyOut
    refuses = (304,)

    def get(self, request: Request) -> Response:
        bundle = active().bundle
        tag = f'"{bundle.version}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in (part.strip() for part in request.headers.get("If-None-Match", "").split(",")):
            return Response(status=304, headers=headers)
        return Response({"version": bundle.version, **bundle.documents}, headers=headers)


class Join(View):
    """What a game server needs when a player joins: this experience's sessions, the adjusted part,
    the rank.
    """

    caller, answers, refuses = "experience", schemas.JoinOut, (400, 404)
    query = (AFTER_EPOCH,)

    def get(self, request: Request, user_id: int) -> Response:
        freshness.on_join([user_id])
        (player,) = queries.joined(
            {user_id: parameters.whole(request, AFTER_EPOCH)}, request.auth.key
        )
        return Response(_joined(player))


class Joins(View):
    """The same of up to fifty players at once, in the order they are asked for."""

    caller, answers, refuses = "experience", schemas.JoinsOut, (400,)
    query = (parameters.PLAYERS,)

    def get(self, request: Request) -> Response:
        asked = parameters.players(request)
        freshness.on_join(list(asked))
        players = queries.joined(asked, request.auth.key)
        return Response(schemas.JoinsOut([_joined(player) for player in players]))


def _joined(player: queries.Joined) -> schemas.JoinOut:
    ban = player.ban
    return schemas.JoinOut(
        user_id=player.user_id,
        known=player.known,
        rank=player.rank,
        rank_since=player.rank_since,
        points=player.points,
        elsewhere=player.elsewhere,
        recommendations=player.recommendations,
        recommended_by=player.recommended_by,
        sessions=[
            schemas.PartOut(one.session, one.sequence, one.total, one.confirmed)
            for one in player.parts
        ],
        adjusted=schemas.AdjustedOut(player.adjusted_sequence, player.adjusted),
        sanction=player.sanction,
        warnings=player.warnings,
        ban=schemas.BanOut(ban.case, ban.until, ban.reason, ban.lifted_by_us, ban.alt_accounts)
        if ban
        else None,
        cases=[schemas.CaseOut(one.kind, one.code, one.until) for one in player.cases],  # type: ignore[arg-type]
        membership=schemas.MembershipOut(player.membership.value, player.member_since),
        counts=schemas.CountsOut(
            player.counts.points, player.counts.private_servers, player.counts.studio
        ),
    )


class Find(View):
    """Players whose name starts with a text, in any case, by name, for officers in a game: the
    first ten.
    """

    caller, answers = "experience", schemas.GameSearchOut
    query = (SEARCH,)
    refuses = (400,)

    def get(self, request: Request) -> Response:
        found = queries.found(parameters.matching(request, SEARCH) or "", FOUND)
        return Response(
            schemas.GameSearchOut(
                [
                    schemas.GameFoundOut(
                        line.user_id,
                        line.username,
                        line.display_name,
                        line.rank,
                        line.points,
                        sanction,
                    )
                    for line, sanction in found
                ]
            )
        )


class Decide(View):
    """Evaluate a player against the policy and, if asked, apply or propose what comes of it."""

    caller, takes, answers = "signed", schemas.DecideIn, schemas.DecideOut
    refuses = (400, 404)

    def post(self, request: Request) -> Response:
        asked = body_of(request, schemas.DecideIn)
        now = timezone.now()
        with transaction.atomic():
            policy = active()
            try:
                candidate = lock_candidate(asked.user_id)
            except Refused:
                raise _no_player(asked.user_id) from None
            if asked.apply:
                outcomes = evaluate_and_apply(
                    [candidate],
                    source=Decision.Source.AUTOMATION,
                    policy=policy,
                    actor=Actor("system", "automation", "automation"),
                    now=now,
                    reason=asked.reason,
                )
                found = {
                    outcome.candidate.id: (outcome.evaluation, outcome.decision)
                    for outcome in outcomes
                }
            else:
                found = {
                    key: (evaluation, None)
                    for key, evaluation in assess([candidate], policy, now).items()
                }
        evaluation, decision = found.get(candidate.id, (None, None))
        if evaluation is None:
            raise ValidationError({"userId": "The player's rank is not part of the active policy."})
        return Response(
            schemas.DecideOut(
                user_id=asked.user_id,
                rank=policy.ranks[candidate.rank_id].name,
                target=evaluation.target.name if evaluation.target else None,
                kind=evaluation.kind,
                automatic=evaluation.automatic,
                failed=[str(condition) for condition in evaluation.failed],
                missing=_missing(evaluation.missing),
                policy_version=policy.bundle.version,
                decision_id=decision.pk if decision else None,
                status=decision.status if decision else None,
            )
        )


def key_of(request: Request) -> int | None:
    """Our id of the key by which a game server proved itself."""
    return request.auth.presented if isinstance(request.auth, Experience) else None


def body_of[T: msgspec.Struct](request: Request, kind: type[T]) -> T:
    """The body as `kind`, its moments within bounds. Raises ValidationError saying what does not
    fit.
    """
    try:
        body = msgspec.convert(request.data, kind)
    except msgspec.ValidationError as error:
        raise ValidationError(f"{error}.") from None
    for place, fault in time.out_of_bounds(body):
        raise ValidationError({place: f"{fault}."})
    return body


def _no_player(user_id: int) -> NotFound:
    return NotFound(f"No player has the user id {user_id}.")


def _line(line: leaderboard.Line) -> LineOut:
    return LineOut(
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


def _missing(missing: Missing) -> MissingOut:
    return MissingOut(points(missing.points), missing.days, missing.recommendations)


def _next_rank(evaluation: Evaluation | None, target: Any) -> schemas.NextRankOut | None:
    if evaluation is None or target is None:
        return None
    missing = evaluation.missing if evaluation.kind != "demotion" else Missing(0, 0, 0)
    return schemas.NextRankOut(
        name=target.name,
        min_points=points(target.min_points),
        min_time_days=target.min_time_days,
        required_recommendations=target.required_recommendations,
        privileged=target.privileged,
        missing=_missing(missing),
    )


def _receipt(receipt: Receipt) -> schemas.ReceiptOut:
    return schemas.ReceiptOut(
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        rejected=[schemas.VerdictOut(v.index, v.code, v.detail) for v in receipt.rejected],
        notices=[schemas.VerdictOut(v.index, v.code, v.detail) for v in receipt.notices],
        players=[
            schemas.StandingOut(
                user_id=row.user_id,
                rank=row.rank,
                points=row.points,
                confirmed=schemas.ConfirmedOut(row.session, row.confirmed),
                adjusted=schemas.AdjustedOut(row.adjusted_sequence, row.adjusted),
                sanction=row.sanction,
                membership=schemas.MembershipOut(row.membership.value, row.member_since),
            )
            for row in receipt.players
        ],
    )
