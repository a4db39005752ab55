"""Decide where the rows of a batch go, and which part of an affected session's total counts.

While rows of a session are in quarantine, or were discarded, its total may include them. From then
on the session counts by what its counted rows award (`session_totals.merge_landed`). The rest of
its total is stored as `apart`.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from audits.record import NEXT_ID
from common.pg_arrays import numbers
from common.pipeline import Sent
from players.experiences import counting, origins
from players.models import Quarantine
from players.policy.counters import SessionKey
from players.quarantines.detection import Source

MOST_SHOWN = 10**11  # points

# Runs in the transaction that has locked the players, so it sees every earlier decision. It also
# reserves the id of the batch's audit event, since every batch needs both.
STANDING = f"""
    SELECT {NEXT_ID}, (
        SELECT coalesce(json_agg(json_build_array(
            id, (source = %s OR %s) AND status = 'open', status = 'open', upto) ORDER BY id), '[]'::json)
        FROM quarantines WHERE experience = %s AND status <> 'released'),
        (SELECT counts FROM experiences WHERE key = %s)"""

APART = """
    SELECT DISTINCT s.player_id, s.session FROM sessions s
    WHERE s.player_id = ANY(%s::bigint[]) AND s.origin = ANY(%s::text[])"""

RELEASED = """
    SELECT DISTINCT s.player_id, s.session FROM sessions s
    JOIN unnest(%s::text[], %s::bigint[]) AS q(origin, upto) ON s.origin = q.origin AND s.player_id > q.upto
    WHERE s.player_id = ANY(%s::bigint[])"""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The unreleased quarantines of an experience.

    `held`: the quarantine that takes this source's rows. `counts`: whether the experience's points
    count at all.
    """

    held: int | None
    open: bool
    upto: dict[int, int]  # by quarantine: released up to this player id
    counts: bool

    def __bool__(self) -> bool:
        return bool(self.upto)


def standing(source: Source) -> Isolation:
    """Return the quarantines of a source's experience, and which of them takes its rows.

    Rows from the queue may come from any server, so any open quarantine takes them.
    """
    return begin(source)[1]


def begin(source: Source) -> tuple[int, Isolation]:
    """Reserve the id of the batch's audit event; return it with `standing`."""
    return send_begin(source).read()


def send_begin(source: Source) -> Sent[tuple[int, Isolation]]:
    """Send `begin` without waiting, so that other statements can be sent with it."""
    experience = source.experience
    parameters = [source.name, source.key is None, experience, experience]
    return Sent(STANDING, parameters, lambda rows: _standing(experience, rows[0]))


def _standing(experience: str, row: tuple[Any, ...]) -> tuple[int, Isolation]:
    batch_id, found, counts = (_read(value) for value in row)
    held = next((number for number, own, _, _ in found if own), None)
    return batch_id, Isolation(
        held,
        open=any(row[2] for row in found),
        upto={row[0]: row[3] for row in found},
        counts=counting.both(experience, counts).points,
    )


def _read(value: Any) -> Any:
    """Parse JSON, which the database may return as text."""
    return json.loads(value) if isinstance(value, str) else value


def lock(quarantine_id: int) -> bool:
    """Keep a quarantine open until this transaction ends. Returns False if it is closed already."""
    found = Quarantine.objects.select_for_update(no_key=True).filter(pk=quarantine_id)
    return found.values_list("status", flat=True).first() == Quarantine.Status.OPEN


def origin_of(experience: str, quarantine_id: int) -> str:
    return f"{experience}{origins.SPLIT}{quarantine_id}"


def kept_apart(experience: str, player_ids: Iterable[int], found: Isolation) -> set[SessionKey]:
    """Return the sessions of these players with rows in an unreleased quarantine.

    Keys are player id and session.
    """
    if not found:
        return set()
    names = [origin_of(experience, number) for number in found.upto]
    with connection.cursor() as cursor:
        cursor.execute(RELEASED, [names, numbers(found.upto.values()), numbers(player_ids)])
        return set(cursor.fetchall())


def not_in_store(experience: str, player_ids: Collection[int], found: Isolation) -> set[SessionKey]:
    """Return the sessions whose data store entries must not be merged.

    They have rows in an unreleased quarantine, or come from private servers or Studio that do not
    count.
    """
    apart = [f"{experience}{origins.SPLIT}{part}" for part in (origins.PRIVATE, origins.STUDIO)]
    with connection.cursor() as cursor:
        cursor.execute(APART, [numbers(player_ids), apart])
        return set(cursor.fetchall()) | kept_apart(experience, player_ids, found)


def note(quarantine_id: int, rows: int, awarded: int) -> None:
    """Add to the sums on the quarantine's page, capped at MOST_SHOWN points."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE quarantines SET rows = rows + %s,"
            " awarded = greatest(-%s, least(%s, awarded + %s * 0.01)) WHERE id = %s",
            [rows, MOST_SHOWN, MOST_SHOWN, awarded, quarantine_id],
        )
