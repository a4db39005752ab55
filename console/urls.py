"""The console's own pages, before those that the admin makes of models."""

from django.urls import URLPattern, URLResolver

from console import experiences, sync

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *experiences.urls,
    *sync.urls,
]
