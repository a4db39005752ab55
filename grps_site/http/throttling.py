"""How often one address may ask.

Counted in Valkey for all processes, leased in portions so that most requests ask nobody.

A process takes a tenth of the limit at a time and spends it by itself; so the limit holds to within
a tenth for each process, and nine requests of ten cost no round trip. When Valkey is away each
process counts alone.
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

from common.client_address import client_address

if TYPE_CHECKING:
    from rest_framework.views import APIView

WINDOW = 60  # seconds
PORTIONS = 10
ALONE = 10  # seconds without asking Valkey again once it did not answer
ADDRESSES = 20_000  # remembered by a process

log = structlog.get_logger("grps.throttle")


@dataclass(slots=True)
class _Lease:
    window: int
    left: int
    spent: int = 0


_leases: dict[str, _Lease] = {}
_client: redis.Redis | None = None
_alone_until = 0.0


def check(request: HttpRequest | Request, kind: str) -> float | None:
    """Count one request of `kind` (read or write); the seconds to wait when it is one too many,
    else None.
    """
    limit = (
        settings.THROTTLE_WRITE_PER_MINUTE
        if kind == "write"
        else settings.THROTTLE_PUBLIC_PER_MINUTE
    )
    if not limit:
        return None
    now = time.time()
    window = int(now) // WINDOW
    key = f"{kind}:{_mark(network(client_address(request)))}"
    lease = _leases.get(key)
    if lease is None or lease.window != window:
        if len(_leases) >= ADDRESSES:
            _leases.clear()
        lease = _leases[key] = _Lease(window, 0)
    if lease.left == 0:
        lease.left = _take(key, window, limit, lease)
    if lease.left <= 0:
        return (window + 1) * WINDOW - now
    lease.left -= 1
    lease.spent += 1
    return None


@lru_cache(maxsize=ADDRESSES)
def network(text: str) -> str:
    """Of IPv6 the network of 64 bits: one household is given so many addresses."""
    if ":" not in text:
        return text
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return text


@lru_cache(maxsize=ADDRESSES)
def _mark(network: str) -> str:
    """What Valkey knows of an address: without our secret nobody can say whose."""
    return salted_hmac("grps.throttle", network, algorithm="sha256").hexdigest()[:32]


def _take(key: str, window: int, limit: int, lease: _Lease) -> int:
    """Lease the next portion; -1 when the limit is used up, and no more is asked for in this
    window.
    """
    portion = max(1, limit // PORTIONS)
    taken = _count(f"throttle:{window}:{key}", portion)
    if taken is None:
        taken = lease.spent + portion
    left = limit - (taken - portion)
    return min(portion, left) if left > 0 else -1


def _count(key: str, portion: int) -> int | None:
    """How much of a window is taken by all processes, `portion` included; None while Valkey is
    away.
    """
    global _alone_until
    if time.monotonic() < _alone_until:
        return None
    try:
        pipeline = _valkey().pipeline(transaction=False)
        pipeline.incrby(key, portion)
        pipeline.expire(key, 2 * WINDOW)
        taken = int(pipeline.execute()[0])
    except redis.RedisError as error:
        if not _alone_until:
            log.warning("Valkey is away: each process counts alone", error=str(error))
        _alone_until = time.monotonic() + ALONE
        return None
    _alone_until = 0.0
    return taken


def _valkey() -> redis.Redis:
    global _client
    if _client is None:
        # No retries: a request must not wait longer for its count than for its answer.
        _client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=0.2,
            socket_connect_timeout=0.2,
            retry=Retry(NoBackoff(), 0),
        )
    return _client


class AddressThrottle(BaseThrottle):
    """For callers who prove nothing. A cached view is counted where its cache is
    (grps_site.http.response_cache).
    """

    _wait: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if getattr(view, "caller", "") != "anyone" or getattr(view, "cached", False):
            return True
        self._wait = check(request, "read" if request.method in {"GET", "HEAD"} else "write")
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait
