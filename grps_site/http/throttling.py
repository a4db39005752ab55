"""Limit the requests of one address per minute.

All processes count in Valkey. A process reserves a tenth of the limit at a time and spends it
without a round trip, so each process may exceed the limit by up to a tenth. Without Valkey each
process counts by itself.
"""

import ipaddress
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import redis
import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from common import database_clock
from common.client_address import client_address, parse_address
from grps_site.http.signed_calls import visitor_address

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW = 60  # seconds
PORTIONS = 10
RETRY_VALKEY = 10  # seconds without calls to Valkey after it did not answer
MAX_ADDRESSES = 20_000  # of one process

log = structlog.get_logger("grps.throttle")


@dataclass(slots=True)
class _Lease:
    window: int
    left: int
    spent: int = 0


_leases: dict[str, _Lease] = {}
_client: redis.Redis | None = None
_valkey_down_until = 0.0


def check(request: HttpRequest | Request, kind: str) -> float | None:
    """Count one request of the client's address."""
    return check_address(client_address(request), kind)


def check_address(address: str, kind: str) -> float | None:
    """Count one request of `kind` (read or write).

    Returns the seconds to wait if the limit is exceeded, else None.
    """
    limit = (
        settings.THROTTLE_WRITE_PER_MINUTE
        if kind == "write"
        else settings.THROTTLE_PUBLIC_PER_MINUTE
    )
    if not limit:
        return None
    now = database_clock.timestamp()
    window = int(now) // WINDOW
    key = f"{kind}:{_keyed_hash(network(address))}"
    lease = _leases.get(key)
    if lease is None or lease.window != window:
        if len(_leases) >= MAX_ADDRESSES:
            _leases.clear()
        lease = _leases[key] = _Lease(window, 0)
    if lease.left == 0:
        lease.left = _reserve(key, window, limit, lease)
    if lease.left <= 0:
        return (window + 1) * WINDOW - now
    lease.left -= 1
    lease.spent += 1
    return None


@lru_cache(maxsize=MAX_ADDRESSES)
def network(text: str) -> str:
    """Return an IPv6 address's /64 network, since one household has that many addresses.

    Other addresses are returned in their canonical form, and other texts unchanged.
    """
    address = parse_address(text) or text
    if ":" not in address:
        return address
    try:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        return text


@lru_cache(maxsize=MAX_ADDRESSES)
def _keyed_hash(network: str) -> str:
    """Hash an address with our secret, so that Valkey holds no personal data."""
    return salted_hmac("grps.throttle", network, algorithm="sha256").hexdigest()[:32]


def _reserve(key: str, window: int, limit: int, lease: _Lease) -> int:
    """Reserve the next portion. Returns -1 when the limit of this window is used up."""
    portion = max(1, limit // PORTIONS)
    taken = _add(f"throttle:{window}:{key}", portion)
    if taken is None:
        taken = lease.spent + portion
    left = limit - (taken - portion)
    return min(portion, left) if left > 0 else -1


def _add(key: str, portion: int) -> int | None:
    """Add `portion` to all processes' reservations of a window.

    Returns their sum, or None without Valkey.
    """
    global _valkey_down_until
    if time.monotonic() < _valkey_down_until:
        return None
    try:
        pipeline = _valkey().pipeline(transaction=False)
        pipeline.incrby(key, portion)
        pipeline.expire(key, 2 * WINDOW)
        taken = int(pipeline.execute()[0])
    except redis.RedisError as error:
        if not _valkey_down_until:
            log.warning(
                "Valkey is unavailable; this process counts requests by itself", error=str(error)
            )
        _valkey_down_until = time.monotonic() + RETRY_VALKEY
        return None
    _valkey_down_until = 0.0
    return taken


def _valkey() -> redis.Redis:
    global _client
    if _client is None:
        # No retries: counting must not delay the response.
        _client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=0.2,
            socket_connect_timeout=0.2,
            retry=Retry(NoBackoff(), 0),
        )
    return _client


class AddressThrottle(BaseThrottle):
    """Throttle of views open to anyone, by the visitor of a signed call.

    The cache counts cached views (response_cache.py).
    """

    _wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if getattr(view, "caller", "") != "anyone" or getattr(view, "cached", False):
            return True
        kind = "read" if request.method in {"GET", "HEAD"} else "write"
        self._wait = check_address(visitor_address(request), kind)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
