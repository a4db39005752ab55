"""Export a filtered part of the audit log as a file of at most MOST events."""

import json
from collections.abc import Iterator

from django.db import transaction

from audits.actions import Action
from audits.queries import at_text, public
from audits.record import NOBODY, record
from audits.search import BEYOND, EventFilter, find, span
from common import csv_stream
from common.errors import NotAllowed, Refused
from console.audit.forms import described
from console.audit.rows import EventRow, rows_of
from players.moderation.actors import Staff

MOST = 100_000  # events in one file
BATCH = 1_000
LOOKED = 50_000  # events that a batch searches if no index serves the filter
BATCHES = 200  # batches in one file, most of which may find nothing
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
COLUMNS = (
    "id",
    "position",
    "at",
    "action",
    "sentence",
    "actor",
    "actorName",
    "target",
    "targetName",
    "reason",
    "experience",
    "requestId",
    "policyVersion",
    "reverts",
    "details",
)
CUT = "It was cut here: a file holds {most} events at most. Ask again for those with ids below {older}."


def export(wanted: EventFilter, form: str, *, by: Staff) -> Iterator[str]:
    """Return the events of a filter as lines of `form` (a key of FORMATS), newest first.

    The export is recorded in the audit log first. Names and reasons need the right to see players.
    Raises Refused, NotAllowed.
    """
    if form not in FORMATS:
        raise Refused(f"format: there is no {form[:20]!r}. There are: {', '.join(FORMATS)}.")
    if not by.has("console.audit"):
        raise NotAllowed(
            "You may not: taking the audit log away is for those with the right to it."
        )
    named = by.has("players.view_player")
    with transaction.atomic():
        details = {"format": form, "filter": described(wanted), "named": named}
        event = record(Action.AUDIT_EXPORTED, actor=by.actor, target=NOBODY, details=details)
    return _csv(wanted, event, named) if form == "csv" else _json(wanted, event, named)


def _json(wanted: EventFilter, below: int, named: bool) -> Iterator[str]:
    for rows, older in _batches(wanted, below, named):
        yield "".join(json.dumps(_object(row, named), ensure_ascii=False) + "\n" for row in rows)
        if older is not None:
            yield json.dumps({"cut": CUT.format(most=MOST, older=older), "below": older}) + "\n"


def _csv(wanted: EventFilter, below: int, named: bool) -> Iterator[str]:
    yield from csv_stream.document(COLUMNS, ())
    for rows, older in _batches(wanted, below, named):
        yield "".join(csv_stream.line(_cells(row, named)) for row in rows)
        if older is not None:
            yield csv_stream.line([CUT.format(most=MOST, older=older)])


def _batches(
    wanted: EventFilter, below: int, named: bool
) -> Iterator[tuple[list[EventRow], int | None]]:
    """Yield batches of rows. The last one has the id where the file was cut, or None."""
    within = span(wanted)
    before: int | None = min(below, BEYOND)
    count = tries = 0
    while before is not None:
        found = find(wanted, before, limit=min(BATCH, MOST - count), looked=LOOKED, within=within)
        count, tries, before = count + len(found.ids), tries + 1, found.older
        ended = count >= MOST or tries >= BATCHES
        yield rows_of(found.ids, named=named), before if ended else None
        if ended:
            return


def _object(row: EventRow, named: bool) -> dict[str, object]:
    told: dict[str, object] = public(row.event)
    return told | {"personal": row.event.personal, "sentence": row.sentence} if named else told


def _cells(row: EventRow, named: bool) -> tuple[str, ...]:
    event = row.event
    return (
        str(event.id),
        str(event.position or ""),
        at_text(event),
        event.action,
        row.sentence if named else "",
        row.actor.find,
        event.personal.get("actorName", ""),
        row.target.find if row.target else "",
        event.personal.get("targetName", ""),
        event.personal.get("reason", ""),
        event.experience,
        event.request_id,
        event.policy_version,
        str(event.reverts or ""),
        json.dumps(event.details, ensure_ascii=False, sort_keys=True),
    )
