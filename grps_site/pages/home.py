"""The address `/`, which leads to the portal or to the API's docs, and the icon of the site."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from grps_site.http.errors import read_only


@read_only
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(settings.PORTAL_URL or "/docs")


@read_only
def favicon(request: HttpRequest) -> HttpResponse:
    """Answer the icon that browsers ask for where no page names another."""
    return HttpResponse(
        _icon(), content_type="image/x-icon", headers={"Cache-Control": "public, max-age=86400"}
    )


@cache
def _icon() -> bytes:
    return (Path(__file__).parent.parent / "static/grps_site/favicon.ico").read_bytes()
