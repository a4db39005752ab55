"""Everything recomputed: leaves, roots, chain, signatures, the file outside, and the personal values' commitments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audits import chain
from audits.chain import GENESIS, SealFields
from audits.merkle import root_of
from audits.seals import LINE, stream_lines, stream_seals, trusted_keys

STRETCH = 20_000  # events read with one COPY
SHOWN = 20  # of one kind of finding


ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"  # others go on writing meanwhile

LOOSE = """
    SELECT a.id FROM audits a
    WHERE NOT EXISTS (SELECT 1 FROM sealed_events s WHERE s.event_id = a.id)
      AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.event_id = a.id) ORDER BY a.id LIMIT %s"""
LOST = """
    SELECT p.event_id FROM audit_pending p
    WHERE NOT EXISTS (SELECT 1 FROM audits a WHERE a.id = p.event_id) ORDER BY p.event_id LIMIT %s"""
BEHIND = "SELECT position FROM sealed_events WHERE position > %s ORDER BY position LIMIT %s"
WRONG_VALUES = """
    SELECT p.event_id, p.field FROM audit_personal p JOIN audits a ON a.id = p.event_id
    WHERE (a.commitments->>p.field) IS DISTINCT FROM
          encode(sha256(p.salt || convert_to(p.value, 'UTF8')), 'hex') ORDER BY p.id LIMIT %s"""
ERASED = """
    SELECT coalesce(sum((a.details->>'personalRows')::bigint), 0) FROM audits a WHERE a.action = 'player.erased'"""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: where, and what it means."""

    where: str
    message: str


@dataclass(slots=True)
class Report:
    """What was recomputed, and what was found. `commitments` counts personal values ever recorded."""

    events: int = 0
    seals: int = 0
    commitments: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, where: str, message: str) -> None:
        self.findings.append(Finding(where, message))


def verify(*, progress: Callable[[int], None] = lambda events: None) -> Report:
    """Recompute the whole chain. Memory stays flat; `progress` is called with the events done so far."""
    report = Report()
    path = Path(settings.AUDIT_SEAL_FILE)
    # The file as it is before the database is looked at: a seal is committed first and appended after it.
    size = path.stat().st_size if path.exists() else None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(ONE_MOMENT)
        last = _verify_seals(report, progress)
        _verify_file(report, path, size)
        _verify_places(report, last)
        _verify_personal(report)
    return report


def _verify_seals(report: Report, progress: Callable[[int], None]) -> int:
    """Check every seal against its events; returns the last position that a seal covers."""
    trusted = chain.keyring(trusted_keys())
    previous, position = GENESIS, 0
    for stretch in _stretches():
        first, last = stretch[0].first_position, stretch[-1].last_position
        leaves = _leaves(first, last, report)
        complete = len(leaves) == last - first + 1
        for seal in stretch:
            size = seal.last_position - seal.first_position + 1
            own = leaves[seal.first_position - first :][:size] if complete else _leaves_of(seal)
            report.seals += 1
            where = f"seal {seal.number}"
            for defect in chain.seal_defects(
                seal, root=root_of(own).hex(), previous=previous, number=report.seals, trusted=trusted
            ):
                report.add(where, defect)
            if seal.first_position != position + 1:
                report.add(where, f"it begins at position {seal.first_position}, not at {position + 1}")
            previous, position = seal.hash, seal.last_position
        progress(report.events)
    return position


def _stretches() -> Iterator[list[SealFields]]:
    """Seals in order, gathered until they cover some STRETCH events."""
    gathered: list[SealFields] = []
    for seal in stream_seals():
        gathered.append(seal)
        if seal.last_position - gathered[0].first_position >= STRETCH:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def lines_between(first: int, last: int) -> list[bytes | None]:
    """The lines of the events from one position to another, in order; None where the event is gone.

    Places and events are read apart, each in its own order, which costs half of joining them row by row.
    """
    places = _places(first, last)
    lines: list[bytes | None] = [None] * len(places)
    for line in _stream(places):
        place = places.get(line[: line.index(b"\t")])
        if place is not None:
            lines[place] = line
    return lines


