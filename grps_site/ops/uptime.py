"""What uptime services should check, and the bodies that create the checks by their APIs.

Better Stack: https://betterstack.com/docs/uptime/api/create-a-new-monitor/. Pingdom:
https://docs.pingdom.com/api/. UptimeRobot: https://uptimerobot.com/api/. They cannot compare
times, so `/health/deep` says whether the data is fresh.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TLS_DAYS = 14  # before a certificate ends
DAY = 86_400  # seconds
JOBS = {"audit": DAY, "ledger": DAY, "backup": DAY, "drill": 7 * DAY}  # seconds between two runs
GRACE = 3 * 3600  # seconds that a run may take


class HttpCheck(NamedTuple):
    """A GET that must answer 200 with `keyword`, every `seconds`."""

    name: str
    path: str
    seconds: int
    keyword: str


CHECKS = (
    HttpCheck("GRPS answers", "/health/live", 30, '"status":"ok"'),
    HttpCheck("GRPS works", "/health/deep", 60, '"status":"ok"'),
    HttpCheck("GRPS leaderboard", "/leaderboard/top?limit=1", 60, '"asOf":'),
)


def better_stack(base: str, jobs: Iterable[str]) -> list[dict[str, Any]]:
    """Return the bodies of `POST /api/v2/monitors` and `POST /api/v2/heartbeats`."""
    monitors = [
        {
            "monitor_type": "keyword",
            "pronounceable_name": check.name,
            "url": base + check.path,
            "check_frequency": check.seconds,
            "required_keyword": check.keyword,
            "ssl_expiration": TLS_DAYS,
        }
        for check in CHECKS
    ]
    return [*monitors, *({"name": f"GRPS {job}", **_period(job)} for job in jobs)]


def pingdom(base: str, jobs: Iterable[str]) -> list[dict[str, Any]]:
    """Return the bodies of `POST /api/3.1/checks`. Pingdom has no heartbeats."""
    address = urlsplit(base)
    return [
        {
            "name": check.name,
            "type": "http",
            "host": address.hostname,
            "url": check.path,
            "encryption": address.scheme == "https",
            "resolution": max(1, check.seconds // 60),
            "shouldcontain": check.keyword,
            "verify_certificate": True,
            "ssl_down_days_before": TLS_DAYS,
        }
        for check in CHECKS
    ]


def uptime_robot(base: str, jobs: Iterable[str]) -> list[dict[str, Any]]:
    """Return the bodies of `POST /v2/newMonitor`: type 2 is a keyword, type 5 a heartbeat."""
    monitors = [
        {
            "friendly_name": check.name,
            "type": 2,
            "url": base + check.path,
            "interval": max(60, check.seconds),
            "keyword_type": 2,  # alert when it is missing
            "keyword_value": check.keyword,
            "ssl_expiration_reminder": 1,
        }
        for check in CHECKS
    ]
    heartbeats = [
        {"friendly_name": f"GRPS {job}", "type": 5, "interval": _period(job)["period"]}
        for job in jobs
    ]
    return [*monitors, *heartbeats]


SERVICES: dict[str, Callable[[str, Iterable[str]], list[dict[str, Any]]]] = {
    "better-stack": better_stack,
    "pingdom": pingdom,
    "uptime-robot": uptime_robot,
}


def _period(job: str) -> dict[str, int]:
    return {"period": JOBS.get(job, DAY), "grace": GRACE}
