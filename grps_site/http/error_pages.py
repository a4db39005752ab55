"""Errors as HTML pages, for browsers and in the console. Everybody else gets problem documents."""

import json

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from grps_site.http.errors import CONSOLE, MEDIA_TYPE

# Titles by status. Other errors stay problem documents, since a person causes them rarely.
TITLES = {
    403: "Not allowed",
    404: "Not found",
    429: "Too many requests",
    500: "An error in GRPS",
    503: "Not available",
}
# In this order: who accepts everything gets a problem document.
OFFERED = [MEDIA_TYPE, "application/json", "text/html"]


def for_browsers(request: HttpRequest, response: HttpResponseBase) -> None:
    """Turn a problem document into a page if the client asks for HTML. Headers are kept."""
    if not isinstance(response, HttpResponse) or response.status_code not in TITLES:
        return
    if response.get("Content-Type") != MEDIA_TYPE:
        return
    patch_vary_headers(response, ["Accept"])
    if not _wants_page(request):
        return
    problem = json.loads(response.content)
    in_console = request.path.startswith(CONSOLE)
    context = {
        "title": TITLES[response.status_code],
        "detail": problem["detail"],
        "request_id": problem["requestId"],
        "back": (CONSOLE, "To the console") if in_console else ("/", "To the first page"),
    }
    # Without the request: no session and no database is needed for this page.
    response.content = render_to_string("error.html", context).encode()
    response["Content-Type"] = "text/html; charset=utf-8"
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))


def _wants_page(request: HttpRequest) -> bool:
    if request.path.startswith(CONSOLE):
        return True
    return request.get_preferred_type(OFFERED) == "text/html"
