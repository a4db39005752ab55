"""Pace calls to Roblox's limits, shared by all processes through Valkey.

A call reserves the next free moment of its budget and sleeps until then, so callers are served in
the order in which they came (the generic cell rate algorithm: one number a budget, one atomic step
a call). Roblox's answers change the pace: a smaller limit slows it down, a refusal stops the budget
for as long as it says.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import redis
import structlog
from prometheus_client import Counter, Histogram

from common import metric_errors
from roblox.open_cloud.breaker import Breaker
from roblox.open_cloud.errors import OpenCloudError, RetryDecision
from roblox.open_cloud.operations import BUDGETS, Budget, Operation
from roblox.open_cloud.valkey import best_effort, connect

SHARE = 0.97  # of a budget is the steady pace; the rest may be used at once
PATIENCE = 300.0  # seconds that a call waits for its slot before it gives up
SLICE = 2.0  # seconds between two checks whether to keep waiting
LEARNED = 600  # seconds that a smaller limit holds
IDLE = 3600  # seconds after which an unused budget is deleted

CALLS = Counter("grps_open_cloud_calls_total", "Calls to Open Cloud", ["operation", "status"])
WAITED = Histogram(
    "grps_open_cloud_wait_seconds",
    "Seconds that calls waited for their budget",
    ["budget"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300),
)
log = structlog.get_logger("grps.open_cloud")

# KEYS: budget, breaker.
# ARGV: microseconds between calls, calls that may go at once, longest wait in microseconds.
# Returns {wait in microseconds, 0}, {-1, wait} if that is too long, {-2, rest} while the breaker is
# open.
RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local open = tonumber(redis.call('HGET', KEYS[2], 'open') or '0')
if open > now then return {-2, open - now} end
local state = redis.call('HMGET', KEYS[1], 'next', 'blocked', 'interval', 'until')
local interval = tonumber(ARGV[1])
if tonumber(state[4] or '0') > now then interval = math.max(interval, tonumber(state[3])) end
local following = tonumber(state[1] or '0')
local blocked = tonumber(state[2] or '0')
local start = math.max(following - math.floor(tonumber(ARGV[2]) * interval), blocked, now)
if start - now > tonumber(ARGV[3]) then return {-1, start - now} end
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', math.max(following, blocked, now) + interval))
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {start - now, 0}
"""
# KEYS: budget.
# ARGV: block for microseconds, learned interval in microseconds (0: none), seconds that it holds.
LEARN = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local blocked = math.max(tonumber(redis.call('HGET', KEYS[1], 'blocked') or '0'), now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'blocked', string.format('%.0f', blocked))
if tonumber(ARGV[2]) > 0 then
    redis.call('HSET', KEYS[1], 'interval', ARGV[2], 'until', string.format('%.0f', now + ARGV[3] * 1000000))
end
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


@dataclass(frozen=True, slots=True)
class RateSlot:
    """A call's share of a budget.

    `owner` is a universe's id, a key's fingerprint or a user's id. `target` is the universe or
    group whose breaker stops the call.
    """

    budget: Budget
    owner: str
    target: str


@dataclass(slots=True)
class _LocalPace:
    """The pace of one process while Valkey is unreachable."""

    next: float = 0.0


