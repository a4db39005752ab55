"""Who calls: a view says `caller`, and nothing is open that does not say so.

`anyone`; `experience` (a game server, by its API key: `request.auth` is the Experience); `signed`
(a program that knows the shared secret: `request.auth` is SIGNED); `roblox` (by the signature of
its webhooks: `request.auth` is ROBLOX); `visitor` (a person, by a Turnstile token: `request.auth`
is VISITOR).
"""

import hmac
import re
import time
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from common.client_address import client_address
from common.parsing import whole_number
from grps_site.http import throttling, turnstile
from grps_site.http.request_signing import message, signature
from roblox.keys import KeyRefused, authenticate
from roblox.models import Experience
from webhooks.inbound import notifications

if TYPE_CHECKING:
    from rest_framework.views import APIView

SIGNED: Final = "signed"
ROBLOX: Final = "roblox"
VISITOR: Final = "visitor"
TURNSTILE = "cf-turnstile-response"
WINDOW = 300  # seconds that a signature's time may be off, either way
NONCE = re.compile(r"[A-Za-z0-9._~-]{16,128}")
CHALLENGES = {
    "experience": "GRPS-Key",
    "signed": "GRPS-Signature",
    "roblox": "Roblox-Signature",
    "visitor": "Turnstile",
}


class CallerAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[None, Any] | None:
        caller = _caller(request.parser_context.get("view"))
        if caller == "experience":
            return None, _experience(request)
        if caller == "signed":
            _check_signature(request)
            return None, SIGNED
        if caller == "roblox":
            _check_roblox(request)
            return None, ROBLOX
        if caller == "visitor":
            _check_visitor(request)
            return None, VISITOR
        return None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGES.get(_caller(request.parser_context.get("view")), "GRPS-Key")


class CallerIsEntitled(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = _caller(view)
        if caller == "anyone":
            return True
        if caller == "experience":
            return isinstance(request.auth, Experience)
        return caller in {SIGNED, ROBLOX, VISITOR} and request.auth == caller


def _caller(view: Any) -> str:
    return str(getattr(view, "caller", "nobody"))


def _experience(request: Request) -> Experience:
    raw = request.headers.get("x-grps-api-key")
    if not raw:
        raise AuthenticationFailed("Send the experience's key in x-grps-api-key.")
    try:
        return authenticate(raw)
    except KeyRefused as refusal:
        raise AuthenticationFailed(str(refusal)) from None


def _check_signature(request: Request) -> None:
    timestamp, nonce, given = (
        request.headers.get(f"x-grps-{part}", "") for part in ("timestamp", "nonce", "signature")
    )
    secrets = [settings.AUTOMATION_SIGNATURE_SECRET, settings.AUTOMATION_SIGNATURE_SECRET_PREVIOUS]
    if not secrets[0]:
        raise AuthenticationFailed(
            "Signed calls are closed: AUTOMATION_SIGNATURE_SECRET is not configured."
        )
    seconds = whole_number(timestamp, most=10**12)
    if seconds is None:
        raise AuthenticationFailed("x-grps-timestamp must be whole seconds since 1970.")
    if not NONCE.fullmatch(nonce):
        raise AuthenticationFailed(
            "x-grps-nonce must be 16 to 128 letters, digits, `.`, `_`, `~` or `-`."
        )
    if abs(time.time() - seconds) > WINDOW:
        raise AuthenticationFailed("x-grps-timestamp is more than 5 minutes off; check the clock.")
    query = request.META.get("QUERY_STRING", "")
    target = f"{request.path}?{query}" if query else request.path
    signed = message(timestamp, nonce, str(request.method), target, request.body)
    # Every secret is compared, so that the time taken tells nothing.
    matches = [
        hmac.compare_digest(
            f"v1={signature(secret, signed)}".encode(), given.encode("utf-8", "replace")
        )
        for secret in secrets
        if secret
    ]
    if not any(matches):
        raise AuthenticationFailed("x-grps-signature does not fit the call.")
    # Burnt only now: a wrong signature must not use up somebody's nonce.
    if not _burn(nonce):
        raise AuthenticationFailed("x-grps-nonce was used before; take a new one for every call.")


def _check_roblox(request: Request) -> None:
    try:
        notifications.verify(request.headers.get("roblox-signature", ""), request.body)
    except notifications.BadSignature as refusal:
        raise AuthenticationFailed(str(refusal)) from None


def _check_visitor(request: Request) -> None:
    """A person, by Turnstile: the token stands in the header or in the body, and is good for one
    call.

    The address is counted first: nobody makes us ask Cloudflare as often as they like.
    """
    wait = throttling.check(request, "write")
    if wait is not None:
        raise Throttled(wait)
    body = request.data if isinstance(request.data, dict) else {}
    token = request.headers.get(TURNSTILE) or body.get(TURNSTILE)
    if not isinstance(token, str) or not 0 < len(token) <= turnstile.MAX_TOKEN:
        raise AuthenticationFailed(f"Send the visitor's Turnstile token in {TURNSTILE}.")
    found = turnstile.verify(token, client_address(request))
    if not found.valid:
        raise AuthenticationFailed(f"The Turnstile token is not valid: {', '.join(found.errors)}.")


def _burn(nonce: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO nonces (nonce) VALUES (%s) ON CONFLICT DO NOTHING", [nonce])
        return bool(cursor.rowcount == 1)
