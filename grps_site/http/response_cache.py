"""Public answers, kept for at most a second by each process: a crowd costs the database what one
visitor does.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from grps_site.http import errors, throttling

SECOND = 1.0
ANSWERS = 2000  # kept by a process, each with its own address and query
# Whoever keeps the answer asks again each time: two caches of a second would make two seconds.
CACHE_CONTROL = "public, no-cache"


class Answer(NamedTuple):
    at: float
    body: bytes
    etag: str
    content_type: str


def one_second(view: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
    """Put a public GET view behind a cache of one second, with a strong ETag and the address
    throttle before it.
    """
    answers: dict[str, Answer] = {}

    def cached(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            response: HttpResponseBase = view(request, **kwargs)
            return response
        wait = throttling.check(request, "read")
        if wait is not None:
            return errors.response(
                429,
                "Too many requests from this address; wait a little.",
                headers={"Retry-After": str(int(wait) + 1)},
            )
        key = f"{request.path_info}?{request.META.get('QUERY_STRING', '')}"
        answer = answers.get(key)
        now = time.monotonic()
        if answer is None or now - answer.at >= SECOND:
            fresh = view(request, **kwargs)
            if fresh.status_code != 200:
                return _done(fresh)
            if len(answers) >= ANSWERS:
                answers.clear()
            answer = answers[key] = _answer(now, _done(fresh))
        return _respond(request, answer)

    cached.__dict__.update(view.__dict__)
    return cached


def _done(response: Any) -> HttpResponse:
    render = getattr(response, "render", None)
    done: HttpResponse = render() if render is not None else response
    return done


def _answer(at: float, response: Any) -> Answer:
    body = bytes(response.content)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Answer(at, body, etag, response["Content-Type"])


def _respond(request: HttpRequest, answer: Answer) -> HttpResponse:
    wanted = request.META.get("HTTP_IF_NONE_MATCH")
    if wanted is not None and _matches(wanted, answer.etag):
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(answer.body, content_type=answer.content_type)
    response["ETag"] = answer.etag
    response["Cache-Control"] = CACHE_CONTROL
    return response


def _matches(wanted: str, etag: str) -> bool:
    tags = (tag.strip().removeprefix("W/") for tag in wanted.split(","))
    return any(tag in {etag, "*"} for tag in tags)
