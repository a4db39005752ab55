"""Find the network address of a request's client."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

_BRACKETED = re.compile(r"\[([^\]]+)\](?::\d{1,5})?")
_IPV4_WITH_PORT = re.compile(r"([0-9.]+):\d{1,5}")


def client_address(request: HttpRequest | Request) -> str:
    """Return the client's address as the outermost of our TRUSTED_PROXIES proxies saw it.

    Returns the connection's address without proxies, or if the header does not name one. Each proxy
    appends the address that it saw to X-Forwarded-For. The client wrote everything before these
    entries, so it may be false.
    """
    proxies = settings.TRUSTED_PROXIES
    if proxies:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        seen = parse_address(hops[-proxies]) if len(hops) >= proxies else None
        if seen:
            return seen
    connection = str(request.META.get("REMOTE_ADDR", ""))
    return parse_address(connection) or connection


def parse_address(text: str) -> str | None:
    """Return the IP address in an entry of X-Forwarded-For in its one canonical form.

    Accepts the forms of RFC 7239 and of common proxies: quotes, brackets, a port, a zone. An IPv4
    address that is mapped into IPv6 is returned as IPv4. Returns None for anything else.
    """
    text = text.strip().strip('"')
    found = _BRACKETED.fullmatch(text) or _IPV4_WITH_PORT.fullmatch(text)
    address = (found[1] if found else text).partition("%")[0]
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
