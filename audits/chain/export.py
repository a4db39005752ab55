"""Export the chain as JSON lines.

`python -m audits.chain.offline` verifies them without the database.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import IO

from django.db import connection

from audits.chain.chain import COLUMNS, SealFields
from audits.chain.copy_reader import LINE
from audits.chain.stored_seals import stream_seals

EVENTS = f"""
    SELECT s.position, {LINE.replace("a.details, a.commitments", "a.details::text, a.commitments::text")},
           (SELECT json_object_agg(p.field, json_build_object('salt', encode(p.salt, 'hex'), 'value', p.value))::text
            FROM audit_personal p WHERE p.event_id = a.id),
           (SELECT r.leaf FROM audit_redactions r WHERE r.event_id = a.id)
    FROM sealed_events s JOIN audits a ON a.id = s.event_id
    WHERE s.position BETWEEN %s AND %s ORDER BY s.position"""


def export(out: IO[str], after: int = 0) -> int:
    """Write the events and seals after the seal `after`, and return the number of events.

    Each seal follows its events. One JSON object a line: `{"event": {...}}` or `{"seal": {...}}`.
    An event has its columns as texts exactly as they are hashed, the personal values that were not
    erased, and, if it was redacted later, `leaf`, the hash that was sealed. Memory holds one seal's
    events at most.
    """
    events = 0
    for seal in stream_seals(after):
        for event in _events(seal):
            out.write(json.dumps({"event": event}, ensure_ascii=False) + "\n")
            events += 1
        out.write(json.dumps({"seal": asdict(seal)}) + "\n")
    return events


def _events(seal: SealFields) -> Iterator[dict[str, object]]:
    with connection.cursor() as cursor:
        cursor.execute(EVENTS, [seal.first_position, seal.last_position])
        for position, *columns, personal, leaf in cursor.fetchall():
            texts = {name: str(value) for name, value in zip(COLUMNS, columns, strict=True)}
            found = {
                "position": position,
                **texts,
                "personal": json.loads(personal) if personal else {},
            }
            yield found | ({"leaf": leaf} if leaf else {})