def _places(first: int, last: int) -> dict[bytes, int]:
    """The place of each event between two positions, by its id as it begins its line."""
    ids = f"SELECT event_id FROM sealed_events WHERE position BETWEEN {first:d} AND {last:d} ORDER BY position"
    return {event: place for place, event in enumerate(stream_lines(ids))}


def _stream(places: dict[bytes, int]) -> Iterator[bytes]:
    """Lines of these events, and of few others, in the order of their ids."""
    ids = sorted(map(int, places))
    if not ids:
        return iter(())
    if ids[-1] - ids[0] < 2 * len(ids) + 1000:
        where = f"a.id BETWEEN {ids[0]} AND {ids[-1]}"
    else:
        # An event that committed long after its id was taken: its neighbours by id are under other seals.
        where = f"a.id = ANY('{{{','.join(map(str, ids))}}}'::bigint[])"
    return stream_lines(f"SELECT {LINE} FROM audits a WHERE {where} ORDER BY a.id")


def _leaves(first: int, last: int, report: Report) -> list[bytes]:
    places = _places(first, last)
    leaves = [b""] * len(places)
    for line in _stream(places):
        place = places.get(line[: line.index(b"\t")])
        if place is None:
            continue
        leaves[place] = sha256(b"\x00" + line).digest()
        if not line.endswith(b"\t{}"):
            report.commitments += line[line.rindex(b"\t") :].count(b'":"')
    report.events += len(leaves)
    return leaves


def _leaves_of(seal: SealFields) -> list[bytes]:
    """One seal's own leaves: used where a stretch has lost rows, to say which seal it is."""
    return _leaves(seal.first_position, seal.last_position, Report())


def _verify_file(report: Report, path: Path, size: int | None) -> None:
    """The file outside must tell the same story: it is what a database that lost its tail cannot change."""
    if size is None:
        if report.seals:
            report.add(str(path), "the seal file is missing, so a cut-off end of the chain cannot be seen")
        return
    seals = stream_seals()
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if file.tell() > size:
                break
            try:
                outside = SealFields.from_json(raw)
            except (ValueError, TypeError):
                report.add(f"{path}:{number}", "the line is not a seal (a torn last line mends itself)")
                return
            inside = next(seals, None)
            if inside is None:
                report.add(f"seal {outside.number}", "the seal file has it, the database does not: its end was dropped")
                return
            if inside != outside:
                report.add(f"seal {outside.number}", "the seal file and the database disagree")
                return
    behind = next(seals, None)
    if behind is not None:
        report.add(f"seal {behind.number}", "the database has it, the seal file does not; sealing appends it again")


def _verify_places(report: Report, last: int) -> None:
    for (event,) in _rows(LOOSE, SHOWN):
        report.add(
            f"event {event}", "it is neither sealed nor waiting to be: it was forged, or put in past the triggers"
        )
    for (event,) in _rows(LOST, SHOWN):
        report.add(f"event {event}", "it waits to be sealed, but its row is gone")
    for (place,) in _rows(BEHIND, last, SHOWN):
        report.add(f"position {place}", "no seal covers it: seals were dropped")


def _verify_personal(report: Report) -> None:
    for event, name in _rows(WRONG_VALUES, SHOWN):
        report.add(f"event {event}", f"its {name} is not what was recorded")
    ((unsealed,),) = _rows(
        "SELECT count(*) FROM audit_pending p JOIN audits a ON a.id = p.event_id, json_object_keys(a.commitments)"
    )
    ((kept,),) = _rows("SELECT count(*) FROM audit_personal")
    ((erased,),) = _rows(ERASED)
    missing = report.commitments + unsealed - kept
    if missing != erased:
        report.add(
            "personal values",
            f"{missing} are missing, but erasures account for {erased}: values were deleted or added by hand",
        )


def _rows(query: str, *parameters: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
