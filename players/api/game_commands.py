"""HTTP in and out for what moderators do and say in a game. Who may call it stands in `caller`."""

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from players.actions import game_commands
from players.actions.game_commands import Command, Line
from players.api import schemas
from players.api.public import View, body_of, key_of


class Sanctions(View):
    """A moderator's command in a game. What they may not do is answered 200 with status `refused`;
    `detail` says why, for them to read. An `id` repeats harmlessly: the answer is the first one's.
    """

    caller, takes, answers = "experience", schemas.CommandIn, schemas.CommandOut
    refuses = (400,)

    def post(self, request: Request) -> Response:
        asked = body_of(request, schemas.CommandIn)
        command = Command(
            id=asked.id,
            actor_user_id=asked.actor_user_id,
            user_id=asked.user_id,
            kind=asked.kind,
            reason=asked.reason,
            occurred_at=asked.occurred_at,
            until=asked.until,
            amount=asked.amount,
            rank=asked.rank,
            event=asked.event,
            alt_accounts=asked.alt_accounts,
        )
        answer = game_commands.obey(
            request.auth.key, command, now=timezone.now(), key=key_of(request)
        )
        return Response(schemas.CommandOut(**answer))


class Audits(View):
    """Lines of a game's own log, at most 100, mirrored under the experience's name. Ids repeat
    harmlessly.
    """

    caller, takes, answers = "experience", schemas.LinesIn, schemas.LinesOut
    refuses = (400,)

    def post(self, request: Request) -> Response:
        asked = body_of(request, schemas.LinesIn)
        lines = [
            Line(line.id, line.at, line.kind, _text(line.text), line.user_id)
            for line in asked.lines
        ]
        accepted = game_commands.report(request.auth.key, lines, now=timezone.now())
        return Response(schemas.LinesOut(accepted, len(lines) - accepted))


def _text(text: str) -> str:
    if "\0" in text:
        raise ValidationError({"text": "It holds a NUL character; take it out."})
    return text
