"""Links to GRPS's own pages in messages."""

from django.conf import settings
from django.urls import reverse

ACCOUNT = "/me"  # where members sign in and link their accounts


def page(name: str, *args: object) -> str:
    """Return the address of the page `name`, such as `console:player`."""
    return site(reverse(name, args=args))


def site(path: str) -> str:
    """Return the address of a path on this site."""
    return settings.INTEGRATIONS.endpoints.automation.rstrip("/") + path
