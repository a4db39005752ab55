"""Pace calls to Discord's limits, shared by all processes through Valkey.

Discord counts calls for each route (or a bucket of routes) and guild, channel or webhook, and for
the bot as a whole. Its answers say what is left and until when, so the limits are learned and not
configured. Discord also blocks an address that sends 10,000 invalid calls (401, 403, 429) within
ten minutes: GRPS stops far below that number.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import redis
import structlog
from prometheus_client import Counter, Histogram

from common import metric_errors
from discord.rest.errors import DiscordError
from discord.rest.routes import Route
from roblox.open_cloud.errors import RetryDecision
from roblox.open_cloud.valkey import best_effort, connect

A_SECOND = 45  # calls of the bot; Discord's global limit is 50
INVALID = 500  # invalid calls within ten minutes, of Discord's 10,000 for an address
INVALID_WINDOW = 600  # seconds
REFUSED_FOR = 600.0  # seconds without calls after a refused token
FAILURES = 8  # calls in a row without an answer before calls pause
REST = 10.0  # seconds of that pause, doubled each time in a row
LONGEST_REST = 300.0
SLICE = 2.0  # seconds between two checks whether to keep waiting
ALONE = 0.5  # seconds between two calls of a process while Valkey is unreachable

CALLS = Counter("grps_discord_calls_total", "Calls to Discord", ["route", "status"])
WAITED = Histogram(
    "grps_discord_wait_seconds",
    "Seconds that calls to Discord waited for their limit",
    ["route"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60),
)
log = structlog.get_logger("grps.discord")

# KEYS: gate, invalid calls, buckets of routes.
# ARGV: route, prefix of buckets, major, calls a second (0: not counted), invalid calls at most.
# Returns {microseconds to wait, 0 or why}: 1 a limit, 2 a pause, 3 too many invalid calls.
RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked') or '0')
if blocked > now then return {blocked - now, 2} end
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[5]) then
    return {math.max(redis.call('PTTL', KEYS[2]), 1) * 1000, 3}
end
local name = redis.call('HGET', KEYS[3], ARGV[1]) or ARGV[1]
local bucket = ARGV[2] .. name .. ':' .. ARGV[3]
local state = redis.call('HMGET', bucket, 'limit', 'left', 'reset', 'window')
local reset = tonumber(state[3] or '0')
local left = tonumber(state[2] or '0')
if reset <= now then
    left = tonumber(state[1] or '1')
    reset = now + tonumber(state[4] or '1000000')
end
if left < 1 then return {reset - now, 1} end
if tonumber(ARGV[4]) > 0 then
    local second = ARGV[2] .. 'second:' .. time[1]
    if tonumber(redis.call('GET', second) or '0') >= tonumber(ARGV[4]) then
        return {1000000 - time[2], 1}
    end
    redis.call('INCR', second)
    redis.call('EXPIRE', second, 5)
end
redis.call('HSET', bucket, 'left', left - 1, 'reset', string.format('%.0f', reset))
redis.call('EXPIRE', bucket, 3600)
return {0, 0}
"""
# KEYS: buckets of routes. ARGV: route, prefix, major, bucket, limit, left, microseconds to reset.
# Calls of others may be on their way, so `left` only falls within a window.
LEARN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[4]) end
local name = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[1]
local bucket = ARGV[2] .. name .. ':' .. ARGV[3]
local state = redis.call('HMGET', bucket, 'limit', 'left', 'reset', 'window')
local left = tonumber(ARGV[6])
local window = tonumber(ARGV[7])
if left < tonumber(ARGV[5]) - 1 then -- not the first call of a window
    window = math.max(window, tonumber(state[4] or '0'))
    if state[1] and tonumber(state[3] or '0') > now then left = math.min(left, tonumber(state[2] or '0')) end
end
redis.call('HSET', bucket, 'limit', ARGV[5], 'left', left, 'window', string.format('%.0f', window),
    'reset', string.format('%.0f', now + ARGV[7]))
