"""Responses as the emulator sends them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from werkzeug import Response

JSON = "application/json"


def respond(
    body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Bytes are sent as they are, anything else as JSON, None as an empty body."""
    if body is None:
        response = Response(status=status, headers=headers)
        response.headers.pop("content-type", None)
        return response
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, status, headers, content_type=JSON)


def listing(name: str, items: Iterable[Any], token: str) -> Response:
    """A page as v2 writes it, without a token at the end."""
    body: dict[str, Any] = {name: list(items)}
    return respond(body | {"nextPageToken": token} if token else body)
