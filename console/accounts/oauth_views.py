"""Views of a sign-in with an OAuth provider: redirect and callback.

Every error leads to a page: a provider that is not configured or cannot be reached, or an
unexpected answer.
"""

from collections.abc import Callable
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.internal import statekit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.utils import get_request_param
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from requests import RequestException

from console.decorators import sign_in_again

Step = Callable[[HttpRequest], HttpResponseBase]


def paths(provider: Any, adapter: Any) -> list[URLPattern]:
    """Return the redirect and callback URLs of a provider."""
    return [
        path(f"{provider.id}/login/", _out(provider, adapter), name=f"{provider.id}_login"),
        path(
            f"{provider.id}/login/callback/",
            _back(provider, adapter),
            name=f"{provider.id}_callback",
        ),
    ]


def _out(provider: Any, adapter: Any) -> Step:
    go = _guarded(provider, OAuth2LoginView.adapter_view(adapter))

    def out(request: HttpRequest) -> HttpResponseBase:
        """Redirect to the provider, to sign in or (after a recent sign-in) to link an account."""
        process = get_request_param(request, "process", AuthProcess.LOGIN)
        if request.method != "POST" or process not in {AuthProcess.LOGIN, AuthProcess.CONNECT}:
            return redirect(settings.LOGIN_URL)
        if (answer := _too_often(request)) is not None:
            return answer
        if process == AuthProcess.CONNECT:
            if getattr(request, "staff", None) is None:
                return redirect(settings.LOGIN_URL)
            if (first := sign_in_again(request)) is not None:
                return first
        return go(request)

    return out


def _back(provider: Any, adapter: Any) -> Step:
    go = _guarded(provider, OAuth2CallbackView.adapter_view(adapter))

    def back(request: HttpRequest) -> HttpResponseBase:
        """Handle the provider's answer.

        Answers that this browser did not request are rate-limited by address.
        """
        asked_for = get_request_param(request, "state") in statekit.get_states(request)
        if not asked_for and (answer := _too_often(request)) is not None:
            return answer
        return go(request)

    return back


def _guarded(provider: Any, view: Any) -> Step:
    def step(request: HttpRequest) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = view(request)
        except SocialApp.DoesNotExist:
            why = f"Signing in with {provider.name} is not set up here. Choose another way, or ask the operator."
            return refused(request, why, 404)
        except RequestException:
            return _away(request, provider)
        return answer

    return step


def _too_often(request: HttpRequest) -> HttpResponseBase | None:
    wait = import_string(settings.SIGN_IN_THROTTLE)(request, "write")
    if wait is None:
        return None
    answer = refused(
        request, f"Too many tries from this address. Wait {int(wait) + 1} seconds.", 429
    )
    answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _away(request: HttpRequest, provider: Any) -> HttpResponseBase:
    try:
        exception = ConnectionError(f"{provider.name} cannot be reached; try again in a minute.")
        get_adapter().on_authentication_error(request, provider, exception=exception)
    except ImmediateHttpResponse as answer:
        found: HttpResponseBase = answer.response
        return found
    raise AssertionError  # our adapter always raises a response


def refused(request: HttpRequest, why: str, status: int = 403) -> HttpResponseBase:
    """Return the page that explains a refused sign-in."""
    return render(
        request, "account/refused.html", {"title": "Not signed in", "why": why}, status=status
    )
