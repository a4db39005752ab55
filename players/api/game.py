"""HTTP operations for game servers: events, policy, joins, search, moderators' commands, logs."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from common import database_clock
from common.errors import Refused
from common.visible_text import clean_text
from players.actions import game_commands, game_log
from players.active_policy import active
from players.api import join_state, parameters, queries, schemas
from players.api.base import View, parsed_body
from players.api.parameters import AFTER_EPOCH, PLAYERS, SEARCH
from players.leave import requests as leave_requests
from players.leave.requests import Wish
from players.membership import freshness
from players.models import Leave
from players.points.event_parser import BadBatch, BatchIn, parse
from players.points.ingestion import ingest
from players.points.receipts import Receipt
from players.policy.bundle import Bundle
from players.quarantines import isolation
from players.quarantines.detection import Source
from roblox.models import Experience

SEARCH_RESULTS = 10
PRESENTATION = ("description", "colour")  # of a rank
IN_GAMES = ("hostedEvents", "activity", "quotas", "leave")  # sections of the community document


class NotJson(APIException):
    status_code = 415
    default_detail = "Send the batch as application/json."
    default_code = "unsupported_media_type"


class Events(View):
    """Store up to 500 events of one game server, and its players' active minutes.

    Each item is accepted or rejected by itself.

    Sending the same batch again changes nothing.
    """

    caller, request_body, response_body = "experience", BatchIn, schemas.ReceiptOut
    error_statuses = (400, 413, 415)

    def post(self, request: Request) -> Response:
        if request.content_type.partition(";")[0].strip() != "application/json":
            raise NotJson()
        now = database_clock.now()
        try:
            batch = parse(request.body, now)
        except BadBatch as error:
            raise ValidationError(str(error)) from None
        receipt = ingest(request.auth.key, batch, now=now, key=api_key_id(request))
        return Response(_receipt(receipt))


class Policy(View):
    """The active policy. Its ETag is the policy's version."""

    caller, response_body = "experience", schemas.PolicyOut
    error_statuses = (304,)

    def get(self, request: Request) -> Response:
        bundle = active().bundle
        etag = f'"{bundle.version}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if etag in (part.strip() for part in request.headers.get("If-None-Match", "").split(",")):
            return Response(status=304, headers=headers)
        return Response(
            {"version": bundle.version, **_rules(bundle, request.auth.key)}, headers=headers
        )


def _rules(bundle: Bundle, experience: str) -> dict[str, Any]:
    """Return the documents without what is only read by people or by GRPS.

    Older modules refuse unknown fields in a document that they know, and ignore unknown documents.
    """
    ranks, points = bundle.documents["ranks"], dict(bundle.documents["points"])
    community = bundle.documents.get("community", {})
    rows = [
        {name: value for name, value in row.items() if name not in PRESENTATION}
        for row in ranks["ranks"]
    ]
    multipliers = [
        {name: value for name, value in row.items() if name != "experiences"}
        for row in points.pop("multipliers", [])
        if experience in row.get("experiences", [experience])
    ]
    return {
        **bundle.documents,
        "ranks": {**ranks, "ranks": rows},
        "points": points,
        "community": {name: community[name] for name in IN_GAMES if name in community},
        "multipliers": multipliers,
    }


class Join(View):
    """What a game server needs about a player who joins."""

    caller, response_body, error_statuses = "experience", schemas.JoinOut, (400, 404)
    query_parameters = (AFTER_EPOCH,)

    def get(self, request: Request, user_id: int) -> Response:
        freshness.on_join([user_id], request.auth.key)
        epoch = parameters.integer(request, AFTER_EPOCH)
        (player,) = join_state.load({user_id: epoch}, request.auth.key)
        return Response(player)


class Joins(View):
    """What a game server needs about up to 50 players, in the order of the request."""

    caller, response_body, error_statuses = "experience", schemas.JoinsOut, (400,)
    query_parameters = (PLAYERS,)

    def get(self, request: Request) -> Response:
        epochs = parameters.player_epochs(request)
        freshness.on_join(list(epochs), request.auth.key)
        return Response(schemas.JoinsOut(join_state.load(epochs, request.auth.key)))


