"""Middleware: the request context for all paths, and sessions, CSRF and sign-in for the console."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseForbidden, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from common.client_address import parse_address
from grps_site.http import errors
from grps_site.http.errors import CONSOLE
from grps_site.http.secret_paths import is_private, mask_secrets
from grps_site.ops import metrics

PROBED = re.compile(r"/health/.*|/metrics")
VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
REFUSED = "grps.refused"  # key in the WSGI environment: the status for a refused body

log = structlog.get_logger("grps.http")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestContextMiddleware:
    """Give the request an id for response, logs, audit events and tasks, and log the request.

    A valid X-Request-ID of the caller is used.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if VALID_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        start = time.perf_counter()
        refused = request.META.get(REFUSED)
        response = errors.body_refused(refused) if refused else self.get_response(request)
        seconds = time.perf_counter() - start
        response["X-Request-ID"] = request_id
        if is_private(request.path):
            response["Referrer-Policy"] = "no-referrer"
        metrics.observe(request, response.status_code, seconds)
        if settings.LOG_REQUESTS:
            milliseconds = round(seconds * 1e3, 2)
            log.info(
                "request",
                method=request.method,
                path=mask_secrets(request.path),
                status=response.status_code,
                ms=milliseconds,
            )
        return response


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


class ConsoleCsrfMiddleware(_ConsoleOnly, CsrfViewMiddleware):
    def process_view(
        self,
        request: HttpRequest,
        callback: Callable[..., HttpResponseBase],
        callback_args: tuple[Any, ...],
        callback_kwargs: dict[str, Any],
    ) -> HttpResponseForbidden | None:
        if not request.path_info.startswith(CONSOLE):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)


class ConsoleAuthenticationMiddleware(_ConsoleOnly, AuthenticationMiddleware):
    pass


class ConsoleMessageMiddleware(_ConsoleOnly, MessageMiddleware):
    pass