redis.call('EXPIRE', bucket, 3600)
return 1
"""
# KEYS: buckets of routes. ARGV: route, prefix, major, microseconds without calls.
BLOCK = """
local time = redis.call('TIME')
local name = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[1]
local bucket = ARGV[2] .. name .. ':' .. ARGV[3]
local reset = time[1] * 1000000 + time[2] + ARGV[4]
redis.call('HSET', bucket, 'left', 0, 'reset', string.format('%.0f', reset))
redis.call('EXPIRE', bucket, 3600)
return 1
"""
# KEYS: gate. ARGV: microseconds.
PAUSE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local blocked = math.max(tonumber(redis.call('HGET', KEYS[1], 'blocked') or '0'), now + ARGV[1])
redis.call('HSET', KEYS[1], 'blocked', string.format('%.0f', blocked))
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


@dataclass
class Pacer:
    """The limits of one bot at one host (`realm`). `bot` names the token without showing it."""

    redis_url: str
    realm: str = ""
    bot: str = ""
    invalid_at_most: int = INVALID
    spent: dict[str, int] = field(default_factory=dict)  # calls of this process by route

    def __post_init__(self) -> None:
        self._valkey = connect(self.redis_url)
        self._reserve = self._valkey.register_script(RESERVE)
        self._learn = self._valkey.register_script(LEARN)
        self._block_bucket = self._valkey.register_script(BLOCK)
        self._pause = self._valkey.register_script(PAUSE)
        self._lock = threading.Lock()
        self._free_at = 0.0  # of this process alone, on its monotonic clock

    def wait(
        self,
        route: Route,
        major: str,
        going_on: Callable[[], bool] = lambda: True,
        patience: float = 60.0,
    ) -> None:
        """Sleep until the call may go.

        Raises DiscordError (wait) if that takes more than `patience` seconds, while calls pause,
        and once `going_on` returns False.
        """
        began = time.monotonic()
        while (pause := self._next(route, major)) > 0:
            if time.monotonic() - began + pause > patience:
                raise _waiting(f"The limit of {route.name} is used up for a while.", pause)
            _sleep(pause, going_on)
        with metric_errors.tolerated():
            WAITED.labels(route.name).observe(time.monotonic() - began)

    def _next(self, route: Route, major: str) -> float:
        """Reserve a call and return 0, or the seconds after which to ask again."""
        a_second = A_SECOND if route.authorized else 0
        try:
            micros, why = self._reserve(
                keys=[self._gate, self._invalid, f"{self._prefix}routes"],
                args=[route.name, self._prefix, major, a_second, self.invalid_at_most],
            )
        except redis.RedisError as error:
            log.warning("valkey is away; this process calls slowly", error=str(error))
            return self._next_alone()
        if why == 2 and route.authorized:
            raise _waiting("Calls to Discord pause for a while.", micros / 1e6)
        if why == 3:
            raise _waiting("Too many calls were refused, so calls to Discord pause.", micros / 1e6)
        return 0.0 if why == 2 else float(micros) / 1e6

    def _next_alone(self) -> float:
        with self._lock:
            now = time.monotonic()
            if self._free_at > now:
                return self._free_at - now
            self._free_at = now + ALONE
            return 0.0

    def register_answer(
        self,
        route: Route,
        major: str,
        status: int,
        headers: httpx.Headers,
        error: DiscordError | None,
    ) -> None:
        """Learn the limits from an answer, and count it if it was refused."""
        _count(route, str(status))
        with self._lock:
            self.spent[route.name] = self.spent.get(route.name, 0) + 1
        if status < 500:
            best_effort(lambda: self._learn_limit(route, major, headers))
        shared = headers.get("x-ratelimit-scope") == "shared"
        if status in {401, 403} or (status == 429 and not shared):
            best_effort(self._count_invalid)
        if status == 401 and route.authorized:
            self._stop(REFUSED_FOR)
        if status == 429 and error is not None:
            self._block(route, major, headers, error.retry_after or 1.0)
        if status >= 500:
            self._count_failure()
        else:
            best_effort(lambda: self._valkey.hdel(self._gate, "failures", "trips"))

    def register_no_answer(self, route: Route) -> None:
        _count(route, "none")
        self._count_failure()

    def _learn_limit(self, route: Route, major: str, headers: httpx.Headers) -> None:
        """Learn the bucket's limit. A route without one has only the global limit."""
        limit, left = headers.get("x-ratelimit-limit", ""), headers.get("x-ratelimit-remaining", "")
        after = _seconds(headers.get("x-ratelimit-reset-after"))
        if after is None or not (limit.isdecimal() and left.isdecimal()):
            limit, left, after = str(A_SECOND), str(A_SECOND - 1), 1.0
        bucket = headers.get("x-ratelimit-bucket", "")[:64]
        self._learn(
            keys=[f"{self._prefix}routes"],
            args=[*(route.name, self._prefix, major, bucket), limit, left, round(after * 1e6)],
        )

    def _block(self, route: Route, major: str, headers: httpx.Headers, seconds: float) -> None:
        if headers.get("x-ratelimit-global") == "true":
            self._stop(seconds)
        else:
            args: list[str | int] = [route.name, self._prefix, major, round(seconds * 1e6)]
            best_effort(lambda: self._block_bucket(keys=[f"{self._prefix}routes"], args=args))

    def _stop(self, seconds: float) -> None:
        """Stop all calls of the bot for so long."""
        best_effort(lambda: self._pause(keys=[self._gate], args=[round(seconds * 1e6)]))

    def _count_invalid(self) -> None:
        if self._valkey.incr(self._invalid) == 1:
            self._valkey.expire(self._invalid, INVALID_WINDOW)

    def _count_failure(self) -> None:
        failures = best_effort(lambda: self._valkey.hincrby(self._gate, "failures", 1))
        if failures is not None and int(failures) >= FAILURES:
            trips = best_effort(lambda: self._valkey.hincrby(self._gate, "trips", 1))
            best_effort(lambda: self._valkey.hdel(self._gate, "failures"))
            log.warning("discord does not answer; calls pause")
            self._stop(min(REST * 2 ** (int(trips or 1) - 1), LONGEST_REST))

    def paused_for(self) -> float:
        """Return the seconds for which all calls pause, 0 if they do not."""
        found = best_effort(lambda: self._valkey.hget(self._gate, "blocked"))
        seconds, micros = best_effort(self._valkey.time) or (0, 0)
        return max(0.0, (int(found or 0) - seconds * 1_000_000 - micros) / 1e6) if seconds else 0.0

    def invalid(self) -> int:
        """Return the refused calls of the present ten minutes."""
        return int(best_effort(lambda: self._valkey.get(self._invalid)) or 0)

    @property
    def _prefix(self) -> str:
        return f"grps:discord:{self.realm}:{self.bot}:"

    @property
    def _gate(self) -> str:
        return f"{self._prefix}gate"

    @property
    def _invalid(self) -> str:
        # Discord counts them for the address, whatever the token.
        return f"grps:discord:{self.realm}:invalid"


def _sleep(seconds: float, going_on: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not going_on():
            raise _waiting("The work was stopped while it waited for its turn.", 0)
        time.sleep(min(left, SLICE))


def _waiting(sentence: str, seconds: float) -> DiscordError:
    return DiscordError(RetryDecision.WAIT, sentence, retry_after=seconds)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _count(route: Route, status: str) -> None:
    with metric_errors.tolerated():
        CALLS.labels(route.name, status).inc()
