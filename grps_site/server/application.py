"""From ASGI to Django: read the whole body within its limits, then run Django in a thread."""

import asyncio
import io
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from grps_site.wsgi import application as django  # first, since it sets Django up

# isort: split
from django.conf import settings

from grps_site.http.errors import CONSOLE
from grps_site.http.middleware import REFUSED
from grps_site.server.connections import quiet

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[str, str]]


class BodyLimit(NamedTuple):
    """Bytes of a body, and seconds from the end of the head until it is complete."""

    size: int
    seconds: float


API = BodyLimit(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, 20)
FORMS = BodyLimit(8 * 1_048_576, 60)  # staff upload files; each page has lower limits
MAX_BUFFERED = 128 * 1_048_576  # bytes of all bodies in one process
DRAIN = BodyLimit(
    16 * 1_048_576, 5
)  # read from a refused body, so that the client receives the answer
CHUNK_SECONDS = 30  # for a client to read a chunk of a streamed response
MAX_WHOLE_FILE = 8 * 1_048_576  # bytes; larger files are streamed
LIVE = "/health/live"

quiet(logging.getLogger("uvicorn.error"))
_threads = ThreadPoolExecutor(settings.WEB_THREADS, thread_name_prefix="web")
_live = ThreadPoolExecutor(
    1, thread_name_prefix="live"
)  # answers even when all other threads wait for the database
_streams = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
_buffered = 0
_SERVER = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class RequestRefused(Exception):
    """The body is refused with `status`."""

    def __init__(self, status: int) -> None:
        self.status = status


class Disconnected(Exception):
    """The client disconnected before its request was complete."""


class WholeResponse(NamedTuple):
    status: int
    headers: Headers
    body: bytes


async def application(scope: Message, receive: Receive, send: Send) -> None:
    environ = _environ(scope)
    size = 0
    try:
        body = await _body(environ, receive)
        size = len(body)
    except Disconnected:
        return
    except RequestRefused as refusal:
        await _refuse(environ, refusal.status, receive, send)
        return
    try:
        environ["wsgi.input"] = io.BytesIO(body)
        if size:
            environ["CONTENT_LENGTH"] = str(size)  # of a chunked body too
        await _answer(environ, send)
    finally:
        _count_buffered(-size)


async def _body(environ: dict[str, Any], receive: Receive) -> bytes:
    """Read the whole body. Raises RequestRefused (400, 408, 413, 415, 503) or Disconnected."""
    declared = environ.get("CONTENT_LENGTH", "")
    transfer = environ.get("HTTP_TRANSFER_ENCODING", "")
    if transfer and not _is_plain_chunked(environ):
        raise RequestRefused(400)
    if not declared and not transfer:
        return b""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise RequestRefused(415)
    limit = FORMS if environ["PATH_INFO"].startswith(CONSOLE) else API
    if declared and int(declared) > limit.size:
        raise RequestRefused(413)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limit.seconds):
            async for piece in _pieces(receive):
                size += len(piece)
                pieces.append(piece)
                _count_buffered(len(piece))
                if size > limit.size:
                    raise RequestRefused(413)
                if _buffered > MAX_BUFFERED:
                    raise RequestRefused(503)
    except BaseException as error:
        _count_buffered(-sum(map(len, pieces)))
        if isinstance(error, TimeoutError):
            raise RequestRefused(408) from None
        raise
    return b"".join(pieces)


def _is_plain_chunked(environ: dict[str, Any]) -> bool:
    """Return whether every proxy sees the same end of the body (RFC 9112, 6.1 and 6.3).

    The parser refuses Content-Length beside Transfer-Encoding, and codings after `chunked`.
    """
    coding = environ["HTTP_TRANSFER_ENCODING"].strip().lower()
    return bool(coding == "chunked" and environ["SERVER_PROTOCOL"] != "HTTP/1.0")


async def _pieces(receive: Receive) -> Any:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield message["body"]
        if not message["more_body"]:
            return


def _count_buffered(size: int) -> None:
    global _buffered
    _buffered += size


