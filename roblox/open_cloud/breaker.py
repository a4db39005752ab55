"""Circuit breakers, one for each universe and one for the group, shared by all processes."""

import redis
import structlog

from roblox.open_cloud.valkey import best_effort

FAILURES = 8  # failures in a row that open the breaker
REST = 10.0  # seconds that it stays open, doubled each time in a row
LONGEST_REST = 300.0

# KEYS: breaker. ARGV: failures that open it, rest and longest rest in microseconds.
# Returns 1 if it opened now.
REGISTER_FAILURE = """
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

log = structlog.get_logger("grps.open_cloud")


class Breaker:
    """Stops the calls to a target that does not answer. `pacing` checks it for every call."""

    def __init__(self, valkey: redis.Redis, realm: str) -> None:
        self._valkey = valkey
        self._realm = realm
        self._register_failure = valkey.register_script(REGISTER_FAILURE)

    def key(self, target: str) -> str:
        return f"grps:open-cloud:{self._realm}:breaker:{target}"

    def register_failure(self, target: str) -> None:
        """Count a call that was not answered, or answered with a server error."""
        args = [FAILURES, round(REST * 1e6), round(LONGEST_REST * 1e6)]
        if best_effort(lambda: self._register_failure(keys=[self.key(target)], args=args)):
            log.warning("open cloud does not answer; calls pause", target=target)

    def reset(self, target: str) -> None:
        """Forget the failures of a target that answered."""
        best_effort(lambda: self._valkey.delete(self.key(target)))
