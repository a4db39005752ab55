"""Every error is a problem document (RFC 9457): a stable `type`, a sentence for people, and the
request's id.
"""

import sys
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import page_not_found, permission_denied, server_error
from rest_framework.exceptions import APIException, NotFound
from rest_framework.response import Response

from grps_site.http.json_codec import dumps
from grps_site.http.secret_paths import masked

CONSOLE = "/admin/"  # people with a browser: errors there are pages
MEDIA_TYPE = "application/problem+json"
# The types are part of the contract: docs/api.md has a line for each.
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
    "invalid-request": "A parameter, a header or the body is not of its form. `errors` names the fields.",
    "not-authenticated": "The key or the signature is missing, wrong, used before or no longer valid.",
    "not-allowed": "The caller is known and may not do this.",
    "not-found": "There is nothing at this address.",
    "method-not-allowed": "The address exists; `Allow` says what can be done with it.",
    "too-slow": "The body did not arrive in time: 20 seconds for a call. Send it again, or send less at a time.",
    "conflict": "It does not fit the state that the thing is in now; `detail` says why.",
    "too-large": "The body is larger than a megabyte. Send less at a time.",
    "not-json": "The body must be declared, and be, application/json.",
    "too-many-requests": "One address asked too often. `Retry-After` says how many seconds to wait.",
    "internal-error": "A fault here. The request id finds it in the logs.",
    "unavailable": "The database is away, GRPS is not set up yet, or too many large bodies arrive at once. "
    "`Retry-After` says when to try again.",
}
NO_DATABASE = "The database cannot be reached; try again soon."
SOON = {"Retry-After": "5"}  # seconds
log = structlog.get_logger("grps.problems")


def document(
    status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The body of a problem. `errors` name single fields: `[{"field", "detail"}]`."""
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


BODY_REFUSED = {
    408: "The body did not arrive in time; send it again.",
    413: "The body is larger than a megabyte; send less at a time.",
    503: "Too many large bodies arrive at once; try again soon.",
}


def body_refused(status: int) -> HttpResponse:
    """The answer to a request whose body the server did not take (grps_site.server)."""
    return response(status, BODY_REFUSED[status], headers=SOON if status == 503 else None)


def reading_only[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """A plain view that answers GET and HEAD, and everything else with a problem."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request: Any = args[0]
        if request.method in {"GET", "HEAD"}:
            return view(*args, **kwargs)
        return response(
            405, f"{request.method} is not allowed here.", headers={"Allow": "GET, HEAD"}
        )

    return guarded


def answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. What it does not know becomes a 500 in `internal_error`,
    which logs it.
    """
    if isinstance(exc, Http404):
        exc = NotFound("There is nothing at this address.")
    if isinstance(exc, RequestDataTooBig):
        return _rendered(413, "The body is larger than a megabyte; send less at a time.", None, {})
    if isinstance(exc, OperationalError | InterfaceError):
        log.exception("database unavailable")
        return _rendered(503, NO_DATABASE, None, SOON)
    if isinstance(exc, SuspiciousOperation | BadRequest):
        return _rendered(400, "The request is malformed.", None, {})
    if isinstance(exc, PermissionDenied):
        return _rendered(403, "This is not allowed.", None, {})
    if not isinstance(exc, APIException):
        return None
    detail, errors = _words(exc.detail)
    return _rendered(exc.status_code, detail, errors, _headers(exc))


def _rendered(
    status: int, detail: str, errors: list[dict[str, str]] | None, headers: dict[str, str]
) -> Response:
    return Response(
        document(status, detail, errors), status=status, content_type=MEDIA_TYPE, headers=headers
    )


def _words(detail: Any) -> tuple[str, list[dict[str, str]] | None]:
    if isinstance(detail, dict):
        errors = [{"field": str(name), "detail": _sentence(said)} for name, said in detail.items()]
        return " ".join(f"{error['field']}: {error['detail']}" for error in errors), errors
    return _sentence(detail), None


def _sentence(detail: Any) -> str:
    return " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)


def _headers(exc: APIException) -> dict[str, str]:
    headers = {}
    if getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(exc.auth_header)  # type: ignore[attr-defined]
    if getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(exc.wait) + 1)  # type: ignore[attr-defined]
    return headers


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return response(413, "The body is larger than a megabyte; send less at a time.")
    return response(400, "The request is malformed.")


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(CONSOLE):
        return permission_denied(request, exception)
    return response(403, "This is not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(CONSOLE):
        return page_not_found(request, exception)
    return response(404, "There is nothing at this address.")


def internal_error(request: HttpRequest) -> HttpResponse:
    """Answer while the error is being handled, and leave its traceback in the log, under the
    request's id.
    """
    log.exception("unexpected error", method=request.method, path=masked(request.path))
    if request.path.startswith(CONSOLE):
        return server_error(request)
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return response(503, NO_DATABASE, headers=SOON)
    return response(500, "Something went wrong here; the request id finds it in the logs.")
