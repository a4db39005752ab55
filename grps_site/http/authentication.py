"""Authentication of API calls. Each view declares its `caller`; a view without one serves nobody.

`anyone`: no proof. `experience`: a game server, by its API key. `signed`: a program that knows the
shared secret. `roblox`: Roblox, by the signature of its webhooks. `discord`: Discord, by the
signature of its interactions. `visitor`: a person, by a Turnstile token. After authentication
`request.auth` is the Experience, or the caller's name.
"""

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from discord.interactions import signature as discord_signature
from grps_site.http import signed_calls, throttling, turnstile
from roblox.keys import KeyRefused, authenticate
from roblox.models import Experience
from webhooks.inbound import notifications

if TYPE_CHECKING:
    from rest_framework.views import APIView

TURNSTILE = "cf-turnstile-response"


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
        signed_calls.verify_once(request)
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


class DiscordSignature(BaseAuthentication):
    """Authentication by Discord's signature of an interaction."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        signature = request.headers.get("X-Signature-Ed25519", "")
        timestamp = request.headers.get("X-Signature-Timestamp", "")
        try:
            discord_signature.verify(signature, timestamp, request.body)
        except discord_signature.BadSignature as refusal:
            raise AuthenticationFailed(str(refusal)) from None
        return None, "discord"

    def authenticate_header(self, request: Request) -> str:
        return "Discord-Signature"


class TurnstileToken(BaseAuthentication):
    """Authentication by a Turnstile token in the header or the body. A token is valid once."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        # Limited before the request to Cloudflare, which takes a call each time.
        address = signed_calls.visitor_address(request)
        wait = throttling.check_address(address, "write")
        if wait is not None:
            raise Throttled(wait)
        body = request.data if isinstance(request.data, dict) else {}
        token = request.headers.get(TURNSTILE) or body.get(TURNSTILE)
        if not isinstance(token, str) or not 0 < len(token) <= turnstile.MAX_TOKEN:
            raise AuthenticationFailed(f"Send the visitor's Turnstile token in {TURNSTILE}.")
        verification = turnstile.verify(token, address)
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
    "discord": DiscordSignature(),
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
