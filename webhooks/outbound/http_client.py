"""The HTTP client of webhooks. It calls checked addresses only and limits time and size.

With httpcore the connections are opened here: a name is resolved, all its addresses are checked,
and the connection goes to a checked one. So a name that changes between check and call has no
effect.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpcore
import httpx

from common.ssrf import BadAddress, Networks, allowed, check_port

EXCERPT = 20_000  # bytes of a body that are read
BODY = 2.0  # seconds for a body after the status arrived, since the status is enough
CONNECT = 4.0  # seconds for each of several addresses
# Seconds after which a connection is not reused, since its address was checked that long ago.
OLD = 60.0
IDLE = 8.0  # seconds without use after which a connection is closed
NAMES = 32  # parallel name look-ups
PARKED = 16  # connections to one host that are kept for the next call

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A POST to make."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The result of a call: status, headers (lower-case names), body, milliseconds, or `error`.

    The body is cut to 20 kB.
    """

    status: int | None
    headers: dict[str, str]
    body: bytes
    milliseconds: int
    error: str


class Sender:
    """Sends POST requests.

    `insecure` allows plain HTTP. `exceptions` are allowed networks besides the public ones.
    `resolve` returns the addresses of a name.
    """

    def __init__(
        self,
        *,
        timeout: float,
        insecure: bool,
        exceptions: Networks,
        connections: int,
        resolve: Resolve | None = None,
    ) -> None:
        self._timeout = timeout
        self._insecure = insecure
        # Separate threads: a name server that hangs for one receiver must not delay the names of
        # others.
        self._names = ThreadPoolExecutor(NAMES, "webhooks-names")
        self._backend = _Guarded(exceptions, resolve or self._resolve)
        self._slots = asyncio.Semaphore(connections)
        self._tls = httpx.create_ssl_context()
        self._parked: dict[str, list[_Lane]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in [lane for lanes in self._parked.values() for lane in lanes]:
            await lane.pool.aclose()
        self._names.shutdown(wait=False, cancel_futures=True)

    async def send(self, outgoing: Outgoing) -> HttpAnswer:
        """Make one call within the time limit. Any failure is stored in `error` of the answer."""
        async with self._slots:
            began = time.perf_counter()
            got = _Got()
            try:
                async with asyncio.timeout(self._timeout):
                    await self._exchange(outgoing, got)
            except Exception as error:  # noqa: BLE001 - any error becomes the answer's `error`
                # A call with a status has an answer, whatever happened afterwards.
                if got.status is None:
                    got.error = self._words(error)
            milliseconds = round((time.perf_counter() - began) * 1000)
            return HttpAnswer(
                got.status, got.headers, bytes(got.body[:EXCERPT]), milliseconds, got.error
            )

    async def _exchange(self, outgoing: Outgoing, got: "_Got") -> None:
        url = httpx.URL(outgoing.url)
        if url.scheme != "https" and not self._insecure:
            raise BadAddress("it must begin with https://.")
        check_port(url.port, insecure=self._insecure)
        place = f"{url.scheme}://{url.host}:{url.port}"
        lane = await self._lane(place)
        try:
            target = httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            )
            headers = [("host", url.netloc.decode("ascii")), *outgoing.headers.items()]
            async with lane.pool.stream(
                "POST", target, headers=headers, content=outgoing.body
            ) as response:
                got.status = response.status
                got.headers = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in response.headers
                }
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BODY):
                        await _read(response, got.body)
        except BaseException:
            await lane.pool.aclose()
            raise
        self._park(place, lane)

    async def _lane(self, place: str) -> "_Lane":
        """Return a connection to a host that is recent enough, or a new one."""
        now = time.monotonic()
        lanes = self._parked.get(place, [])
        while lanes:
            lane = lanes.pop()
            if now - lane.opened < OLD:
                return lane
            await lane.pool.aclose()
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=1,
            keepalive_expiry=IDLE,
            network_backend=self._backend,
        )
        return _Lane(pool, now)

    def _park(self, place: str, lane: "_Lane") -> None:
        lanes = self._parked.setdefault(place, [])
        if len(lanes) < PARKED:
            lanes.append(lane)
            return
        asyncio.get_running_loop().create_task(lane.pool.aclose())

    async def _resolve(self, host: str, port: int) -> list[str]:
        def ask() -> list[str]:
            return [
                str(where[0])
                for _, _, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            ]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._names, ask)
        except (OSError, UnicodeError):
            return []

    def _words(self, error: Exception) -> str:
        if isinstance(error, _Refused | BadAddress):
            return str(error)
        if isinstance(error, TimeoutError | httpcore.TimeoutException):
            return f"It did not answer within {self._timeout:g} s."
        said = str(error) or type(error).__name__
        if "CERTIFICATE_VERIFY_FAILED" in said:
            return f"Its certificate is not valid: {said.partition('certificate verify failed: ')[2] or said}."
        if "SSL" in said or isinstance(error.__cause__, ssl.SSLError):
            return f"It does not speak TLS as it should: {said}."
        if isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError):
            return f"It closed the connection or did not speak HTTP: {said}."
        return f"The call failed: {said}."


@dataclass(slots=True)
class _Got:
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Lane:
    """One connection. In a pool of many, httpcore's look-up takes longer than a call."""

    pool: httpcore.AsyncConnectionPool
    opened: float


class _Refused(Exception):
    """No connection is made. The text says why."""


class _Guarded(httpcore.AsyncNetworkBackend):
    """A network backend that connects only to addresses that it has checked."""

    def __init__(self, exceptions: Networks, resolve: Resolve) -> None:
        self._exceptions = exceptions
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = [
            ipaddress.ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)
        ]
        for address in addresses:
            if not allowed(address, self._exceptions):
                raise _Refused(f"{host} resolves to {address}, which is not public.")
        failure = _Refused(f"There is no host {host}.")
        for address in dict.fromkeys(addresses):
            try:
                return await self._plain.connect_tcp(
                    str(address), port, CONNECT, local_address, socket_options
                )
            except httpcore.ConnectTimeout:
                failure = _Refused(f"{address} took no connection within {CONNECT:g} s.")
            except httpcore.ConnectError:
                failure = _Refused(f"{address} refused the connection.")
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise _Refused("Webhooks are never sent to a socket of this machine.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _read(response: httpcore.Response, body: bytearray) -> None:
    async for piece in response.aiter_stream():
        body += piece
        if len(body) >= EXCERPT:
            return
