"""What every page of the console has around it: the navigation, and what a message lets you take
back.
"""

from typing import Any

from django import template
from django.contrib.messages.storage.base import Message

from console import links

register = template.Library()
UNDO = "undo:"


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> list[dict[str, Any]]:
    """The pages that the present person may open: title, key, address, whether this is it."""
    request = context["request"]
    found = [(page, address) for page, address in links.pages(request.user)]
    # /admin/ is the beginning of every address: the longest one is where we are.
    here = max(
        (address for _, address in found if request.path.startswith(address)), key=len, default=""
    )
    if here == links.home() and request.path != here:
        here = ""
    return [{"page": page, "address": address, "here": address == here} for page, address in found]


@register.simple_tag
def link(name: str, *args: Any) -> str:
    """The address of a page that may not be there: empty then."""
    return links.to(name, *args)


@register.filter
def undo(message: Message) -> str:
    """Where this message's act is taken back: its tag `undo:/admin/...`, else empty."""
    tags = (message.extra_tags or "").split()
    found = next((tag.removeprefix(UNDO) for tag in tags if tag.startswith(UNDO)), "")
    return found if found.startswith("/") and not found.startswith("//") else ""
