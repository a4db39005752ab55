"""Roblox as a provider of allauth: OpenID Connect with PKCE S256 and a checked nonce."""

import hmac
import secrets
from typing import Any

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from common import database_clock
from common.parsing import whole_number
from console.accounts import recent_sign_in
from console.accounts.roblox_oauth import id_tokens
from console.decorators import FRESH

NONCE = "roblox_nonce"  # in the session, from the redirect to the callback
AGAIN = "roblox_again"  # as NONCE: whether a signed-in person repeats the sign-in
KNOWN = ("sub", "preferred_username", "name", "nickname", "profile")


class RobloxAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The callback. Raises OAuth2Error if the answer contains no identity."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request, "roblox")

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        expected = request.session.pop(NONCE, "")
        claims = self._decode_id_token(app, kwargs["response"].get("id_token", ""))
        given = claims.get("nonce", "")
        again = request.session.pop(AGAIN, False) is True
        if not expected or not isinstance(given, str) or not hmac.compare_digest(expected, given):
            raise OAuth2Error("The answer's nonce is not the one that was asked with.")
        found = self._fetch_user_info(token.token)
        if str(found.get("sub")) != str(claims.get("sub")):
            raise OAuth2Error("The token and the profile are of two people.")
        recent_sign_in.keep(
            request,
            recent_sign_in.read(claims.get("auth_time"), database_clock.timestamp(), again=again),
        )
        return self.get_provider().sociallogin_from_response(request, {"userinfo": found})

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        if not self.did_fetch_access_token:
            raise OAuth2Error("The ID token did not come from Roblox itself.")
        issuer = self.openid_config["issuer"]
        return id_tokens.read(id_token, issuer=issuer, audience=app.client_id)

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return request.build_absolute_uri(reverse("roblox_callback"))


class RobloxProvider(OpenIDConnectProvider):  # type: ignore[misc]
    id = "roblox"
    name = "Roblox"
    oauth2_adapter_class = RobloxAdapter
    pkce_enabled_default = True

    @property
    def server_url(self) -> str:
        return str(self.wk_server_url(str(self.app.settings["server_url"]).rstrip("/")))

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        return reverse("roblox_login") + (f"?{urlencode(kwargs)}" if kwargs else "")

    def get_callback_url(self) -> str:
        return reverse("roblox_callback")

    def get_oauth2_adapter(self, request: HttpRequest) -> RobloxAdapter:
        return RobloxAdapter(request)

    def get_default_scope(self) -> list[str]:
        return ["openid", "profile"]

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Return the nonce, and for a repeated sign-in parameters that make Roblox ask the person.

        Nothing else is taken from the URL.
        """
        again = bool(request.GET.get("again"))
        request.session[NONCE], request.session[AGAIN] = secrets.token_urlsafe(32), again
        params = {"nonce": request.session[NONCE]}
        return params | {"prompt": "login", "max_age": str(FRESH)} if again else params

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return list(self.get_scope())

    def extract_uid(self, data: dict[str, Any]) -> str:
        uid = str(data["userinfo"]["sub"])
        if not whole_number(uid):
            raise OAuth2Error("Roblox's user id is not a number.")
        return uid

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the stored part of a profile. The picture may be null and is not needed."""
        found = data["userinfo"]
        return {name: found[name] for name in KNOWN if isinstance(found.get(name), str)}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[Any]:
        return []


provider_classes = [RobloxProvider]
