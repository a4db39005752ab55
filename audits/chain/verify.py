"""Verify the log by recomputing everything.

This covers leaves, roots, the chain, signatures, the file outside and the commitments of the
personal values.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from audits.chain import chain, copy_reader, key_succession, redaction
from audits.chain.chain import GENESIS, SealFields
from audits.chain.merkle import root_of, roots_of
from audits.chain.sealing import trusted_keys
from audits.chain.stored_seals import stream_seals
from audits.models import SealFileState
from common import database_clock

STRETCH = 20_000  # events read with one COPY
SHOWN = 20  # findings of one kind
GRACE = 10  # seconds within which a committed seal may still be missing from the file


ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"  # others may go on writing

# 0 if every event is sealed or pending, provided that nothing else was found. An event that is both,
# or a pending one without its row, is a separate finding.
UNREAD = "SELECT count(*) - (SELECT count(*) FROM audit_pending) - %s FROM audits"
LOOSE = """
    SELECT a.id FROM audits a
    WHERE NOT EXISTS (SELECT 1 FROM sealed_events s WHERE s.event_id = a.id)
      AND NOT EXISTS (SELECT 1 FROM audit_pending p WHERE p.event_id = a.id) ORDER BY a.id LIMIT %s"""
LOST = """
    SELECT p.event_id FROM audit_pending p
    WHERE NOT EXISTS (SELECT 1 FROM audits a WHERE a.id = p.event_id) ORDER BY p.event_id LIMIT %s"""
OUTSIDE = "SELECT position FROM sealed_events WHERE position < 1 OR position > %s ORDER BY position LIMIT %s"
MISPLACED = """
    SELECT s.position, s.seal_id FROM sealed_events s LEFT JOIN seals z ON z.number = s.seal_id
    WHERE (s.position BETWEEN z.first_position AND z.last_position) IS NOT TRUE LIMIT %s"""
TWICE = """
    SELECT p.event_id FROM audit_pending p JOIN sealed_events s ON s.event_id = p.event_id
    ORDER BY p.event_id LIMIT %s"""
WRONG_VALUES = """
    SELECT p.event_id, p.field FROM audit_personal p JOIN audits a ON a.id = p.event_id
    WHERE (a.commitments->>p.field) IS DISTINCT FROM
          encode(sha256(p.salt || convert_to(p.value, 'UTF8')), 'hex') ORDER BY p.id LIMIT %s"""
ERASED = """
    SELECT coalesce(sum((a.details->>'personalRows')::bigint), 0) FROM audits a
    WHERE a.action IN ('player.erased', 'audit.forgotten', 'audit.redacted')"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A defect: where it is, and what it means."""

    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Redactions:
    """Redacted events: `leaves` as sealed, and `told`, what the log records of them, by event."""

    leaves: dict[int, bytes]
    told: dict[int, tuple[str, str]]
    seen: set[int] = field(default_factory=set)

    def leaf(self, event: int, leaf: bytes, report: "Report") -> bytes:
        """Return the leaf that was sealed. `leaf` is that of the event as it is now."""
        if event not in self.leaves:
            return leaf
        found = redaction.defect(event, self.leaves[event], leaf, self.told)
        if found and event not in self.seen:
            report.add(f"event {event}", found)
        self.seen.add(event)
        return self.leaves[event]


@dataclass(slots=True)
class Report:
    """The counts and findings of a verification.

    `read` counts the sealed events that still exist, `commitments` the personal values ever
    recorded, `behind` the seals that the file outside lacks.
    """

    events: int = 0
    read: int = 0
    seals: int = 0
    commitments: int = 0
    behind: int = 0
    findings: list[Finding] = field(default_factory=list)
    redactions: "Redactions" = field(default_factory=lambda: Redactions({}, {}))

    def add(self, where: str, message: str) -> None:
        self.findings.append(Finding(where, message))


