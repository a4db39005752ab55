"""The console's own pages, before those that the admin makes of models."""

from django.urls import URLPattern, URLResolver

from console import (
    acting,
    adjustments,
    appeals,
    approving,
    bulk,
    experiences,
    filters,
    home,
    palette,
    pins,
    players_list,
    quarantines,
    sync,
    undoing,
)
from console.access import pages as signing_in
from console.casefile import pages
from console.explorer import pages as exploring
from console.policy import pages as policy
from console.policy import trials

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *home.urls,
    *signing_in.urls,
    *pages.urls,
    *acting.urls,
    *approving.urls,
    *undoing.urls,
    *appeals.urls,
    *experiences.urls,
    *quarantines.urls,
    *sync.urls,
    *pins.urls,
    *exploring.urls,
    *policy.urls,
    *trials.urls,
    *palette.urls,
    *players_list.urls,
    *filters.urls,
    *bulk.urls,
    *adjustments.urls,
]
