"""The console's own pages, before those that the admin makes of models."""

from django.urls import URLPattern, URLResolver

<<<<<<< HEAD
from console import acting, approving, experiences, sync
from console.access import pages as signing_in
from console.casefile import pages
=======
from console import experiences, filters, palette, players_list, sync
>>>>>>> cde31f107e2bb3a256aa3211e7a5e37c76194c71

app_name = "console"

urlpatterns: list[URLPattern | URLResolver] = [
    *signing_in.urls,
    *pages.urls,
    *acting.urls,
    *approving.urls,
    *experiences.urls,
    *sync.urls,
    *palette.urls,
    *players_list.urls,
    *filters.urls,
]
