"""Verify Cloudflare Turnstile tokens."""

from dataclasses import dataclass

import httpx
import msgspec
import structlog
from django.conf import settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from grps_site.http.signed_calls import visitor_address

TIMEOUT = httpx.Timeout(5.0)
MAX_TOKEN = 2048  # Cloudflare's own limit
log = structlog.get_logger("grps.turnstile")


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a check. `errors`: codes of Cloudflare or of GRPS."""

    valid: bool
    errors: list[str]


class _Answer(msgspec.Struct, rename={"error_codes": "error-codes"}):
    success: bool
    hostname: str = ""
    error_codes: list[str] = []


class TurnstileIn(msgspec.Struct, forbid_unknown_fields=True):
    """The token that Cloudflare's widget returned."""

    token: str


class TurnstileOut(msgspec.Struct):
    """The result of a check.

    `errors`: Cloudflare's codes, or `not-configured`, `unreachable`, `wrong-hostname`.
    """

    valid: bool
    errors: list[str]


def verify(token: str, address: str = "") -> Verification:
    """Ask Cloudflare about a token. A token that cannot be checked is not valid."""
    if not settings.TURNSTILE_SECRET:
        return Verification(False, ["not-configured"])
    form = {"secret": settings.TURNSTILE_SECRET, "response": token} | (
        {"remoteip": address} if address else {}
    )
    try:
        response = httpx.post(settings.TURNSTILE_VERIFY_URL, data=form, timeout=TIMEOUT)
        answer = msgspec.json.decode(response.content, type=_Answer)
    except (httpx.HTTPError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("Turnstile is unavailable", error=str(error))
        return Verification(False, ["unreachable"])
    if not answer.success:
        return Verification(False, answer.error_codes or ["invalid-input-response"])
    if settings.TURNSTILE_HOSTNAMES and answer.hostname not in settings.TURNSTILE_HOSTNAMES:
        return Verification(False, ["wrong-hostname"])
    return Verification(True, [])


class TurnstileVerify(APIView):
    """Verify a Turnstile token."""

    caller = "anyone"
    request_body, response_body = TurnstileIn, TurnstileOut
    error_statuses = (400, 413, 415)

    def post(self, request: Request) -> Response:
        try:
            token = msgspec.convert(request.data, TurnstileIn).token
        except msgspec.ValidationError as error:
            raise ValidationError(f"{error}.") from None
        if len(token) > MAX_TOKEN:
            return Response(TurnstileOut(valid=False, errors=["invalid-input-response"]))
        found = verify(token, visitor_address(request))
        return Response(TurnstileOut(valid=found.valid, errors=found.errors))
