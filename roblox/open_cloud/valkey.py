"""Connect to Valkey, through which all processes share their pace."""

from collections.abc import Callable

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger("grps.open_cloud")


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
    )


def best_effort[T](call: Callable[[], T]) -> T | None:
    """Make a call to Valkey, and return None if it fails.

    That does no harm: the next answer from Roblox gives the same information.
    """
    try:
        return call()
    except redis.RedisError as error:
        log.warning("valkey is away; nothing is learned from roblox's answers", error=str(error))
        return None
