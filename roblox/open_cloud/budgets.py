"""Roblox's limits, spent by all processes together: one pace per universe and budget, kept in
Valkey.

A call reserves the next free moment of its budget and sleeps until then, so callers are served in
the order in which they came (the generic cell rate algorithm: one number a budget, one atomic step
a call). What Roblox says of its limits is learnt: a smaller figure slows us down, a refusal stops
the budget for as long as it says. A universe that does not answer trips a breaker of its own.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import redis
import structlog
from prometheus_client import Counter, Histogram
from redis.backoff import NoBackoff
from redis.retry import Retry

from roblox.open_cloud.errors import OpenCloudError, Verdict
from roblox.open_cloud.operations import BUDGETS, Budget, Operation

SHARE = 0.97  # of a budget is its pace; the rest may go at once
PATIENCE = 300.0  # seconds that a call waits for its turn before it gives up
SLICE = 2.0  # seconds between two looks at whether to go on waiting
FAILURES = 8  # in a row trip the breaker
REST = 10.0  # seconds that a tripped breaker rests; doubled for each trip in a row
LONGEST_REST = 300.0
LEARNT = 600  # seconds that a smaller figure is believed
FORGET = 3600  # seconds after which an idle budget is forgotten

CALLS = Counter("grps_open_cloud_calls_total", "Calls to Open Cloud", ["operation", "status"])
WAITED = Histogram(
    "grps_open_cloud_wait_seconds",
    "What calls waited for their budget",
    ["budget"],
    buckets=(0.01, 0.1, 0.5, 1, 5, 15, 60, 300),
)
log = structlog.get_logger("grps.open_cloud")

# KEYS: budget, breaker. ARGV: microseconds between calls, calls that may go at once, longest wait
# in microseconds.
# Answers {wait in microseconds, 0}, {-1, wait} when that is too long, {-2, rest} while the breaker
# is open.
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
# KEYS: budget. ARGV: block for microseconds, learnt interval in microseconds (0: nothing learnt),
# believed seconds.
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
# KEYS: breaker. ARGV: failures that trip, rest and longest rest in microseconds. Answers 1 when it
# tripped now.
FAILED = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('EXPIRE', KEYS[1], 3600)
if failures < tonumber(ARGV[1]) or tonumber(redis.call('HGET', KEYS[1], 'open') or '0') > now then return 0 end
local trips = redis.call('HINCRBY', KEYS[1], 'trips', 1)
local rest = math.min(tonumber(ARGV[2]) * 2 ^ (trips - 1), tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'open', string.format('%.0f', now + rest))
return 1
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a call spends: its budget, and whose it is (a universe's id, a key's fingerprint, a
    user's id).
    """

    budget: Budget
    whose: str


@dataclass(slots=True)
class _Alone:
    """One process's own pace, for as long as Valkey is away."""

    following: float = 0.0


