"""Find the network address of a request's client."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def client_address(request: HttpRequest | Request) -> str:
    """Return the client's address as the outermost of our TRUSTED_PROXIES proxies saw it.

    Returns the connection's address without proxies, or if the header does not name one. Each proxy
    appends the address that it saw to X-Forwarded-For. The client wrote everything before these
    entries, so it may be false.
    """
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        seen = hops[-proxies].strip() if len(hops) >= proxies else ""
        if seen:
            return str(seen)
    return str(request.META.get("REMOTE_ADDR", ""))
