"""The network address of a request's client."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def client_address(request: HttpRequest | Request) -> str:
    """The address that the outermost of our TRUSTED_PROXIES proxies saw; without proxies, and where
    the header does not name it, the connection's.

    Each proxy appends the address that it saw to X-Forwarded-For. Whatever stands before those
    entries was written by the client and may be a lie.
    """
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        seen = hops[-proxies].strip() if len(hops) >= proxies else ""
        if seen:
            return str(seen)
    return str(request.META.get("REMOTE_ADDR", ""))
