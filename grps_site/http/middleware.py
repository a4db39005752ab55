"""The stack around every request, short where games and the public come in; the console's part
stands aside there.
"""

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
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from grps_site.http import errors
from grps_site.http.errors import CONSOLE
from grps_site.http.secret_paths import is_private, masked
from grps_site.ops import metrics

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
REFUSED = (
    "grps.refused"  # in the WSGI environment: the status for a body that the server did not take
)

log = structlog.get_logger("grps.http")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestContextMiddleware:
    """One request id for answer, logs, audit events and tasks: the caller's where it is sane, else
    a new one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
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
                path=masked(request.path),
                status=response.status_code,
                ms=milliseconds,
            )
        return response


class _ConsoleOnly:
    """Steps aside on every path but the console's."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(CONSOLE):
            answer: HttpResponseBase = self.get_response(request)
            return answer
        handled: HttpResponseBase = super().__call__(request)  # type: ignore[misc]
        return handled


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
