from collections.abc import Callable
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import path
from requests import RequestException

from console.access.roblox_sign_in.provider import RobloxAdapter, RobloxProvider


def _guarded(view: Any) -> Callable[[HttpRequest], HttpResponseBase]:
    """A step of signing in; where Roblox cannot be reached on the way, a page that says so."""

    def step(request: HttpRequest) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = view.adapter_view(RobloxAdapter)(request)
        except SocialApp.DoesNotExist:
            raise Http404 from None
        except RequestException:
            return _away(request)
        return answer

    return step


def _away(request: HttpRequest) -> HttpResponseBase:
    try:
        exception = ConnectionError("Roblox cannot be reached; try again in a minute.")
        get_adapter().on_authentication_error(request, RobloxProvider, exception=exception)
    except ImmediateHttpResponse as answer:
        found: HttpResponseBase = answer.response
        return found
    raise AssertionError  # our adapter always answers


urlpatterns = [
    path("roblox/login/", _guarded(OAuth2LoginView), name="roblox_login"),
    path("roblox/login/callback/", _guarded(OAuth2CallbackView), name="roblox_callback"),
]
