"""Saved filters: queries of a list under a name, private to each person."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from common.errors import Refused
from common.visible_text import clean_name
from console import navigation
from console.decorators import page
from console.models import SavedFilter
from players.moderation.actors import Staff, staff_of

MOST = 20  # of one person on one page: all of them are shown above the list
LONGEST_NAME = 60
LONGEST_QUERY = 500
PAGES = {"players": "console:players"}


def saved(by: Staff, on: str) -> list[SavedFilter]:
    """Return a person's filters of the page `on`, by name."""
    return list(SavedFilter.objects.filter(person=by.person, page=on).order_by("name")[:MOST])


def save(on: str, name: str, query: str, *, by: Staff) -> SavedFilter:
    """Save a query under a name. One of the same name is replaced. Raises Refused."""
    name = clean_name(name, LONGEST_NAME + 1)
    if not name or len(name) > LONGEST_NAME:
        raise Refused(f"name: give the filter a name of 1 to {LONGEST_NAME} characters.")
    if not query or len(query) > LONGEST_QUERY or "\0" in query:
        raise Refused("query: choose a filter first, then save it.")
    with transaction.atomic():
        own = SavedFilter.objects.select_for_update().filter(person=by.person, page=on)
        if len(own) >= MOST and not any(one.name == name for one in own):
            raise Refused(f"You have {MOST} filters here, which is the most: delete one first.")
        kept, _ = SavedFilter.objects.update_or_create(
            person=by.person, page=on, name=name, defaults={"query": query}
        )
    return kept


@page()
@require_POST
def keep(request: HttpRequest, on: str) -> HttpResponse:
    back = _page_of(on)
    query = request.POST.get("query", "")
    try:
        kept = save(on, request.POST.get("name", ""), query, by=staff_of(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The filter {kept.name} is saved.")
    return redirect(f"{back}?{_rewritten(query)}")


@page()
@require_POST
def drop(request: HttpRequest, on: str, pk: int) -> HttpResponse:
    back = _page_of(on)
    gone, _ = SavedFilter.objects.filter(person=staff_of(request).person, page=on, pk=pk).delete()
    if not gone:
        raise Http404("You have no such filter.")
    messages.success(request, "The filter is deleted.")
    return redirect(back)


def _rewritten(query: str) -> str:
    """Return a query string in our own encoding."""
    return urlencode(
        [(name, value) for name, values in QueryDict(query).lists() for value in values]
    )


def _page_of(on: str) -> str:
    address = navigation.to(PAGES[on]) if on in PAGES else ""
    if not address:
        raise Http404("There is no such list.")
    return address


urls = [
    path("filters/<slug:on>/", keep, name="filter-save"),
    path("filters/<slug:on>/<rowid:pk>/delete/", drop, name="filter-delete"),
]
