"""Limits of connections: deadlines, size of the head, and number per address."""

import asyncio
import logging
import resource

import structlog
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from grps_site.http.throttling import network

HEAD_SECONDS = 10.0  # from the first byte, or from the connection, to the end of the head
HEAD_SIZE = 65_536  # bytes
WRITE_SECONDS = 60.0  # for the client to read a finished response
TICK = 1.0  # seconds between checks of the deadlines
MAX_CONNECTIONS = 10_000  # of one process
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

log = structlog.get_logger("grps.server")


class Connections:
    """The connections of this process in total and by address, oldest first."""

    def __init__(self) -> None:
        self.all: dict[GuardedProtocol, None] = {}
        self.by_address: dict[str, dict[GuardedProtocol, None]] = {}
        # Behind a proxy all connections have its address, so the proxy counts them (deploy/nginx).
        self.per_address = settings.CONNECTIONS_PER_ADDRESS if not settings.TRUSTED_PROXIES else 0
        self.most = min(MAX_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 8 // 10)
        self._watched = False

    def add(self, connection: "GuardedProtocol") -> bool:
        """Add a connection, and close the oldest idle one at a limit.

        Returns False if a limit is reached and no connection is idle.
        """
        here = self.by_address.setdefault(connection.address, {})
        for group, most in ((here, self.per_address), (self.all, self.most)):
            if most and len(group) >= most and not _make_room(group):
                return False
        here[connection] = self.all[connection] = None
        self._watch(connection.loop)
        return True

    def remove(self, connection: "GuardedProtocol") -> None:
        self.all.pop(connection, None)
        here = self.by_address.get(connection.address, {})
        here.pop(connection, None)
        if not here:
            self.by_address.pop(connection.address, None)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._watched:
            self._watched = True
            loop.call_later(TICK, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self.all):
            connection.enforce_deadlines(now)
        self._watched = False
        if self.all:
            self._watch(loop)


def _make_room(group: "dict[GuardedProtocol, None]") -> bool:
    """Close the oldest connection that waits for its client. Returns False if there is none."""
    for connection in group:
        if connection.is_waiting():
            connection.drop()
            return True
    return False


_connections: Connections | None = None


def connections() -> Connections:
    global _connections
    if _connections is None:
        _connections = Connections()
    return _connections


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines for heads and responses (bodies: application.py)."""

    address = ""
    head_since: float | None = None  # start of waiting for a head; None while none is expected
    head_size = 0  # bytes of the unfinished head, without those that came with an earlier request
    head_ended = False  # in the last received bytes
    unsent_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = network(self.client[0] if self.client else "")
        self.head_since = self.loop.time()
        if not connections().add(self):
            self.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        connections().remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.head_since is None and self._is_between_requests():
            self.head_since = self.loop.time()
        self.head_ended = False
        super().data_received(data)
        if self.head_since is not None and not self.head_ended:
            self.head_size += len(data)
            if self.head_size > HEAD_SIZE:
                self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_since = self.head_since or self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head_since is not None:  # otherwise it is a trailer, not a header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.head_since, self.head_size, self.head_ended = None, 0, True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.head_since is not None:  # the next request arrived during this response
            self.head_since = self.loop.time()

    def is_waiting(self) -> bool:
        """Return whether the client must send the next bytes of a head or a body."""
        return self._is_between_requests() or (
            self.cycle.more_body and not self.cycle.response_started
        )

    def enforce_deadlines(self, now: float) -> None:
        if not self.transport.get_write_buffer_size():
            self.unsent_since = None
        elif self.unsent_since is None:
            self.unsent_since = now
        if not self._is_between_requests() and not self.transport.is_closing():
            return
        if self.unsent_since is not None and now - self.unsent_since > WRITE_SECONDS:
            self.drop()
        elif self.head_since is not None and now - self.head_since > HEAD_SECONDS:
            self._refuse(TOO_SLOW if self.head_size else b"")

    def drop(self) -> None:
        """Close the connection at once."""
        connections().remove(self)
        self.transport.abort()

    def _is_between_requests(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.pipeline)

    def _refuse(self, answer: bytes) -> None:
        if self.transport.is_closing():
            return
        if answer:
            self.transport.write(answer)
        self.transport.close()


def quiet(logger: logging.Logger) -> None:
    """Leave out warnings: a line for each malformed request could fill the disk."""
    logger.addFilter(lambda line: line.levelno != logging.WARNING)
