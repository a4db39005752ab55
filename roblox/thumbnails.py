"""Headshots of Roblox accounts: where Roblox keeps them, and their bytes.

Both calls need no key. Only Roblox's own image hosts are asked for bytes.
"""

import ipaddress
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
import msgspec
from django.conf import settings

from common.ssrf import Networks, allowed

PATH = "/v1/users/avatar-headshot"
MOST = 100  # user ids in one call
SIZE = "150x150"
IMAGE_HOSTS = ".rbxcdn.com"
LARGEST = 256 * 1024  # bytes of a picture
SECONDS = 10.0  # for one call
RETRY = 60.0  # seconds to wait if Roblox does not say how long
SIGNATURES = ((b"\x89PNG\r\n\x1a\n", b"", "image/png"), (b"RIFF", b"WEBP", "image/webp"))


class Headshot(msgspec.Struct, frozen=True, rename="camel"):
    """Roblox's answer about one account. `state`: Completed, Pending, Blocked, Error and others."""

    target_id: int
    state: str
    image_url: str | None = None


class _Headshots(msgspec.Struct):
    data: list[Headshot]


@dataclass(frozen=True, slots=True)
class Picture:
    media_type: str
    body: bytes


class ThumbnailsUnavailable(Exception):
    """Roblox gave no usable answer. Try again after `wait` seconds."""

    def __init__(self, message: str, wait: float = RETRY) -> None:
        super().__init__(message)
        self.wait = wait


class NotDrawn(Exception):
    """This picture is not there yet. Others may be."""


class BadPicture(Exception):
    """The picture is at a wrong address, too large, or of another type."""


def lookup(user_ids: Sequence[int]) -> dict[int, Headshot]:
    """Return where the headshots of up to MOST accounts are, by user id. Raises ThumbnailsUnavailable."""
    query = {"userIds": ",".join(map(str, user_ids)), "size": SIZE, "format": "Png"}
    try:
        answer = httpx.get(settings.THUMBNAILS_URL + PATH, params=query, timeout=SECONDS)
    except httpx.HTTPError as error:
        raise ThumbnailsUnavailable(f"The call failed: {error}.") from None
    if answer.status_code != 200:
        raise ThumbnailsUnavailable(f"It answered {answer.status_code}.", _wait(answer))
    try:
        found = msgspec.json.decode(answer.content, type=_Headshots)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ThumbnailsUnavailable(f"Its answer cannot be read: {error}.") from None
    return {one.target_id: one for one in found.data}


@contextmanager
def connections() -> Iterator[httpcore.ConnectionPool]:
    """Yield connections for `fetch`, which go to checked addresses only."""
    with httpcore.ConnectionPool(
        ssl_context=httpx.create_ssl_context(), network_backend=_Guarded(_exceptions())
    ) as pool:
        yield pool


def fetch(pool: httpcore.ConnectionPool, address: str) -> Picture:
    """Return the picture at an address that `lookup` named. Redirects are not followed.

    Raises BadPicture, NotDrawn and ThumbnailsUnavailable.
    """
    _check(address)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)
    try:
        with pool.stream("GET", address, extensions={"timeout": timeouts}) as answer:
            if 300 <= answer.status < 500 and answer.status != 429:
                raise NotDrawn(f"The picture's host answered {answer.status}.")
            if answer.status != 200:
                raise ThumbnailsUnavailable(f"The picture's host answered {answer.status}.")
            body = _read(answer.iter_stream())
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise ThumbnailsUnavailable(f"The picture could not be fetched: {error!r}.") from None
    return Picture(_media_type(body), body)


def _read(pieces: Iterable[bytes]) -> bytes:
    until, body = time.monotonic() + SECONDS, bytearray()
    for piece in pieces:
        body += piece
        if len(body) > LARGEST:
            raise BadPicture(f"The picture has more than {LARGEST} bytes.")
        if time.monotonic() > until:
            raise ThumbnailsUnavailable("The picture took too long.")
    return bytes(body)


def _media_type(body: bytes) -> str:
    """Return the type by the first bytes, whatever the header says."""
    for start, middle, media_type in SIGNATURES:
        if body.startswith(start) and body[8 : 8 + len(middle)] == middle:
            return media_type
    raise BadPicture("It is neither PNG nor WebP.")


def _check(address: str) -> None:
    try:
        url, own = httpx.URL(address), httpx.URL(settings.THUMBNAILS_URL)
    except httpx.InvalidURL as error:
        raise BadPicture(f"The picture's address is malformed: {error}.") from None
    if (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port) and not url.userinfo:
        return
    is_image_host = url.host.endswith(IMAGE_HOSTS) and url.port in {None, 443}
    if url.scheme != "https" or not is_image_host or url.userinfo:
        raise BadPicture(f"The picture is at {url.host}, which is not Roblox's.")


def _exceptions() -> Networks:
    """Return the network of THUMBNAILS_URL if it is an IP address: the emulator's."""
    try:
        return (ipaddress.ip_network(httpx.URL(settings.THUMBNAILS_URL).host),)
    except ValueError:
        return ()


def _wait(answer: httpx.Response) -> float:
    given = answer.headers.get("retry-after", "")
    return min(float(given), 3600.0) if given.isdecimal() else RETRY


class _Guarded(httpcore.SyncBackend):
    """A network backend that connects only to addresses that it has checked."""

    def __init__(self, exceptions: Networks) -> None:
        self._exceptions = exceptions

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> Any:
        address = _resolved(host, port, self._exceptions)
        return super().connect_tcp(address, port, *args, **options)

    def connect_unix_socket(self, *args: Any, **options: Any) -> Any:
        raise BadPicture("Pictures are never read from a socket of this machine.")


def _resolved(host: str, port: int, exceptions: Networks) -> str:
    """Return an address of the host. Raises BadPicture if one of them is not public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ThumbnailsUnavailable(f"There is no host {host}.") from None
    addresses = [str(where[0]).partition("%")[0] for _, _, _, _, where in found]
    for address in addresses:
        if not allowed(ipaddress.ip_address(address), exceptions):
            raise BadPicture(f"{host} is {address}, which is not public.")
    return addresses[0]
