"""Errors as problem documents (RFC 9457): a stable `type`, a sentence, and the request id.

Browsers get some of them as pages (error_pages.py).
"""

import math
import sys
import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, views
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from common import database_errors
from grps_site.http.json_codec import dumps
from grps_site.http.routes import route

CONSOLE = "/admin/"
MEDIA_TYPE = "application/problem+json"
# The slugs are part of the contract (docs/api.md).
SLUGS = {
    400: "invalid-request",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    409: "conflict",
    413: "too-large",
    415: "not-json",
    429: "too-many-requests",
    500: "internal-error",
    503: "unavailable",
}
MEANINGS = {
    "invalid-request": "A parameter, a header or the body is invalid. `errors` names the fields.",
    "not-authenticated": "The key or signature is missing, wrong, expired or already used.",
    "not-allowed": "The caller is known but has no permission for this.",
    "not-found": "Nothing exists at this address.",
    "method-not-allowed": "The address does not support this method. `Allow` lists the methods.",
    "too-slow": "The body did not arrive within 20 seconds. Send it again, or send smaller bodies.",
    "conflict": "The request does not fit the present state of its object. `detail` says why.",
    "too-large": "The body is larger than one megabyte. Send smaller bodies.",
    "not-json": "The body must be JSON, with the content type application/json and without a "
    "Content-Encoding.",
    "too-many-requests": "This address sent too many requests. `Retry-After` is in seconds.",
    "internal-error": "An error in GRPS. Its log contains the request id.",
    "unavailable": "The database is unavailable, GRPS is not set up yet, or it is receiving too many "
    "large bodies. Try again after `Retry-After` seconds.",
}
NO_DATABASE = "The database is not available. Try again soon."
NOT_FOUND = "There is nothing at this address."
NOT_ALLOWED = "This is not allowed."
STALE_FORM = "The form is too old, or cookies are blocked. Reload its page and send it again."
MALFORMED = "The request is malformed."
RETRY_AFTER = 5  # seconds
BODY_ERRORS = {
    400: "The body has a Transfer-Encoding other than chunked; send it with a Content-Length.",
    408: "The body did not arrive in time; send it again.",
    413: "The body is larger than a megabyte; send less at a time.",
    415: "Compressed bodies are not read; send the body without a Content-Encoding.",
    503: "Too many large bodies arrive at once; try again soon.",
}
BODY_HEADERS = {415: {"Accept-Encoding": "identity"}, 503: {"Retry-After": str(RETRY_AFTER)}}
UNKNOWN_HOST = (
    "This server does not answer to the name in the Host header; ALLOWED_HOSTS lists its names."
)
log = structlog.get_logger("grps.errors")


class _OnceASecond:
    """Lets one of many log records of a second be long."""

    def __init__(self) -> None:
        self._next = -math.inf

    def is_due(self, now: float) -> bool:
        is_due = now >= self._next
        if is_due:
            self._next = now + 1
        return is_due


_TRACEBACKS = _OnceASecond()


def document(
    status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Build a problem document. `errors` names invalid fields: `[{"field", "detail"}]`."""
    body: dict[str, Any] = {
        "type": f"/docs/problems#{SLUGS.get(status, 'invalid-request')}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "requestId": structlog.contextvars.get_contextvars().get("request_id", ""),
    }
    if errors:
        body["errors"] = errors
    return body


def response(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    return HttpResponse(
        dumps(document(status, detail, errors)),
        status=status,
        content_type=MEDIA_TYPE,
        headers=headers,
    )


def body_refused(status: int) -> HttpResponse:
    """Answer a request whose body grps_site.server refused."""
    return response(status, BODY_ERRORS[status], headers=BODY_HEADERS.get(status))


def too_many_requests(wait: float) -> HttpResponse:
    """Answer a request above the limit. `wait` is in seconds."""
    headers = {"Retry-After": str(math.ceil(wait))}
    return response(429, "Too many requests from this address; wait a little.", headers=headers)


def _retry() -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER)}


def read_only[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Limit a plain view to GET and HEAD. Other methods get a problem document."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if request.method in {"GET", "HEAD"}:
            return view(*args, **kwargs)
        return response(
            405, f"{request.method} is not allowed here.", headers={"Allow": "GET, HEAD"}
        )

    return guarded


class TooLarge(APIException):
    status_code = 413
    default_detail = BODY_ERRORS[413]


class DatabaseUnavailable(APIException):
    status_code = 503
    default_detail = NO_DATABASE
    wait = RETRY_AFTER  # REST framework sends it as Retry-After


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Turn REST framework's answer to an exception into a problem document.

    Returns None for an unexpected exception: Django then calls `internal_error`.
    """
    exc = _as_api_exception(exc)
    response = views.exception_handler(exc, context)
    if response is not None and isinstance(exc, APIException):
        response.data = document(exc.status_code, *_detail_and_fields(exc.detail))
        response.content_type = MEDIA_TYPE
    return response


def _as_api_exception(exc: Exception) -> Exception:
    if isinstance(exc, Http404):
        return exceptions.NotFound(NOT_FOUND)
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied(NOT_ALLOWED)
    if isinstance(exc, RequestDataTooBig):
        return TooLarge()
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return exceptions.ParseError(MALFORMED)
    if not isinstance(exc, APIException) and database_errors.is_temporary(exc):
        _log_unavailable()
        return DatabaseUnavailable()
    return exc


def _detail_and_fields(detail: Any) -> tuple[str, list[dict[str, str]] | None]:
    if not isinstance(detail, dict):
        return _sentence(detail), None
    fields = [{"field": str(name), "detail": _sentence(text)} for name, text in detail.items()]
    return " ".join(f"{field['field']}: {field['detail']}" for field in fields), fields


def _sentence(detail: Any) -> str:
    return " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if database_errors.is_temporary(exception):
        # Django takes a session that cannot be saved for one that was deleted.
        return _unavailable()
    if isinstance(exception, RequestDataTooBig):
        return response(413, BODY_ERRORS[413])
    return response(400, UNKNOWN_HOST if isinstance(exception, DisallowedHost) else MALFORMED)


def _unavailable() -> HttpResponse:
    _log_unavailable()
    return response(503, NO_DATABASE, headers=_retry())


def _log_unavailable() -> None:
    """Log the error, and let the next request connect again: another server may be writable.

    One traceback a second: many of them would fill the disk that may be full already.
    """
    now = connection.close_at = time.monotonic()
    is_due = _TRACEBACKS.is_due(now)
    log.error("database unavailable", exc_info=is_due, error=type(sys.exception()).__name__)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    told = str(exception) if request.path.startswith(CONSOLE) else ""
    return response(403, told or NOT_ALLOWED)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without the token of its page."""
    return response(403, STALE_FORM)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return response(404, NOT_FOUND)


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected error, and log its traceback with the request id."""
    error = sys.exception()
    if error is not None and database_errors.is_temporary(error):
        return _unavailable()
    log.exception("unexpected error", http={"method": request.method, "route": route(request)})
    return response(500, "Something went wrong here; the request id finds it in the logs.")
