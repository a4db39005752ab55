"""Responses of the emulator."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from werkzeug import Response

JSON = "application/json"


def respond(
    body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Build a response. Bytes are sent unchanged, other values as JSON, None as an empty body."""
    if body is None:
        response = Response(status=status, headers=headers)
        response.headers.pop("content-type", None)
        return response
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, status, headers, content_type=JSON)


def listing(name: str, items: Iterable[Any], token: str) -> Response:
    """Build a page in the form of v2. The last page has no token."""
    body: dict[str, Any] = {name: list(items)}
    return respond(body | {"nextPageToken": token} if token else body)
