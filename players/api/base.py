"""The base class of every API view, and what views share."""

from typing import ClassVar

import msgspec
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import time
from common.amounts import points
from players.active_policy import NoPolicy
from players.api.parameters import Parameter
from players.api.schemas import MissingOut
from players.policy.ranks import Missing


class NotReady(APIException):
    status_code = 503
    default_detail = "GRPS has no active policy yet: run `manage.py bootstrap`."
    default_code = "not_ready"


class Conflict(APIException):
    """The request conflicts with the present state of its object. The detail says why."""

    status_code = 409
    default_code = "conflict"


class View(APIView):
    """One operation of the contract (docs/api.md). The OpenAPI document is made of its attributes.

    `caller` says who may call (grps_site/http/authentication.py); `cached` puts the one-second
    response cache in front of it, and lets the replica answer unless the view `writes`.
    """

    caller: ClassVar[str]
    cached: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    request_body: ClassVar[type[msgspec.Struct] | None] = None
    response_body: ClassVar[type[msgspec.Struct] | None]  # None: bytes of `media_types`
    media_types: ClassVar[tuple[str, ...]] = ("application/json",)
    response_status: ClassVar[int] = 200
    query_parameters: ClassVar[tuple[Parameter, ...]] = ()
    header_parameters: ClassVar[tuple[Parameter, ...]] = ()
    error_statuses: ClassVar[tuple[int, ...]] = ()

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, NoPolicy):
            exc = NotReady()
        return super().handle_exception(exc)


def parsed_body[T: msgspec.Struct](request: Request, schema: type[T]) -> T:
    """Convert the body to `schema`. Raises ValidationError naming the field that does not fit."""
    try:
        body = msgspec.convert(request.data, schema)
    except msgspec.ValidationError as error:
        raise ValidationError(f"{error}.") from None
    for field, problem in time.out_of_bounds(body):
        raise ValidationError({field: f"{problem}."})
    return body


def player_not_found(user_id: int) -> NotFound:
    return NotFound(f"No player has the user id {user_id}.")


def missing_out(missing: Missing) -> MissingOut:
    return MissingOut(points(missing.points), missing.days, missing.recommendations)
