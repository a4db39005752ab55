"""Prometheus counters of the players app."""

from prometheus_client import Counter

EVENTS = Counter(
    "grps_events_total", "Events received from game servers", ["experience", "verdict"]
)
MISMATCHES = Counter(
    "grps_event_notices_total", "Events that do not fit the policy's laws", ["experience"]
)
