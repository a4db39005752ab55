"""JSON of the API. Decoding refuses NaN, lone surrogates, NUL and deep nesting."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

LARGEST = 2.0**63


def _number(text: str) -> int | float:
    """Convert a number with a point or an exponent. 1.0 and 1e3 are integers in JSON Schema."""
    value = float(text)
    if math.isinf(value):
        raise msgspec.ValidationError("Number out of range")
    return int(Decimal(text)) if value.is_integer() and abs(value) < LARGEST else value


_decoder = msgspec.json.Decoder(float_hook=_number)
ESCAPED_NUL = b"\\u0000"  # the decoder refuses a bare NUL byte
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def dumps(value: Any) -> bytes:
    """Encode compact JSON. Decimal becomes a number, times are in UTC with `Z`."""
    return _encoder.encode(value)


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return b"" if data is None else dumps(data)


class JSONOnly(DefaultContentNegotiation):
    """Content negotiation that always answers in JSON and ignores `Accept`."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JSONParser(BaseParser):
    """Parse a JSON object. Raises ParseError naming the place."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, Any]:
        # Django checks the size limit in `body`, and not when the stream is read.
        return self.decode(parser_context["request"]._request.body)

    def decode(self, body: bytes) -> dict[str, Any]:
        """Decode a JSON object. Raises ParseError naming the place."""
        try:
            document = _decoder.decode(body)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        if not isinstance(document, dict):
            raise ParseError("The body must be a JSON object.")
        if ESCAPED_NUL in body:
            _refuse_nul(document)
        return document


def _refuse_nul(document: dict[str, Any]) -> None:
    for path, text in _texts(document):
        if "\0" in text:
            raise ParseError(f"{path or 'The body'} holds a NUL character; leave it out.")


def _texts(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every text with its path.

    Iterative, since the document may be nested deeper than Python's stack.
    """
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            yield from ((path, name) for name in value)
            waiting += [(f"{path}.{name}".lstrip("."), item) for name, item in value.items()]
