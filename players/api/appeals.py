"""HTTP in and out for appeals: anybody who passes Turnstile may open one; its token reads the
answer.
"""

import datetime as dt
from typing import Annotated

import msgspec
from django.utils import timezone
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Refused
from players.api.public import View, body_of
from players.api.schemas import Out, UserId
from players.discipline import appeals, case_codes

# The shortest and longest of what somebody may type; what is no code is no case.
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=case_codes.LONGEST)]
Text = Annotated[str, msgspec.Meta(min_length=appeals.SHORTEST, max_length=appeals.LONGEST)]


class AppealIn(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"user_id": "userId", "turnstile": "cf-turnstile-response"},
):
    """Who appeals, against which case (its code, which the game shows to them), and why.

    The visitor's Turnstile token may also stand in a header.
    """

    user_id: UserId
    case: Code
    text: Text
    turnstile: str = ""


class OpenedOut(Out, frozen=True):
    """An appeal was taken in. The token is shown this once; it alone reads the answer."""

    token: str
    status: str


class AppealOut(Out, frozen=True):
    """Where an appeal stands; `answer` is empty until it is decided."""

    status: str
    kind: str
    answer: str
    opened_at: dt.datetime
    decided_at: dt.datetime | None


class OpenAppeal(View):
    """Appeal against a warning, a suspension or a ban that is in force; once for each."""

    caller, takes, answers, status = "visitor", AppealIn, OpenedOut, 201
    refuses = (400,)

    def post(self, request: Request) -> Response:
        asked = body_of(request, AppealIn)
        try:
            appeal, token = appeals.open_(asked.user_id, asked.case, asked.text, now=timezone.now())
        except Refused as refusal:
            field, _, detail = str(refusal).partition(": ")
            raise ValidationError({field: detail}) from None
        headers = {"Location": f"/appeals/{token}", "Cache-Control": "no-store"}
        return Response(OpenedOut(token, str(appeal.status)), status=201, headers=headers)


class ReadAppeal(View):
    """The answer to an appeal."""

    caller, answers = "anyone", AppealOut
    refuses = (404,)

    def get(self, request: Request, token: str) -> Response:
        found = appeals.status(token)
        if found is None:
            raise NotFound("No appeal has this token.")
        out = AppealOut(
            found.status, found.sanction.kind, found.answer, found.created_at, found.decided_at
        )
        return Response(out, headers={"Cache-Control": "no-store"})
