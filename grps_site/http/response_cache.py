"""Cache public responses in each process for one second."""

import hashlib
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from grps_site.http import errors, throttling
from grps_site.http.signed_calls import is_signed_read

SECOND = 1.0
MAX_RESPONSES = 2000  # of one process, by path and query
MAX_BODY = 64 * 1024  # bytes; larger answers (pictures) are not kept
# Clients must revalidate each time: a second cache would make responses two seconds old.
CACHE_CONTROL = "public, no-cache"
# The moment at which an answer was read. Alone it does not make another answer.
AS_OF = re.compile(rb'"asOf":"[^"]{0,40}"')


class CachedResponse(NamedTuple):
    at: float
    body: bytes
    etag: str
    content_type: str


def one_second(view: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
    """Cache a public GET view, add an ETag, and count unsigned requests by address."""
    responses: dict[str, CachedResponse] = {}

    def cached_view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            response: HttpResponseBase = view(request, **kwargs)
            return response
        wait = None if is_signed_read(request) else throttling.check(request, "read")
        if wait is not None:
            return errors.too_many_requests(wait)
        key = f"{request.path_info}?{request.META.get('QUERY_STRING', '')}"
        cached = responses.get(key)
        now = time.monotonic()
        if cached is None or now - cached.at >= SECOND:
            fresh = view(request, **kwargs)
            if fresh.status_code != 200:
                return _rendered(fresh)
            if len(responses) >= MAX_RESPONSES:
                responses.clear()
            cached = _snapshot(now, _rendered(fresh))
            if len(cached.body) <= MAX_BODY:
                responses[key] = cached
        return _respond(request, cached)

    cached_view.__dict__.update(view.__dict__)
    return cached_view


def _rendered(response: Any) -> HttpResponse:
    render = getattr(response, "render", None)
    done: HttpResponse = render() if render is not None else response
    return done


def _snapshot(at: float, response: Any) -> CachedResponse:
    body = bytes(response.content)
    lasting = AS_OF.sub(b"", body)
    weak = "" if lasting == body else "W/"
    etag = f'{weak}"{hashlib.sha256(lasting).hexdigest()[:32]}"'
    return CachedResponse(at, body, etag, response["Content-Type"])


def _respond(request: HttpRequest, cached: CachedResponse) -> HttpResponse:
    wanted = request.META.get("HTTP_IF_NONE_MATCH")
    if wanted is not None and _matches(wanted, cached.etag):
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(cached.body, content_type=cached.content_type)
    response["ETag"] = cached.etag
    response["Cache-Control"] = CACHE_CONTROL
    return response


def _matches(wanted: str, etag: str) -> bool:
    tags = (tag.strip().removeprefix("W/") for tag in wanted.split(","))
    return any(tag in {etag.removeprefix("W/"), "*"} for tag in tags)
