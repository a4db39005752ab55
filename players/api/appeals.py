"""HTTP operations for appeals. Opening one needs a Turnstile token; reading it needs its own token."""

from typing import Annotated

import msgspec
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from common import database_clock
from common.errors import Refused
from players import case_codes
from players.api.base import View, parsed_body
from players.api.schemas import Out, Time, UserId
from players.discipline import appeals

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=case_codes.LONGEST)]
Text = Annotated[str, msgspec.Meta(min_length=appeals.SHORTEST, max_length=appeals.LONGEST)]


class AppealIn(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"user_id": "userId", "turnstile": "cf-turnstile-response"},
):
    """An appeal. `case`: the code of the sanction, which the game shows to its player.

    The Turnstile token may be sent in the header `cf-turnstile-response` instead.
    """

    user_id: UserId
    case: Code
    text: Text
    turnstile: str = ""


class OpenedOut(Out, frozen=True):
    """An opened appeal. The token is needed to read the answer and is not shown again."""

    token: str
    status: str


class AppealOut(Out, frozen=True):
    """The state of an appeal. `answer` is empty until the appeal is decided."""

    status: str
    kind: str
    answer: str
    opened_at: Time
    decided_at: Time | None


class OpenAppeal(View):
    """Appeal against a warning, suspension or ban in force. Each can be appealed once."""

    caller, request_body, response_body = "visitor", AppealIn, OpenedOut
    response_status, error_statuses = 201, (400,)

    def post(self, request: Request) -> Response:
        body = parsed_body(request, AppealIn)
        try:
            appeal, token = appeals.open_(
                body.user_id, body.case, body.text, now=database_clock.now()
            )
        except Refused as refusal:
            field, _, detail = str(refusal).partition(": ")
            raise ValidationError({field: detail}) from None
        headers = {"Location": f"/appeals/{token}", "Cache-Control": "no-store"}
        return Response(OpenedOut(token, str(appeal.status)), status=201, headers=headers)


class ReadAppeal(View):
    """The state of an appeal and the answer to it."""

    caller, response_body = "anyone", AppealOut
    error_statuses = (404,)

    def get(self, request: Request, token: str) -> Response:
        found = appeals.status(token)
        if found is None:
            raise NotFound("No appeal has this token.")
        out = AppealOut(
            found.status, found.sanction.kind, found.answer, found.created_at, found.decided_at
        )
        return Response(out, headers={"Cache-Control": "no-store"})
