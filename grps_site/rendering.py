"""JSON in and out. Strict on the way in: NaN, lone surrogates, NUL and deep nesting never reach a rule."""

from collections.abc import Iterator
from typing import Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def dumps(value: Any) -> bytes:
    """Compact JSON; Decimal as a number, times in UTC with `Z`."""
    return _encoder.encode(value)


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else dumps(data)


class AlwaysJSON(BaseContentNegotiation):
    """There is one form of an answer; an `Accept` that asks for another gets it all the same."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        declared = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == declared), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class JSONParser(BaseParser):
    """An object, decoded strictly. Raises ParseError naming the place."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        try:
            document = msgspec.json.decode(stream.read())
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ParseError(f"The body is not JSON: {error}.") from None
        if not isinstance(document, dict):
            raise ParseError("The body must be a JSON object.")
        for path, text in _texts("", document):
            if "\0" in text:
                raise ParseError(f"{path or 'the body'} holds a NUL character; leave it out.")
        return document


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            yield from _texts(f"{path}.{key}".lstrip("."), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(f"{path}[{index}]", item)