class Find(View):
    """The first ten players whose username starts with a text, for officers in a game.

    Case is ignored. Former usernames count too.
    """

    caller, response_body = "experience", schemas.GameSearchOut
    query_parameters = (SEARCH,)
    error_statuses = (400,)

    def get(self, request: Request) -> Response:
        prefix = parameters.text(request, SEARCH) or ""
        players = [
            schemas.GameFoundOut(
                line.user_id, line.username, line.display_name, line.rank, line.points, sanction
            )
            for line, sanction in queries.search_with_sanctions(prefix, SEARCH_RESULTS)
        ]
        return Response(schemas.GameSearchOut(players))


class Sanctions(View):
    """Carry out a moderator's command. A repeated `id` gets the first answer again.

    A command that is not allowed is answered with 200 and the status `refused`; `detail` gives the
    reason, for the moderator to read.
    """

    caller, request_body, response_body = "experience", schemas.CommandIn, schemas.CommandOut
    error_statuses = (400,)

    def post(self, request: Request) -> Response:
        body = parsed_body(request, schemas.CommandIn)
        command = game_commands.GameCommandIn(
            id=body.id,
            actor_user_id=body.actor_user_id,
            user_id=body.user_id,
            kind=body.kind,
            reason=body.reason,
            occurred_at=body.occurred_at,
            until=body.until,
            amount=body.amount,
            rank=body.rank,
            event=body.event,
            alt_accounts=body.alt_accounts,
        )
        answer = game_commands.handle_command(
            request.auth.key, command, now=database_clock.now(), key=api_key_id(request)
        )
        return Response(schemas.CommandOut(**answer))


class LeaveRequests(View):
    """Ask for a leave of absence for a member who asked in the game. Staff decide about it.

    A request that cannot be made is answered with 200 and the status `refused`.
    """

    caller, request_body, response_body = "experience", schemas.LeaveIn, schemas.LeaveOut
    error_statuses = (400,)

    def post(self, request: Request) -> Response:
        body, now = parsed_body(request, schemas.LeaveIn), database_clock.now()
        try:
            if isolation.standing(Source(request.auth.key, api_key_id(request))).held is not None:
                raise Refused("Ask on the website; this game's requests are held now.")
            days = leave_requests.from_today(body.days, now)
            wish = Wish(days, body.reason, Leave.Source.GAME)
            made = leave_requests.ask(body.user_id, wish, now=now)
        except Refused as refusal:
            return Response(schemas.LeaveOut("refused", str(refusal)))
        asked = f"You asked for leave until {made.last_day}; staff decide."
        return Response(schemas.LeaveOut("asked", asked))


class Audits(View):
    """Store up to 100 lines of a game's own log in the audit log. A repeated `id` is ignored."""

    caller, request_body, response_body = "experience", schemas.LinesIn, schemas.LinesOut
    error_statuses = (400,)

    def post(self, request: Request) -> Response:
        body = parsed_body(request, schemas.LinesIn)
        lines = [_log_line(line) for line in body.lines]
        accepted = game_log.store_log_lines(request.auth.key, lines)
        return Response(schemas.LinesOut(accepted, len(lines) - accepted))


def api_key_id(request: Request) -> int | None:
    """Return our id of the API key that the game server sent."""
    return request.auth.presented if isinstance(request.auth, Experience) else None


def _log_line(line: schemas.LogLineIn) -> game_log.LogLine:
    if "\0" in line.text:
        raise ValidationError({"text": "It holds a NUL character; take it out."})
    text = clean_text(line.text)
    if not text:
        raise ValidationError({"text": "Nothing of it is visible."})
    return game_log.LogLine(line.id, line.at, line.kind, text, line.user_id)


def _receipt(receipt: Receipt) -> schemas.ReceiptOut:
    return schemas.ReceiptOut(
        accepted=receipt.accepted,
        duplicates=receipt.duplicates,
        rejected=[schemas.ItemResultOut(v.index, v.code, v.detail) for v in receipt.rejected],
        notices=[schemas.ItemResultOut(v.index, v.code, v.detail) for v in receipt.notices],
        players=[
            schemas.PlayerStateOut(
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
        activity=[
            schemas.ActiveMinutesOut(one.user_id, one.session, one.day, one.minutes)
            for one in receipt.activity
        ],
        rejected_activity=[schemas.ItemResultOut(*one) for one in receipt.rejected_activity],
    )
