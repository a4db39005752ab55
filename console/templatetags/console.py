"""Template tags of the console: navigation, URLs and undo links of messages."""

import datetime as dt
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message

from common import database_clock
from console import navigation
from console.templatetags.design import UNSET

register = template.Library()
UNDO = "undo:"


@register.simple_tag(takes_context=True)
def nav_pages(context: template.Context) -> list[dict[str, Any]]:
    """Return the pages that the user may open, each with its URL and whether it is the current one."""
    request = context["request"]
    found = [(page, address) for page, address in navigation.pages(request.user)]
    # Every URL begins with /admin/, so the longest match is the current page.
    here = max(
        (address for _, address in found if request.path.startswith(address)), key=len, default=""
    )
    if here == navigation.home() and request.path != here:
        here = ""
    return [{"page": page, "address": address, "here": address == here} for page, address in found]


@register.filter
def grouped(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pages of the header: single ones, and menus of those that share a group.

    A menu stands where its first page would. A menu of one page is that page.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for place in places:
        groups.setdefault(place["page"].group or place["page"].title, []).append(place)
    return [
        {"title": title, "places": some, "here": any(place["here"] for place in some)}
        for title, some in groups.items()
    ]


@register.simple_tag
def link(name: str, *args: Any) -> str:
    """Return the URL of a page, "" if no page has this name."""
    return navigation.to(name, *args)


@register.filter
def undo(message: Message) -> str:
    """Return the undo URL of a message, from its tag `undo:/admin/...`. "" without a tag."""
    tags = (message.extra_tags or "").split()
    found = next((tag.removeprefix(UNDO) for tag in tags if tag.startswith(UNDO)), "")
    return found if found.startswith("/") and not found.startswith("//") else ""


@register.filter
def day_ago(day: dt.date | None) -> str:
    """Return which UTC day it was, seen from today, "never" if it is not set."""
    if day is None or day < UNSET.date():
        return "never"
    days = (database_clock.now().astimezone(dt.UTC).date() - day).days
    return {0: "today", 1: "yesterday"}.get(days, f"{days:,} days ago")