def verify(
    *, progress: Callable[[int], None] = lambda events: None, seal_file: Path | None = None
) -> Report:
    """Recompute the whole chain in constant memory.

    `progress` is called with the number of events done so far. `seal_file` is a copy of the file to
    compare with instead of the one that GRPS writes.
    """
    report = Report()
    path = seal_file or Path(settings.AUDIT_SEAL_FILE)
    # The size before the database is read: a seal is committed first and appended afterwards.
    size = path.stat().st_size if path.exists() else None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(ONE_MOMENT)
        report.redactions = Redactions(redaction.leaves(), redaction.told())
        last = _verify_seals(report, progress)
        _verify_file(report, path, size)
        if seal_file is None:
            _verify_growth(report)
        _verify_places(report, last)
        _verify_personal(report)
        _verify_redactions(report)
    return report


class _Chain:
    """The state of checking the chain. Each seal is compared with the one before it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.trusted = chain.keyring(trusted_keys())
        self.retired = key_succession.retired()
        self.previous = GENESIS
        self.position = 0

    def check(self, seal: SealFields, root: bytes) -> None:
        self.report.seals += 1
        where = f"seal {seal.number}"
        for defect in chain.seal_defects(
            seal,
            root=root.hex(),
            previous=self.previous,
            number=self.report.seals,
            trusted=self.trusted,
        ):
            self.report.add(where, defect)
        if seal.number > self.retired.get(seal.key_id, seal.number):
            self.report.add(where, "it is signed with a key that was retired before")
        if seal.first_position != self.position + 1:
            self.report.add(
                where, f"it begins at position {seal.first_position}, not at {self.position + 1}"
            )
        self.previous, self.position = seal.hash, seal.last_position


class _Hashing:
    """Turns lines into leaves, and counts the lines and their commitments to personal values."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.lines = self.commitments = 0

    def leaves(self, lines: Sequence[bytes]) -> list[bytes]:
        self.lines += len(lines)
        self.commitments += sum(
            [_commitments(line) for line in lines if not line.endswith(b"\t{}")]
        )
        leaves = [sha256(b"\x00" + line).digest() for line in lines]
        redactions = self.report.redactions
        if not redactions.leaves:
            return leaves
        events = [int(line[: line.index(b"\t")]) for line in lines]
        return [
            redactions.leaf(event, leaf, self.report)
            for event, leaf in zip(events, leaves, strict=True)
        ]

    def count(self) -> None:
        """Add the counts to the report."""
        self.report.read += self.lines
        self.report.commitments += self.commitments


def _commitments(line: bytes) -> int:
    """Return the number of personal values that a line commits to.

    Its last column is a JSON object of texts.
    """
    return line[line.rindex(b"\t") :].count(b'":"')


def _verify_seals(report: Report, progress: Callable[[int], None]) -> int:
    """Check every seal against its events, and return the last position that a seal covers."""
    state = _Chain(report)
    for stretch in _stretches():
        for seal, root in zip(stretch, _roots(stretch, report), strict=True):
            state.check(seal, root)
        progress(report.events)
    return state.position


def _stretches() -> Iterator[list[SealFields]]:
    """Yield the seals in order, in lists that cover about STRETCH events."""
    gathered: list[SealFields] = []
    for seal in stream_seals():
        gathered.append(seal)
        if seal.last_position - gathered[0].first_position >= STRETCH:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _roots(stretch: list[SealFields], report: Report) -> list[bytes]:
    """Return the root of each seal, computed from the events as they are."""
    positions, ids = copy_reader.places_between(
        stretch[0].first_position, stretch[-1].last_position
    )
    report.events += len(ids)
    hashing = _Hashing(report)
    roots = _roots_in_order_of_ids(stretch, ids, hashing) if ids == sorted(ids) else None
    if roots is None:
        hashing = _Hashing(report)
        roots = _roots_by_position(stretch, positions, ids, hashing)
    hashing.count()
    return roots


