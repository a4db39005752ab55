"""Middleware: the request context for all paths, and sessions, CSRF and sign-in for the console."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any, cast

import structlog
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseForbidden, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.functional import SimpleLazyObject

from common import previous_secrets, tracing
from common.client_address import parse_address
from grps_site.http import error_pages, errors
from grps_site.http.errors import CONSOLE
from grps_site.http.routes import route
from grps_site.http.secret_paths import is_private, mask_secrets
from grps_site.ops import metrics

MEMBERS = "/me"
PROBED = re.compile(r"/health/.*|/metrics")
REFUSED = "grps.refused"  # key in the WSGI environment: the status for a refused body

log = structlog.get_logger("grps.http")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestContextMiddleware:
    """Give the request an id for response, logs, audit events and tasks, and log the request.

    A valid X-Request-ID and traceparent of the caller are used.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        headers = request.headers
        request_id = tracing.bind(headers.get("X-Request-ID", ""), headers.get("traceparent", ""))
        start = time.perf_counter()
        refused = request.META.get(REFUSED)
        response = errors.body_refused(refused) if refused else self.get_response(request)
        seconds = time.perf_counter() - start
        response["X-Request-ID"] = request_id
        error_pages.for_browsers(request, response)
        if is_private(request.path):
            response["Referrer-Policy"] = "no-referrer"
        metrics.observe(request, response.status_code, seconds)
        if settings.LOG_REQUESTS:
            _log(request, response.status_code, seconds)
        return response


def _log(request: HttpRequest, status: int, seconds: float) -> None:
    """Log the route. A path may hold the id of a person, so only LOG_LEVEL=DEBUG shows it."""
    http: dict[str, Any] = {
        "method": request.method,
        "route": route(request),
        "status_code": status,
    }
    http["duration_ms"] = round(seconds * 1e3, 2)
    if logging.getLogger("grps.http").isEnabledFor(logging.DEBUG):
        http["path"] = mask_secrets(request.path)
    log.info("request", http=http)


class HostMiddleware(CommonMiddleware):
    """Django's check of the Host header.

    Load balancers and orchestrators ask a process for its health by its IP address.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        host = request.META.get("HTTP_HOST") or request.META["SERVER_NAME"]
        if PROBED.fullmatch(request.path_info) and parse_address(host):
            return None
        return super().process_request(request)


class _ConsoleOnly:
    """Middleware that does nothing on paths outside of the console."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(CONSOLE):
            public: HttpResponseBase = self.get_response(request)
            return public
        response: HttpResponseBase = super().__call__(request)  # type: ignore[misc]
        return response


class ConsoleSessionMiddleware(_ConsoleOnly, SessionMiddleware):
    pass


class ConsoleCsrfMiddleware(CsrfViewMiddleware):
    """Django's CSRF protection, also for the members' page, the other one with a cookie."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _has_cookies(request):
            return cast(HttpResponseBase, self.get_response(request))
        return cast(HttpResponseBase, super().__call__(request))

    def process_view(
        self,
        request: HttpRequest,
        callback: Callable[..., HttpResponseBase],
        callback_args: tuple[Any, ...],
        callback_kwargs: dict[str, Any],
    ) -> HttpResponseForbidden | None:
        if not _has_cookies(request):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)


def _has_cookies(request: HttpRequest) -> bool:
    return request.path_info.startswith(CONSOLE) or request.path_info == MEMBERS


class ConsoleAuthenticationMiddleware(_ConsoleOnly, AuthenticationMiddleware):
    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _signed_in_user(request))  # type: ignore[assignment]


def _signed_in_user(request: HttpRequest) -> Any:
    """Return the user, and count a session that a former DJANGO_SECRET_KEY signed."""
    before = request.session.get(HASH_SESSION_KEY)
    user = get_user(request)
    if user.is_authenticated and request.session[HASH_SESSION_KEY] != before:
        previous_secrets.used("DJANGO_SECRET_KEY")
    return user


class ConsoleMessageMiddleware(_ConsoleOnly, MessageMiddleware):
    pass
