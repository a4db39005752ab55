"""The log for other systems: mirrored into a Redis stream and a file of JSON lines, or written to
standard output.

A mirror's own end says what it lacks. The row in `audit_streams` remembers how far it had come: a
loss shows by it.
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
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F, Func, Value
from django.db.models.functions import Now

from audits import queries
from audits.models import AuditRedaction, AuditStream
from audits.streams.sinks import FileOutlet, Holder, Mark, MirrorError, Outlet, RedisOutlet, lines
from common import advisory_lock

BATCH = 500  # events
TURN = 5.0  # seconds of mirroring before other tasks have their turn
LOOK_EVERY = 0.5  # seconds

log = structlog.get_logger("grps.streams")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a mirror stands. `error` is empty while all goes well; `note` tells of its last loss or
    new beginning.
    """

    name: str
    position: int
    head: int
    error: str
    note: str
    lost_at: dt.datetime | None

    @property
    def behind(self) -> int:
        """Events that it does not hold yet."""
        return max(0, self.head - self.position)


def configured() -> list[Outlet]:
    """The mirrors that the settings ask for."""
    found: list[Outlet] = []
    if settings.AUDIT_JSONL:
        found.append(FileOutlet(Path(settings.AUDIT_JSONL)))
    if settings.AUDIT_STREAM_URL:
        found.append(
            RedisOutlet(
                settings.AUDIT_STREAM_URL, settings.AUDIT_STREAM_KEY, settings.AUDIT_STREAM_LENGTH
            ),
        )
    return found


def standings() -> list[Standing]:
    """Where each configured mirror stands, by its row: nothing outside is asked."""
    outlets = configured()
    if not outlets:
        return []
    rows, head = AuditStream.objects.in_bulk([outlet.name for outlet in outlets]), queries.head()
    found = [
        rows.get(outlet.name) or AuditStream(outlet.name, 0, error="", note="")
        for outlet in outlets
    ]
    return [
        Standing(row.name, row.position, head, row.error, row.note, row.lost_at) for row in found
    ]


def catch_up(outlet: Outlet, *, hinted: bool = False, seconds: float = TURN) -> int:
    """Write to a mirror what it lacks, for a while; how many events. What goes wrong is told in its
    row.

    A hinted run leaves a mirror that failed to the sweep: it may be away, and every hint would wait
    for it.
    """
    row, _ = AuditStream.objects.get_or_create(name=outlet.name)
    if hinted and row.error:
        return 0
    try:
        return _catch_up(outlet, time.monotonic() + seconds)
    except (MirrorError, redis.RedisError, OSError) as error:
        said = str(error) if isinstance(error, MirrorError) else f"It cannot be written to: {error}"
        log.warning("a mirror of the audit log does not go on", mirror=outlet.name, error=said)
        AuditStream.objects.filter(name=outlet.name).update(error=said, updated_at=Now())
        return 0


def write(out: BinaryIO, after: int, *, follow: bool, stopping: Callable[[], bool]) -> int:
    """Write the events behind `after` to `out` as JSON lines, and new ones as they come; the last
    position written.

    Ends between two batches once `stopping` says so. Raises BrokenPipeError when nobody reads any
    more.
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


def _catch_up(outlet: Outlet, until: float) -> int:
    done = 0
    while True:
        seen = queries.head()
        with advisory_lock.try_session_lock(outlet.lock) as alone:
            if not alone:
                return done
            with outlet.open() as holder:
                done += _fill(outlet, holder, until)
                _forget(outlet, holder)
            AuditStream.objects.filter(name=outlet.name).exclude(error="").update(
                error="", updated_at=Now()
            )
        # Whoever was turned away at the lock may have come for an event that was placed after we
        # looked.
        if queries.head() == seen or time.monotonic() >= until:
            return done


def _fill(outlet: Outlet, holder: Holder, until: float) -> int:
    after = _resume(outlet, holder)
    done = 0
    while events := _read(after):
        holder.append(events)
        after = holder.position
        AuditStream.objects.filter(name=outlet.name).update(position=after, updated_at=Now())
        done += len(events)
        if time.monotonic() >= until:
            break
    return done


def _forget(outlet: Outlet, holder: Holder) -> None:
    """Take what was redacted since away from the mirror, too."""
    due = AuditRedaction.objects.exclude(mirrors__contains=[outlet.name]).select_related(
        "event__sealed"
    )
    found = [
        one for one in due.order_by("pk")[:BATCH] if one.event.sealed.position <= holder.position
    ]
    if not found:
        return
    holder.forget([one.event.sealed.position for one in found])
    forgotten = Func(F("mirrors"), Value(outlet.name), function="array_append")
    AuditRedaction.objects.filter(pk__in=[one.pk for one in found]).update(mirrors=forgotten)


def _resume(outlet: Outlet, holder: Holder) -> int:
    """The position to go on behind: the mirror's own end, or where an empty one begins. Raises
    MirrorError.
    """
    head = queries.head()
    _refuse_another_history(holder, head)
    known = AuditStream.objects.values_list("position", flat=True).get(name=outlet.name)
    begin = holder.position or outlet.begin(known, head)
    # An emptied file is worth a note once there is something to write into it, not on every sweep
    # until then.
    if holder.position < known and begin < head:
        _note(outlet, holder.position, known, begin)
    if begin != known:
        AuditStream.objects.filter(name=outlet.name).update(position=begin, updated_at=Now())
    return begin


def _refuse_another_history(holder: Holder, head: int) -> None:
    why = "The database was restored to an earlier state, or the mirror is another system's: docs/audit.md, Streams."
    if holder.position > head:
        raise MirrorError(f"It ends at position {holder.position}, and the log at {head}. {why}")
    if holder.mark is None:
        return
    found = queries.events_after(holder.mark.position - 1, 1, personal=False)
    if [Mark(event.position, event.id, queries.at_text(event)) for event in found] != [holder.mark]:
        raise MirrorError(
            f"Its event at position {holder.mark.position} is not that of the log. {why}"
        )


def _note(outlet: Outlet, found: int, known: int, begin: int) -> None:
    """Tell that a mirror holds less than it was given."""
    row = AuditStream.objects.filter(name=outlet.name)
    if not found and outlet.rotates:
        row.update(note=f"It was empty: rotated, or lost. It goes on behind position {begin}.")
        log.info("a mirror of the audit log was empty", mirror=outlet.name, begins_behind=begin)
        return
    what = f"It ended at position {found}" if found else "It was empty"
    row.update(
        note=f"{what} where {known} had been written. Written again behind {begin}.", lost_at=Now()
    )
    log.warning(
        "a mirror of the audit log lost events",
        mirror=outlet.name,
        ended=found,
        written=known,
        begins=begin,
    )


def _read(after: int) -> list[queries.PlacedEvent]:
    return queries.events_after(after, BATCH, personal=False)


def _read_patiently(after: int) -> list[queries.PlacedEvent]:
    """Nothing, while the database is away."""
    try:
        return _read(after)
    except (OperationalError, InterfaceError) as error:
        log.warning("the database is away; trying again", error=str(error))
        connection.close()
        return []
