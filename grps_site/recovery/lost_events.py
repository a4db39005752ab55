"""Read the mirrors of the log, and find the events that the restored database has not."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import batched
from pathlib import Path
from typing import Any

import msgspec
import redis
from django.conf import settings

from audits.models import AuditEvent
from common.time import parse

BATCH = 1000  # events


class Party(msgspec.Struct, frozen=True):
    kind: str = ""
    id: str = ""


class MirroredEvent(msgspec.Struct, frozen=True):
    """An event as the mirrors hold it: without names and reasons."""

    position: int
    id: int
    at: str
    action: str = ""  # empty if it was redacted
    actor: Party = Party()
    target: Party = Party()
    experience: str = ""
    details: dict[str, Any] = {}

    @property
    def moment(self) -> dt.datetime:
        return parse(self.at, default_zone=dt.UTC)


def find(after: int, files: Sequence[Path]) -> list[MirroredEvent]:
    """Return the mirrors' events behind position `after` that the database has not, by id.

    `files` are files of JSON lines: the present mirror, and rotated ones. Raises OSError and
    RedisError.
    """
    found: dict[int, MirroredEvent] = {}
    for group in batched(_mirrored(after, files), BATCH):
        known = _known([event.id for event in group])
        found |= {event.id: event for event in group if known.get(event.id) != event.moment}
    return [found[key] for key in sorted(found)]


def _mirrored(after: int, files: Sequence[Path]) -> Iterator[MirroredEvent]:
    for path in files:
        with path.open("rb") as file:
            yield from _decoded(file, after)
    if settings.AUDIT_STREAM_URL:
        yield from _decoded(_stream(after), after)


def _decoded(lines: Iterable[bytes], after: int) -> Iterator[MirroredEvent]:
    for line in lines:
        try:
            event = msgspec.json.decode(line, type=MirroredEvent)
        except msgspec.DecodeError:
            continue  # an incomplete line
        if event.position > after:
            yield event


def _stream(after: int) -> Iterator[bytes]:
    with closing(redis.Redis.from_url(settings.AUDIT_STREAM_URL, socket_timeout=30)) as client:
        start = f"{after + 1}-0"
        while entries := _entries(client, start):
            yield from (fields[b"event"] for _, fields in entries)
            start = f"({entries[-1][0].decode()}"


def _entries(client: redis.Redis, start: str) -> list[Any]:
    found: Any = client.xrange(settings.AUDIT_STREAM_KEY, min=start, count=BATCH)
    return list(found)


def _known(ids: Sequence[int]) -> dict[int, dt.datetime]:
    return dict(AuditEvent.objects.filter(pk__in=ids).values_list("pk", "at"))