async def _answer(environ: dict[str, Any], send: Send) -> None:
    loop = asyncio.get_running_loop()
    threads = _live if environ["PATH_INFO"] == LIVE else _threads
    answer = await loop.run_in_executor(threads, _run, environ, _ChunkSender(loop, send))
    if answer is not None:
        await _send(answer, send)


async def _refuse(environ: dict[str, Any], status: int, receive: Receive, send: Send) -> None:
    """Answer, then read and discard the rest of the body, so that the client gets the answer."""
    environ |= {REFUSED: status, "wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
    loop = asyncio.get_running_loop()
    answer = await loop.run_in_executor(_threads, _run, environ, _ChunkSender(loop, send))
    await _send(
        answer._replace(headers=[*answer.headers, ("Connection", "close")]), send, is_last=False
    )
    if "HTTP_EXPECT" not in environ:
        await _drain(receive)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    left = DRAIN.size
    try:
        async with asyncio.timeout(DRAIN.seconds):
            async for piece in _pieces(receive):
                left -= len(piece)
                if left <= 0:
                    return
    except (TimeoutError, Disconnected):
        return


async def _send(answer: WholeResponse, send: Send, *, is_last: bool = True) -> None:
    await send(_start(answer.status, answer.headers))
    await send({"type": "http.response.body", "body": answer.body, "more_body": not is_last})


def _start(status: int, headers: Headers) -> Message:
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": encoded}


class _ChunkSender:
    """Sender of a response's chunks from a thread. Each waits until the client has read enough."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Send) -> None:
        self._loop, self._send = loop, send

    def send(self, message: Message) -> None:
        asyncio.run_coroutine_threadsafe(self._in_time(message), self._loop).result()

    async def _in_time(self, message: Message) -> None:
        async with asyncio.timeout(CHUNK_SECONDS):
            await self._send(message)


def _run(environ: dict[str, Any], sender: _ChunkSender) -> Any:
    """Call Django in this thread. Returns None when the response was streamed."""
    started: list[Any] = []

    def start_response(
        status: str, headers: Headers, exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        started[:] = int(status[:3]), headers
        return started.append  # PEP 3333 requires a `write`, which Django never calls

    response = django(environ, start_response)
    try:
        status, headers = started
        if not _is_long(response, headers):
            return _whole(status, headers, b"".join(response))
        if not _streams.acquire(blocking=False):
            text = b"Too many streamed responses are running; try again soon.\n"
            return _whole(503, [("Content-Type", "text/plain"), ("Retry-After", "30")], text)
        try:
            _stream(status, headers, response, sender)
        finally:
            _streams.release()
        return None
    finally:
        response.close()


def _is_long(response: Any, headers: Headers) -> bool:
    """Return whether a response must be streamed. Small files of known size need not."""
    if not getattr(response, "streaming", False):
        return False
    sizes = [int(value) for name, value in headers if name.lower() == "content-length"]
    return not sizes or sizes[0] > MAX_WHOLE_FILE


def _whole(status: int, headers: Headers, body: bytes) -> WholeResponse:
    if not any(name.lower() == "content-length" for name, _ in headers) and status not in {
        204,
        304,
    }:
        headers = [*headers, ("Content-Length", str(len(body)))]
    return WholeResponse(status, headers, body)


def _stream(status: int, headers: Headers, pieces: Iterable[bytes], sender: _ChunkSender) -> None:
    sender.send(_start(status, headers))
    for piece in pieces:
        sender.send({"type": "http.response.body", "body": piece, "more_body": True})
    sender.send({"type": "http.response.body", "body": b""})


def _environ(scope: Message) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) without the body."""
    host, port = scope["server"] or ("", 0)
    environ: dict[str, Any] = _SERVER | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        "wsgi.url_scheme": scope["scheme"],
    }
    for raw, value in scope["headers"]:
        if b"_" not in raw:  # else X_Forwarded_For would count as X-Forwarded-For
            _add_header(environ, raw.decode("latin-1"), value.decode("latin-1"))
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    key = name.upper().replace("-", "_")
    if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        key = f"HTTP_{key}"
    if key in environ:
        value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    environ[key] = value