@dataclass
class Pacer:
    """All budgets as configured: calls per window by name, None for no limit.

    `realm` is the host of the real or emulated Roblox that receives the calls.
    """

    redis_url: str
    figures: Mapping[str, float | None] = field(default_factory=dict)
    realm: str = ""

    def __post_init__(self) -> None:
        unknown = set(self.figures) - set(BUDGETS)
        if unknown:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: no such budget. There are: {', '.join(BUDGETS)}."
            )
        valkey = connect(self.redis_url)
        self.breaker = Breaker(valkey, self.realm)
        self._reserve = valkey.register_script(RESERVE)
        self._learn = valkey.register_script(LEARN)
        self._local: dict[str, _LocalPace] = {}
        self.spent: dict[str, int] = {}  # calls of this process by budget
        self._lock = threading.Lock()

    def limit(self, budget: Budget) -> float | None:
        """Return the calls allowed in a window, None for no limit."""
        return self.figures.get(budget.name, budget.calls)

    def wait(
        self,
        slot: RateSlot,
        going_on: Callable[[], bool] = lambda: True,
        patience: float = PATIENCE,
    ) -> None:
        """Sleep until the call may go.

        Raises OpenCloudError (wait) if that takes more than `patience` seconds, while the breaker
        is open, and once `going_on` returns False.
        """
        pause = self._pause(slot, patience)
        if self.limit(slot.budget) is not None:
            with metric_errors.tolerated():
                WAITED.labels(slot.budget.name).observe(pause)
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            if not going_on():
                message = "The work was stopped while it waited for its turn."
                raise OpenCloudError(RetryDecision.WAIT, message, retry_after=0)
            time.sleep(min(left, SLICE))

    def _pause(self, slot: RateSlot, patience: float) -> float:
        limit = self.limit(slot.budget)
        interval = slot.budget.window * 1e6 / (limit * SHARE) if limit else 0.0
        burst = (1 - SHARE) * limit if limit else 1e9
        try:
            wait, rest = self._reserve(
                keys=[self._key(slot), self.breaker.key(slot.target)],
                args=[round(interval), burst, round(patience * 1e6), IDLE],
            )
        except redis.RedisError as error:
            log.warning(
                "valkey is away; this process calls at a quarter of the pace", error=str(error)
            )
            return self._local_pause(slot, interval * 4 / 1e6)
        if wait == -2:
            message = "Roblox does not answer. Calls to it pause for a while."
            raise OpenCloudError(RetryDecision.WAIT, message, retry_after=rest / 1e6)
        if wait == -1:
            message = f"The limit of {slot.budget.name} is used up for a while."
            raise OpenCloudError(RetryDecision.WAIT, message, retry_after=rest / 1e6)
        return float(wait) / 1e6

    def _local_pause(self, slot: RateSlot, interval: float) -> float:
        with self._lock:
            pace = self._local.setdefault(self._key(slot), _LocalPace())
            start = max(time.monotonic(), pace.next)
            pace.next = start + interval
            return start - time.monotonic()

    def register_answer(
        self, slot: RateSlot, operation: Operation, status: int, headers: httpx.Headers
    ) -> None:
        """Adapt pace and breaker to an answer."""
        _count(operation, str(status))
        with self._lock:
            self.spent[slot.budget.name] = self.spent.get(slot.budget.name, 0) + 1
        self._adapt(slot, status, headers)
        if status >= 500 and status != 501:
            self.breaker.register_failure(slot.target)
        else:
            self.breaker.reset(slot.target)

    def register_no_answer(self, slot: RateSlot, operation: Operation) -> None:
        _count(operation, "none")
        self.breaker.register_failure(slot.target)

    def _adapt(self, slot: RateSlot, status: int, headers: httpx.Headers) -> None:
        block = min(_block(slot.budget, status, headers), PATIENCE)
        interval = _slower_interval(slot.budget, self.limit(slot.budget), headers)
        if block or interval:
            args = [round(block * 1e6), round(interval * 1e6), LEARNED]
            best_effort(lambda: self._learn(keys=[self._key(slot)], args=args))

    def _key(self, slot: RateSlot) -> str:
        return f"grps:open-cloud:{self.realm}:{slot.budget.name}:{slot.owner}"


def _block(budget: Budget, status: int, headers: httpx.Headers) -> float:
    """Return the seconds to make no call, 0 if calls are left."""
    reset = _number(headers.get("x-ratelimit-reset"))
    if status == 429:
        return _number(headers.get("retry-after")) or reset or budget.window / 4
    if headers.get("x-ratelimit-remaining", "").strip() == "0":
        return reset or 0.0
    return 0.0


def _slower_interval(budget: Budget, limit: float | None, headers: httpx.Headers) -> float:
    """Return the seconds between calls that Roblox asks for, 0 unless slower than our limit."""
    theirs = _interval(headers.get("x-ratelimit-limit", ""))
    if limit is None or theirs <= budget.window / (limit * SHARE):
        return 0.0
    return theirs / SHARE


def _interval(header: str) -> float:
    """Return the seconds between calls by the slowest window of `100, 100;w=60, 5000;w=3600`.

    Returns 0 if the header has no window.
    """
    slowest = 0.0
    for part in header.split(","):
        calls, _, window = part.partition(";w=")
        count, seconds = _number(calls), _number(window)
        if count and seconds:
            slowest = max(slowest, seconds / count)
    return slowest


def _number(text: str | None) -> float | None:
    try:
        return float(text.strip()) if text else None
    except ValueError:
        return None


def _count(operation: Operation, status: str) -> None:
    with metric_errors.tolerated():
        CALLS.labels(operation.name, status).inc()