def _roots_in_order_of_ids(
    stretch: list[SealFields], ids: list[int], hashing: _Hashing
) -> list[bytes] | None:
    """Return the roots, hashing each line while the server prints the next ones.

    Returns None if a root does not fit its seal: events are missing, or others have ids between
    them.
    """
    groups = map(hashing.leaves, copy_reader.start(ids).groups())
    roots = roots_of([seal.size for seal in stretch], groups)
    fits = [root.hex() for root in roots] == [seal.root for seal in stretch]
    return roots if fits and hashing.lines == len(ids) else None


def _roots_by_position(
    stretch: list[SealFields], positions: list[int], ids: list[int], hashing: _Hashing
) -> list[bytes]:
    """Return the roots, with each event looked up by its position."""
    lines = copy_reader.in_order(ids)
    found = iter(hashing.leaves([line for line in lines if line is not None]))
    leaves = [b"" if line is None else next(found) for line in lines]
    return [
        root_of(
            leaves[
                bisect_left(positions, seal.first_position) : bisect_right(
                    positions, seal.last_position
                )
            ]
        )
        for seal in stretch
    ]


def _verify_file(report: Report, path: Path, size: int | None) -> None:
    """Compare the seals with the file outside the database.

    Somebody who cuts the end off the database cannot change that file.
    """
    if size is None:
        if report.seals:
            report.add(
                str(path), "the seal file is missing, so a cut-off end of the chain cannot be seen"
            )
        return
    seals = stream_seals()
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if file.tell() > size:
                break
            try:
                outside = SealFields.from_json(raw)
            except (ValueError, TypeError):
                report.add(
                    f"{path}:{number}", "the line is not a seal (a torn last line mends itself)"
                )
                return
            inside = next(seals, None)
            if inside is None:
                report.add(
                    f"seal {outside.number}",
                    "the seal file has it, the database does not: its end was dropped",
                )
                return
            if inside != outside:
                report.add(f"seal {outside.number}", "the seal file and the database disagree")
                return
    _count_missing(report, seals)


def _count_missing(report: Report, missing: Iterator[SealFields]) -> None:
    """Count the seals that the file lacks. One that was sealed just now is not a finding."""
    first = next(missing, None)
    if first is None:
        return
    report.behind = 1 + sum(1 for _ in missing)
    if first.at < (database_clock.timestamp() - GRACE) * 1_000_000:
        report.add(
            f"seal {first.number}",
            f"the seal file lacks it and {report.behind - 1} after it; sealing appends them again",
        )


def _verify_growth(report: Report) -> None:
    """Report what keeps the file from growing, as sealing stored it."""
    error = SealFileState.objects.exclude(error="").values_list("error", flat=True).first()
    if error:
        report.add("the seal file", error)


def _verify_places(report: Report, last: int) -> None:
    for (event,) in _rows(LOST, SHOWN):
        report.add(f"event {event}", "it waits to be sealed, but its row is gone")
    for (event,) in _rows(TWICE, SHOWN):
        report.add(f"event {event}", "it is sealed and yet waits to be: it was put back by hand")
    for (place,) in _rows(OUTSIDE, last, SHOWN):
        report.add(
            f"position {place}",
            "no seal covers it: seals were dropped, or an event was put beside the chain",
        )
    for place, seal in _rows(MISPLACED, SHOWN):
        report.add(
            f"position {place}", f"it is said to be under seal {seal}, which does not cover it"
        )
    ((unread,),) = _rows(UNREAD, report.read)
    if unread or report.findings:
        _find_loose(report)


def _find_loose(report: Report) -> None:
    for (event,) in _rows(LOOSE, SHOWN):
        report.add(
            f"event {event}",
            "it is neither sealed nor waiting to be: it was forged, or put in past the triggers",
        )


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


def _verify_redactions(report: Report) -> None:
    """Check that the sealed leaf of every event that the log records as redacted was kept."""
    for event in sorted(report.redactions.told.keys() - report.redactions.leaves.keys()):
        report.add(
            f"event {event}",
            "the log says that it was redacted, and the hash that was sealed is gone",
        )


def _rows(query: str, *parameters: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
