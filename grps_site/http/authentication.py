"""Authentication of API calls. Each view declares its `caller`; a view without one serves nobody.

`anyone`: no proof. `experience`: a game server, by its API key. `signed`: a program that knows the
shared secret. `roblox`: Roblox, by the signature of its webhooks. `visitor`: a person, by a
Turnstile token. After authentication `request.auth` is the Experience, or the caller's name.
"""

import hmac
import re
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.client_address import client_address
from common.parsing import whole_number
from grps_site.http import throttling, turnstile
from grps_site.http.request_signing import SignedCall, signature
from roblox.keys import KeyRefused, authenticate
from roblox.models import Experience
from webhooks.inbound import notifications

if TYPE_CHECKING:
    from rest_framework.views import APIView

TURNSTILE = "cf-turnstile-response"
WINDOW = 300  # largest difference in seconds between a signature's time and ours
NONCE = re.compile(r"[A-Za-z0-9._~-]{16,128}")


class ExperienceKey(BaseAuthentication):
    """Authentication by the API key of an experience, in x-grps-api-key."""

    def authenticate(self, request: Request) -> tuple[None, Experience]:
        key = request.headers.get("x-grps-api-key")
        if not key:
            raise AuthenticationFailed("Send the experience's key in x-grps-api-key.")
        try:
            return None, authenticate(key)
        except KeyRefused as refusal:
            raise AuthenticationFailed(str(refusal)) from None

    def authenticate_header(self, request: Request) -> str:
        return "GRPS-Key"


class Signature(BaseAuthentication):
    """Authentication by a signature over the call, with a timestamp and a nonce (docs/api.md)."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        timestamp, nonce, given = (
            request.headers.get(f"x-grps-{part}", "")
            for part in ("timestamp", "nonce", "signature")
        )
        if not settings.AUTOMATION_SIGNATURE_SECRET:
            raise AuthenticationFailed(
                "Signed calls are closed: AUTOMATION_SIGNATURE_SECRET is not configured."
            )
        _check_timestamp(timestamp)
        if not NONCE.fullmatch(nonce):
            raise AuthenticationFailed(
                "x-grps-nonce must be 16 to 128 letters, digits, `.`, `_`, `~` or `-`."
            )
        call = SignedCall(str(request.method), _target(request), request.body)
        if not _is_signed(call.message(timestamp, nonce), given):
            raise AuthenticationFailed("x-grps-signature does not fit the call.")
        # Only after the signature: a forged call must not use up another caller's nonce.
        if not _use_nonce(nonce):
            raise AuthenticationFailed(
                "x-grps-nonce was used before; take a new one for every call."
            )
        return None, "signed"

    def authenticate_header(self, request: Request) -> str:
        return "GRPS-Signature"


class RobloxSignature(BaseAuthentication):
    """Authentication by the signature of a webhook from Roblox."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        try:
            notifications.verify(request.headers.get("roblox-signature", ""), request.body)
        except notifications.BadSignature as refusal:
            raise AuthenticationFailed(str(refusal)) from None
        return None, "roblox"

    def authenticate_header(self, request: Request) -> str:
        return "Roblox-Signature"


class TurnstileToken(BaseAuthentication):
    """Authentication by a Turnstile token in the header or the body. A token is valid once."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        # Limited before the request to Cloudflare, which takes a call each time.
        wait = throttling.check(request, "write")
        if wait is not None:
            raise Throttled(wait)
        body = request.data if isinstance(request.data, dict) else {}
        token = request.headers.get(TURNSTILE) or body.get(TURNSTILE)
        if not isinstance(token, str) or not 0 < len(token) <= turnstile.MAX_TOKEN:
            raise AuthenticationFailed(f"Send the visitor's Turnstile token in {TURNSTILE}.")
        verification = turnstile.verify(token, client_address(request))
        if not verification.valid:
            errors = ", ".join(verification.errors)
            raise AuthenticationFailed(f"The Turnstile token is not valid: {errors}.")
        return None, "visitor"

    def authenticate_header(self, request: Request) -> str:
        return "Turnstile"


AUTHENTICATION: dict[str, BaseAuthentication] = {
    "experience": ExperienceKey(),
    "signed": Signature(),
    "roblox": RobloxSignature(),
    "visitor": TurnstileToken(),
}


class CallerAuthentication(BaseAuthentication):
    """Authentication by the method of the view's `caller`."""

    def authenticate(self, request: Request) -> tuple[None, Any] | None:
        method = AUTHENTICATION.get(_caller(request.parser_context.get("view")))
        return method.authenticate(request) if method else None

    def authenticate_header(self, request: Request) -> str | None:
        caller = _caller(request.parser_context.get("view"))
        return AUTHENTICATION.get(caller, ExperienceKey()).authenticate_header(request)


class CallerPermission(BasePermission):
    """Permission for authenticated callers, and for everybody if `caller` is `anyone`."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return _caller(view) == "anyone" or request.auth is not None


def _caller(view: Any) -> str:
    return str(getattr(view, "caller", ""))


def _target(request: Request) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{request.path}?{query}" if query else request.path


def _check_timestamp(timestamp: str) -> None:
    moment = whole_number(timestamp, most=10**12)
    if moment is None:
        raise AuthenticationFailed("x-grps-timestamp must be whole seconds since 1970.")
    if abs(time.time() - moment) > WINDOW:
        raise AuthenticationFailed("x-grps-timestamp is more than 5 minutes off; check the clock.")


def _is_signed(message: bytes, given: str) -> bool:
    secrets = [settings.AUTOMATION_SIGNATURE_SECRET, settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS]
    expected = [f"v1={signature(secret, message)}".encode() for secret in secrets if secret]
    # All secrets are compared, so that the duration does not depend on which one fits.
    matches = [hmac.compare_digest(one, given.encode("utf-8", "replace")) for one in expected]
    return any(matches)


def _use_nonce(nonce: str) -> bool:
    """Store a nonce. Returns whether it was unused."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO nonces (nonce) VALUES (%s) ON CONFLICT DO NOTHING", [nonce])
        return bool(cursor.rowcount == 1)
