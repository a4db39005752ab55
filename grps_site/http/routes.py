"""The route of a request, which names no person and no secret."""

from django.http import HttpRequest


def route(request: HttpRequest) -> str:
    """Return the pattern that matched, such as `players/<userid:user_id>`."""
    match = request.resolver_match
    return str(match.route) if match else "unmatched"
