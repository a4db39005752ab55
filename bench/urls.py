from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from discord.interactions import people
from grps_site.urls import urlpatterns as site_urls
from players.public import players

_bytes: list[bytes] = []


def bare(request: HttpRequest) -> HttpResponse:
    """Return the bytes of /leaderboard/top without any work."""
    if not _bytes:
        _bytes.append(Client(headers={"host": "localhost"}).get("/leaderboard/top").content)
    return HttpResponse(_bytes[0], content_type="application/json")


def facts(request: HttpRequest) -> JsonResponse:
    """Read what the command /points reads, and return it without any other work."""
    named = people.listed(request.GET["player"])
    found = players.player(named.user_id)
    assert found is not None
    return JsonResponse({"type": 4, "data": {"content": f"{found.username}: {found.points}"}})


urlpatterns = [path("bench/bare", bare), path("bench/facts", facts), *site_urls]
handler500 = "grps_site.http.errors.internal_error"