@dataclass
class Budgets:
    """All budgets as configured: calls per window by name, None for no limit. `realm`: which Roblox
    they are spent at, the true one or an emulated one.
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
        self._redis = redis.Redis.from_url(
            self.redis_url, socket_timeout=2, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1)
        )
        self._reserve = self._redis.register_script(RESERVE)
        self._learn = self._redis.register_script(LEARN)
        self._failed = self._redis.register_script(FAILED)
        self._alone: dict[str, _Alone] = {}
        self.spent: dict[str, int] = {}  # by this process, for those who watch
        self._lock = threading.Lock()

    def calls(self, budget: Budget) -> float | None:
        """The calls in a window that are allowed; None for no limit."""
        return self.figures.get(budget.name, budget.calls)

    def wait(
        self,
        turn: Turn,
        target: str,
        going_on: Callable[[], bool] = lambda: True,
        patience: float = PATIENCE,
    ) -> None:
        """Sleep until the call may go. Raises OpenCloudError (wait) when that is more than
        `patience` seconds, when the breaker is open, and when `going_on` says no meanwhile.
        """
        allowed = self.calls(turn.budget)
        pause = self._pause(turn, target, allowed, patience)
        if allowed is not None:
            WAITED.labels(turn.budget.name).observe(pause)
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            if not going_on():
                raise OpenCloudError(
                    Verdict.WAIT,
                    "The work was stopped while it waited for its turn.",
                    retry_after=0,
                )
            time.sleep(min(left, SLICE))

    def _pause(self, turn: Turn, target: str, allowed: float | None, patience: float) -> float:
        interval = turn.budget.window * 1e6 / (allowed * SHARE) if allowed else 0.0
        burst = (1 - SHARE) * allowed if allowed else 1e9
        try:
            wait, rest = self._reserve(
                keys=[self._key(turn), self._breaker(target)],
                args=[round(interval), burst, round(patience * 1e6), FORGET],
            )
        except redis.RedisError as error:
            log.warning(
                "Valkey is away: this process keeps a quarter of the pace alone", error=str(error)
            )
            return self._pause_alone(turn, interval * 4 / 1e6)
        if wait == -2:
            raise OpenCloudError(
                Verdict.WAIT,
                "Roblox has not been answering; it is left alone for a while.",
                retry_after=rest / 1e6,
            )
        if wait == -1:
            raise OpenCloudError(
                Verdict.WAIT,
                f"The limit of {turn.budget.name} is used up for a while.",
                retry_after=rest / 1e6,
            )
        return float(wait) / 1e6

    def _pause_alone(self, turn: Turn, interval: float) -> float:
        with self._lock:
            pace = self._alone.setdefault(self._key(turn), _Alone())
            start = max(time.monotonic(), pace.following)
            pace.following = start + interval
            return start - time.monotonic()

    def answered(
        self, turn: Turn, target: str, operation: Operation, status: int, headers: httpx.Headers
    ) -> None:
        """Learn from an answer: what is left, a smaller figure than ours, how long to stay away,
        who is in trouble.
        """
        CALLS.labels(operation.name, str(status)).inc()
        with self._lock:
            self.spent[turn.budget.name] = self.spent.get(turn.budget.name, 0) + 1
        block, interval = _lesson(turn.budget, self.calls(turn.budget), status, headers)
        if block or interval:
            self._quietly(
                lambda: self._learn(
                    keys=[self._key(turn)], args=[round(block * 1e6), round(interval * 1e6), LEARNT]
                )
            )
        if status >= 500 and status != 501:
            self.failed(target, operation, counted=True)
        else:
            self._quietly(lambda: self._redis.delete(self._breaker(target)))

    def failed(self, target: str, operation: Operation, *, counted: bool = False) -> None:
        """Note that `target` did not answer, or answered that it is broken."""
        if not counted:
            CALLS.labels(operation.name, "none").inc()
        args = [FAILURES, round(REST * 1e6), round(LONGEST_REST * 1e6)]
        if self._quietly(lambda: self._failed(keys=[self._breaker(target)], args=args)):
            log.warning("open cloud does not answer; it is left alone for a while", target=target)

    def _key(self, turn: Turn) -> str:
        return f"grps:open-cloud:{self.realm}:{turn.budget.name}:{turn.whose}"

    def _breaker(self, target: str) -> str:
        return f"grps:open-cloud:{self.realm}:breaker:{target}"

    def _quietly(self, act: Callable[[], object]) -> object:
        """What is learnt is a help, not a need: without Valkey the next answer teaches it again."""
        try:
            return act()
        except redis.RedisError as error:
            log.warning("Valkey is away: nothing is learnt from Roblox's answers", error=str(error))
            return None


def _lesson(
    budget: Budget, ours: float | None, status: int, headers: httpx.Headers
) -> tuple[float, float]:
    """Seconds to stay away, and the seconds between calls that the headers ask for where that is
    more than ours.
    """
    block = 0.0
    if status == 429:
        block = (
            _number(headers.get("retry-after"))
            or _number(headers.get("x-ratelimit-reset"))
            or budget.window / 4
        )
    elif headers.get("x-ratelimit-remaining", "").strip() == "0":
        block = _number(headers.get("x-ratelimit-reset")) or 0.0
    theirs = _interval(headers.get("x-ratelimit-limit", ""))
    slower = ours is not None and theirs > budget.window / (ours * SHARE)
    return min(block, PATIENCE), theirs / SHARE if slower else 0.0


def _interval(header: str) -> float:
    """Seconds between calls by `100, 100;w=60, 5000;w=3600`: the slowest of its windows; 0 when it
    says nothing.
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
