"""The Discord provider of allauth, with a stricter check of Discord's answer."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.discord.views import DiscordOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.http import HttpRequest

from common.parsing import whole_number

KNOWN = ("id", "username", "global_name")


class DiscordAdapter(DiscordOAuth2Adapter):  # type: ignore[misc]
    """The callback. Raises OAuth2Error if Discord returns no id."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        with get_adapter().get_requests_session() as web:
            response = web.get(self.profile_url, headers={"Authorization": f"Bearer {token.token}"})
        response.raise_for_status()
        found = response.json()
        given = found.get("id") if isinstance(found, dict) else None
        if not isinstance(given, str) or whole_number(given, most=2**64 - 1) is None:
            raise OAuth2Error("Discord did not say who this is.")
        return self.get_provider().sociallogin_from_response(
            request, {name: found.get(name) for name in KNOWN}
        )
