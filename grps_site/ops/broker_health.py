"""Whether the broker and the cache answer and take writes.

A Valkey server that is out of memory, or a replica, answers and refuses every write.
"""

import redis
from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError

from grps_site.ops.unhealthy import Unhealthy

PROBE = "grps:health"  # the key that is written
LIFETIME = 60  # seconds until the key is deleted
TIMEOUT = 2  # seconds


def check_broker() -> str:
    """Check the server of CELERY_BROKER_URL. Brokers other than Valkey are only connected to."""
    url: str = settings.CELERY_BROKER_URL
    if url.startswith("redis"):
        return _write(url)
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(url, connect_timeout=TIMEOUT, transport_options=options) as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=TIMEOUT)
        except OperationalError as error:
            raise Unhealthy(f"cannot be reached ({type(error.__cause__).__name__})") from None
    return "answers"


def check_cache() -> str:
    """Check the server of REDIS_URL, which keeps throttles and cached answers."""
    return _write(settings.REDIS_URL)


def _write(url: str) -> str:
    options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    try:
        with redis.Redis.from_url(url, **options) as client:
            client.set(PROBE, 1, ex=LIFETIME)
    except redis.ResponseError as error:
        raise Unhealthy(f"answers but refuses writes ({_code(error)})") from None
    except redis.RedisError:
        raise Unhealthy("cannot be reached") from None
    return "answers and takes writes"


def _code(error: redis.ResponseError) -> str:
    """Return the first word of the server's message, such as MISCONF, or the error's class."""
    word = str(error).split(" ", 1)[0]
    return word if word.isupper() else type(error).__name__
