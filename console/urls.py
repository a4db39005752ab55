"""The console's own pages, before those that the admin makes of models."""

from django.urls import URLPattern, URLResolver

from console import acting, approving, experiences, sync
from console.casefile import pages

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *pages.urls,
    *acting.urls,
    *approving.urls,
    *experiences.urls,
    *sync.urls,
]
