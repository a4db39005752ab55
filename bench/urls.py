from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from grps_site.urls import urlpatterns as site_urls

_bytes: list[bytes] = []


def bare(request: HttpRequest) -> HttpResponse:
    """Return the bytes of /leaderboard/top without any work."""
    if not _bytes:
        _bytes.append(Client(headers={"host": "localhost"}).get("/leaderboard/top").content)
    return HttpResponse(_bytes[0], content_type="application/json")


urlpatterns = [path("bench/bare", bare), *site_urls]
handler500 = "grps_site.http.errors.internal_error"
