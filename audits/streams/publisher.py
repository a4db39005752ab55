"""Send the log to other systems: a Redis stream, a file of JSON lines, or standard output.

A mirror's own end shows which events it lacks. The row in `audit_streams` stores the last position
written. If the mirror ends before it, events were lost.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import redis
import structlog
from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Func, Value
from django.db.models.functions import Now

from audits import queries
from audits.models import AuditRedaction, AuditStream
from audits.streams.sinks import Checkpoint, FileSink, MirrorError, OpenSink, RedisSink, Sink, lines
from common import database_errors, leases

BATCH = 500  # events
TURN = 5.0  # seconds of mirroring before other tasks run
LEASE = dt.timedelta(seconds=20)  # of one batch and its answer
LOOK_EVERY = 0.5  # seconds

log = structlog.get_logger("grps.streams")


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """The state of a mirror. `error` is empty while it works.

    `note` describes its last loss or restart.
    """

    name: str
    position: int
    head: int
    error: str
    note: str
    lost_at: dt.datetime | None

    @property
    def behind(self) -> int:
        """The number of events that the mirror does not hold yet."""
        return max(0, self.head - self.position)


def configured() -> list[Sink]:
    """Return the mirrors that the settings configure."""
    found: list[Sink] = []
    if settings.AUDIT_JSONL:
        found.append(FileSink(Path(settings.AUDIT_JSONL)))
    if settings.AUDIT_STREAM_URL:
        found.append(
            RedisSink(
                settings.AUDIT_STREAM_URL, settings.AUDIT_STREAM_KEY, settings.AUDIT_STREAM_LENGTH
            ),
        )
    return found


def statuses() -> list[StreamStatus]:
    """Return the state of each configured mirror from its row, without contacting the mirror."""
    sinks = configured()
    if not sinks:
        return []
    rows, head = AuditStream.objects.in_bulk([sink.name for sink in sinks]), queries.head()
    found = [
        rows.get(sink.name) or AuditStream(name=sink.name, position=0, error="", note="")
        for sink in sinks
    ]
    return [
        StreamStatus(row.name, row.position, head, row.error, row.note, row.lost_at)
        for row in found
    ]


def catch_up(sink: Sink, *, hinted: bool = False, seconds: float = TURN) -> int:
    """Write missing events to a mirror for up to `seconds`, and return their number.

    An error is stored in the mirror's row. A hinted run skips a mirror that failed, and leaves it
    to the sweep: it may be unreachable, and every hint would wait for it.
    """
    row, _ = AuditStream.objects.get_or_create(name=sink.name)
    if hinted and row.error:
        return 0
    try:
        return _catch_up(sink, time.monotonic() + seconds)
    except leases.LeaseLost:
        return 0  # another process goes on from the mirror's own end
    except (MirrorError, redis.RedisError, OSError) as error:
        said = str(error) if isinstance(error, MirrorError) else f"It cannot be written to: {error}"
        log.warning("a mirror of the audit log does not go on", mirror=sink.name, error=said)
        AuditStream.objects.filter(name=sink.name).update(error=said, updated_at=Now())
        return 0


def write(out: BinaryIO, after: int, *, follow: bool, stopping: Callable[[], bool]) -> int:
    """Write the events after position `after` to `out` as JSON lines.

    With `follow`, it goes on with new events. It ends between two batches once `stopping` returns
    True. Returns the last position written. Raises BrokenPipeError if the reader has closed the
    pipe.
    """
    while not stopping():
        events = _read_patiently(after) if follow else _read(after)
        if events:
            out.write(lines(events))
            out.flush()
            after = events[-1].position
        elif follow:
            time.sleep(LOOK_EVERY)
        else:
            break
    return after


def _catch_up(sink: Sink, until: float) -> int:
    done = 0
    while True:
        seen = queries.head()
        with leases.held_alone(AuditStream.objects.filter(name=sink.name), LEASE) as row:
            if row is None:
                return done
            with sink.open() as opened:
                done += _fill(sink, row, opened, until)
                _forget(sink, opened)
            leases.hold(row).exclude(error="").update(error="", updated_at=Now())
        # A process that did not get the lease may have wanted to write an event that was sealed
        # after we read the head.
        if queries.head() == seen or time.monotonic() >= until:
            return done


def _fill(sink: Sink, row: AuditStream, opened: OpenSink, until: float) -> int:
    after = _resume(sink, opened)
    done = 0
    while events := _read(after):
        opened.append(events)
        after = opened.position
        _note_position(row, after)
        done += len(events)
        if time.monotonic() >= until:
            break
    return done


def _note_position(row: AuditStream, position: int) -> None:
    """Store how far the mirror has come, and extend the lease. Raises LeaseLost."""
    kept = leases.hold(row).update(position=position, lease_until=Now() + LEASE, updated_at=Now())
    if not kept:
        raise leases.LeaseLost(row.name)


def _forget(sink: Sink, opened: OpenSink) -> None:
    """Remove events from the mirror that were redacted after they were written."""
    due = AuditRedaction.objects.exclude(mirrors__contains=[sink.name]).select_related(
        "event__sealed"
    )
    found = [
        one for one in due.order_by("pk")[:BATCH] if one.event.sealed.position <= opened.position
    ]
    if not found:
        return
    opened.forget([one.event.sealed.position for one in found])
    forgotten = Func(F("mirrors"), Value(sink.name), function="array_append")
    AuditRedaction.objects.filter(pk__in=[one.pk for one in found]).update(mirrors=forgotten)


def _resume(sink: Sink, opened: OpenSink) -> int:
    """Return the position after which to write: the mirror's own end, or a start if it is empty.

    Raises MirrorError.
    """
    head = queries.head()
    _refuse_another_history(opened, head)
    known = AuditStream.objects.values_list("position", flat=True).get(name=sink.name)
    begin = opened.position or sink.begin(known, head)
    # Note an emptied file once there is something to write into it, not on every sweep until then.
    if opened.position < known and begin < head:
        _note(sink, opened.position, known, begin)
    if begin != known:
        AuditStream.objects.filter(name=sink.name).update(position=begin, updated_at=Now())
    return begin


def _refuse_another_history(opened: OpenSink, head: int) -> None:
    why = "The database was restored to an earlier state, or the mirror is another system's: docs/audit.md, Streams."
    if opened.position > head:
        raise MirrorError(f"It ends at position {opened.position}, and the log at {head}. {why}")
    if opened.checkpoint is None:
        return
    found = queries.events_after(opened.checkpoint.position - 1, 1, personal=False)
    if [Checkpoint(event.position, event.id, queries.at_text(event)) for event in found] != [
        opened.checkpoint
    ]:
        raise MirrorError(
            f"Its event at position {opened.checkpoint.position} is not that of the log. {why}"
        )


def _note(sink: Sink, found: int, known: int, begin: int) -> None:
    """Store and log that a mirror holds less than was written to it."""
    row = AuditStream.objects.filter(name=sink.name)
    if not found and sink.rotates:
        row.update(note=f"It was empty: rotated, or lost. It goes on behind position {begin}.")
        log.info("a mirror of the audit log was empty", mirror=sink.name, begins_behind=begin)
        return
    what = f"It ended at position {found}" if found else "It was empty"
    row.update(
        note=f"{what} where {known} had been written. Written again behind {begin}.", lost_at=Now()
    )
    log.warning(
        "a mirror of the audit log lost events",
        mirror=sink.name,
        ended=found,
        written=known,
        begins=begin,
    )


def _read(after: int) -> list[queries.PlacedEvent]:
    return queries.events_after(after, BATCH, personal=False)


def _read_patiently(after: int) -> list[queries.PlacedEvent]:
    """Return the next events, none while the database is unreachable."""
    try:
        return _read(after)
    except Error as error:
        if not database_errors.is_temporary(error):
            raise
        log.warning("the database is away; trying again", error=str(error))
        connection.close()
        return []
