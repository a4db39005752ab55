"""The endpoint to which Discord posts interactions."""

import time
from typing import Annotated, Any

import msgspec
from prometheus_client import Histogram
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from common import metric_errors
from discord import tasks
from discord.interactions import answers, handling, payloads
from discord.interactions.payloads import BadInteraction, Interaction
from players.api.base import Conflict, View

KINDS = {
    payloads.PING: "ping",
    payloads.COMMAND: "command",
    payloads.COMPONENT: "button",
    payloads.AUTOCOMPLETE: "names",
    payloads.MODAL: "dialog",
}
ANSWERED = Histogram(
    "grps_discord_interaction_seconds",
    "Answers to interactions of Discord, from the verified signature on",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3),
)


class InteractionIn(msgspec.Struct, frozen=True):
    """What GRPS reads of an interaction: 1 ping, 2 command, 3 button, 4 typing, 5 dialog.

    `data` is the command with its options, or the button or dialog. Unknown fields are ignored.
    """

    id: payloads.Snowflake
    application_id: payloads.Snowflake
    type: Annotated[int, msgspec.Meta(ge=payloads.PING, le=payloads.MODAL)]
    token: payloads.Token
    data: dict[str, Any] = {}
    guild_id: payloads.Snowflake | None = None


class InteractionOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """Discord's form: 1 pong, 4 message, 5 answered later, 8 offered names, 9 dialog."""

    type: int
    data: dict[str, Any] = {}


class Interactions(View):
    """A command, button or dialog that Discord passes on, answered within three seconds.

    Its signature is verified before the body is parsed. An interaction is handled once. The type
    of the body is Discord's.
    """

    caller, request_body, response_body = "discord", InteractionIn, InteractionOut
    error_statuses = (403, 409)

    def post(self, request: Request) -> Response:
        start = time.perf_counter()
        asked = _parsed(request.body)
        answer = _answer(asked)
        if answer["type"] == answers.DEFERRED:
            tasks.ANSWERING.after_commit()
        with metric_errors.tolerated():
            ANSWERED.labels(KINDS[asked.type]).observe(time.perf_counter() - start)
        return Response(answer)


def _parsed(body: bytes) -> Interaction:
    try:
        return payloads.parse(body)
    except BadInteraction as error:
        raise ValidationError(str(error)) from None


def _answer(asked: Interaction) -> answers.Answer:
    try:
        return handling.answer(asked)
    except handling.OtherApplication:
        raise PermissionDenied(
            "The interaction is for another application than DISCORD_APPLICATION_ID."
        ) from None
    except handling.Repeated:
        raise Conflict("This interaction was handled already.") from None
