"""Parse moments, with bounds that both Python and PostgreSQL support.

A moment close to the year 1 or 9999 overflows when it is moved to another time zone or by a
duration, and PostgreSQL stores moments that Python cannot read back. So every moment from outside
is checked here.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import msgspec

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
EARLIEST = EPOCH
LATEST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)  # excluded
BOUNDS = "give a moment from 1970 to 9998"


class BadMoment(ValueError):
    """The text or value is no usable moment. The message says how to write one."""


def micros(moment: dt.datetime) -> int:
    """Return microseconds since 1970, the form of times in the database and in digests."""
    return (moment - EPOCH) // MICROSECOND


def from_micros(count: int) -> dt.datetime:
    """Return the moment in UTC `count` microseconds after 1970."""
    return EPOCH + count * MICROSECOND


def in_utc(moment: dt.datetime) -> dt.datetime:
    """Return `moment` in UTC. Raises BadMoment without a time zone and outside the bounds."""
    if moment.tzinfo is None:
        raise BadMoment("say the time zone too, as in 2030-01-31T18:00:00Z")
    if not EARLIEST <= moment < LATEST:  # compares without an overflow, whatever the offset
        raise BadMoment(f"it is out of bounds: {BOUNDS}")
    return moment.astimezone(dt.UTC)


def parse(text: str, *, default_zone: dt.tzinfo | None = None) -> dt.datetime:
    """Parse an ISO 8601 moment, and return it in UTC. Raises BadMoment.

    `default_zone` applies if the text names no zone.
    """
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadMoment(f"{text[:40]!r} is no moment; write it as 2030-01-31T18:00:00Z") from None
    if moment.tzinfo is None and default_zone is not None:
        moment = moment.replace(tzinfo=default_zone)
    return in_utc(moment)


def after(start: dt.datetime, seconds: float) -> dt.datetime | None:
    """Return the moment `seconds` after `start`, None if it is not before LATEST."""
    try:
        moment = start + dt.timedelta(seconds=seconds)
    except OverflowError:
        return None
    return moment if moment < LATEST else None


def out_of_bounds(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the path and the error of every unusable moment in a decoded body.

    The body consists of structs, lists and dicts.
    """
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, dt.datetime):
            try:
                in_utc(found)
            except BadMoment as error:
                yield place, str(error)
        elif isinstance(found, msgspec.Struct):
            waiting += [
                (f"{place}.{field.encode_name}".lstrip("."), getattr(found, field.name))
                for field in msgspec.structs.fields(found)
            ]
        elif isinstance(found, list | tuple):
            waiting += [(f"{place}[{index}]", item) for index, item in enumerate(found)]
        elif isinstance(found, dict):
            waiting += [(f"{place}.{name}".lstrip("."), item) for name, item in found.items()]
