"""Texts of endpoint states, time spans and masked values, for the console and the command."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from common import encryption
from webhooks.models import WebhookEndpoint

STEPS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
MARKS = {"active": "●", "failing": "▲", "paused": "◆", "disabled": "■"}


@dataclass(frozen=True, slots=True)
class StateText:
    """The state of an endpoint.

    `name`: active, failing, paused or disabled. `text`: the name with its beginning and reason.
    """

    name: str
    text: str

    @property
    def mark(self) -> str:
        return MARKS[self.name]


def state(endpoint: WebhookEndpoint, now: dt.datetime) -> StateText:
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        return StateText(
            "disabled", f"disabled since {moment(endpoint.status_at)}: {endpoint.reason}"
        )
    pause = ""
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        pause = f"paused for {span(endpoint.paused_until - now)}"
    if endpoint.failing_since is not None:
        since = f"failing since {moment(endpoint.failing_since)}" + (f", {pause}" if pause else "")
        return StateText("failing", f"{since}: {endpoint.reason}" if endpoint.reason else since)
    return StateText("paused", pause) if pause else StateText("active", "active")


def moment(at: dt.datetime) -> str:
    """Return a time in UTC, to the minute."""
    return f"{at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"


def span(length: dt.timedelta) -> str:
    """Return a time span in its two largest units, as `2 h 5 min`. `0 s` if below a second."""
    left = max(0, int(length.total_seconds()))
    parts: list[str] = []
    for unit, seconds in STEPS:
        if left >= seconds and len(parts) < 2:
            parts.append(f"{left // seconds} {unit}")
            left %= seconds
        elif parts:
            break
    return " ".join(parts) or "0 s"


def ahead(at: dt.datetime, now: dt.datetime) -> str:
    """Return the time until a moment, and the moment: `in 5 min (18:05:00 UTC)`, or `now`."""
    if at - now < dt.timedelta(seconds=1):
        return "now"
    form = "%H:%M:%S" if at - now < dt.timedelta(hours=12) else "%Y-%m-%d %H:%M:%S"
    return f"in {span(at - now)} ({at.astimezone(dt.UTC):{form}} UTC)"


def address(endpoint: WebhookEndpoint) -> str:
    """Return the host and the last characters of the address: `https://discord.com/…x3Fk`."""
    try:
        whole = endpoint.address
    except encryption.NoKey:
        return "cannot be opened with the keys of this machine"
    parts = urlsplit(whole)
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{origin}/{encryption.masked(whole.removeprefix(origin))}"


def host(address: str) -> str:
    """Return the host of an address, which is not secret."""
    return urlsplit(address).netloc.rpartition("@")[2]


def header_names(endpoint: WebhookEndpoint) -> str:
    """Return the names of the endpoint's headers. The values stay secret."""
    try:
        return ", ".join(endpoint.headers) or "none"
    except encryption.NoKey:
        return "cannot be opened with the keys of this machine"


def capped(count: int, most: int) -> str:
    """Return a number that was counted up to `most` as text, as `1,000+`."""
    return f"{most:,}+" if count > most else f"{count:,}"
