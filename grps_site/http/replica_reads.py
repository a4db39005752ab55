"""Answer public reads from the replica, and from the primary if the replica fails."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from common import replica

View = Callable[..., HttpResponseBase]


def from_replica(view: View) -> View:
    """Read from the replica in GET requests. A view that writes sets `writes` in its class."""
    if getattr(getattr(view, "cls", None), "writes", False):
        return view

    @wraps(view)
    def reading(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            return view(request, **kwargs)
        with replica.reading() as by_replica:
            response = view(request, **kwargs)
        if not by_replica or response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            return response
        replica.give_up("a read failed")
        return view(request, **kwargs)

    return reading
