"""All URLs. Views with `cached` use the one-second cache."""

from django.contrib import admin
from django.urls import URLPattern, include, path
from django.urls.resolvers import RoutePattern

from console.members import views as member_views
from discord.urls import urlpatterns as discord_urls
from grps_site.http import docs, turnstile
from grps_site.http.replica_reads import from_replica
from grps_site.http.response_cache import one_second
from grps_site.ops import health, metrics
from grps_site.pages import appeals, home, system
from players.mass_adjustments.urls import urlpatterns as adjustment_urls
from players.urls import urlpatterns as player_urls
from syncs.urls import urlpatterns as sync_urls
from webhooks.urls import urlpatterns as webhook_urls

handler400 = "grps_site.http.errors.bad_request"
handler403 = "grps_site.http.errors.not_allowed"
handler404 = "grps_site.http.errors.not_found"
handler500 = "grps_site.http.errors.internal_error"


def _cached(pattern: URLPattern) -> URLPattern:
    """Add the cache to a view with `cached`, which may then answer from the replica."""
    view = pattern.callback
    if not getattr(getattr(view, "cls", None), "cached", False):
        return pattern
    view = from_replica(view)
    route = pattern.pattern
    assert isinstance(route, RoutePattern)
    return URLPattern(route, one_second(view), pattern.default_args, pattern.name)


urlpatterns = [
    *(_cached(pattern) for pattern in player_urls),
    *sync_urls,
    *adjustment_urls,
    *webhook_urls,
    *discord_urls,
    path("appeal", appeals.appeal, name="appeal"),
    path("appeal/<str:token>", appeals.answer, name="appeal-page"),
    path("turnstile/verify", turnstile.TurnstileVerify.as_view(), name="turnstile-verify"),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("health/deep", health.deep, name="health-deep"),
    path("metrics/health", one_second(health.freshness), name="metrics-health"),
    path("metrics", metrics.metrics, name="metrics"),
    path("openapi.json", docs.openapi, name="openapi"),
    path("docs", docs.docs, name="docs"),
    path("docs/problems", docs.problem_types, name="problem-types"),
    *system.urls,
    *member_views.urls,
    path("admin/", include("console.accounts.urls")),
    path("admin/", include("console.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", home.favicon, name="favicon"),
    path("", home.home, name="home"),
]
