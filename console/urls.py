"""The console's own pages, before those that the admin makes of models."""

from django.urls import URLPattern, URLResolver

from console import experiences, filters, palette, players_list, sync

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *experiences.urls,
    *sync.urls,
    *palette.urls,
    *players_list.urls,
    *filters.urls,
]
