"""Upcoming events as an iCalendar file (RFC 5545)."""

import datetime as dt
from collections.abc import Iterable, Iterator

from players.hosted_events import kinds
from players.models import HostedEvent

FORM = "%Y%m%dT%H%M%SZ"
LINE = 73  # octets, before a line is folded


def calendar(events: Iterable[HostedEvent], now: dt.datetime) -> str:
    """Return a calendar with an entry for each planned event."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//GRPS//hosted events//EN"]
    for event in events:
        lines += _entry(event, now)
    return "".join(
        f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line)
    )


def _entry(event: HostedEvent, now: dt.datetime) -> list[str]:
    start = event.starts_at or event.started_at
    if start is None:
        return []
    end = start + dt.timedelta(minutes=event.minutes)
    title = event.title or kinds.title_of(event.kind)
    return [
        "BEGIN:VEVENT",
        f"UID:hosted-event-{event.pk}@grps",
        f"DTSTAMP:{now.astimezone(dt.UTC).strftime(FORM)}",
        f"DTSTART:{start.astimezone(dt.UTC).strftime(FORM)}",
        f"DTEND:{end.astimezone(dt.UTC).strftime(FORM)}",
        f"SUMMARY:{_text(f'{title} with {event.host.username}')}",
        f"DESCRIPTION:{_text(event.description)}",
        f"LOCATION:{_text(event.experience)}",
        "END:VEVENT",
    ]


def _text(value: str) -> str:
    for found, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r", ""), ("\n", "\\n")):
        value = value.replace(found, written)
    return value


def _folded(line: str) -> Iterator[str]:
    """Yield a line in parts of at most LINE octets. Later parts begin with a space."""
    part = ""
    for character in line:
        if len((part + character).encode()) > LINE:
            yield part
            part = " "
        part += character
    yield part
