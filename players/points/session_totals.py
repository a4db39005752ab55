"""Read session totals, merge new rows into them, and write them.

Every function runs in the transaction that has locked the players. Amounts are whole hundredths
until they reach SQL.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db import connection

from common.pg_arrays import numbers
from common.pipeline import Sent
from players.points.event_parser import ReportedEvent
from players.points.ledger import LedgerBatch
from players.policy.counters import SessionKey, SessionRow, SessionTotal, merge

READ = """
    SELECT s.player_id, s.session, s.sequence, (s.total * 100)::bigint, s.count,
           (s.awarded * 100)::bigint, s.confirmed
    FROM unnest(%s::bigint[], %s::bigint[]) AS k(player, session)
    JOIN sessions s ON s.player_id = k.player AND s.origin = %s AND s.session = k.session"""

READ_BEYOND = """
    SELECT l.player_id, l.session, l.sequence
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, confirmed)
    JOIN ledger l ON l.player_id = k.player AND l.origin = %s AND l.session = k.session
         AND l.sequence > k.confirmed
    WHERE l.batch <> %s"""

WRITE = """
    INSERT INTO sessions (player_id, origin, session, sequence, total, count, awarded, confirmed,
                          started_at, last_at)
    SELECT c.player, %s, c.session, c.sequence, c.total * 0.01, c.count, c.awarded * 0.01,
           c.confirmed, 'epoch'::timestamptz + c.first * interval '1 microsecond',
           'epoch'::timestamptz + c.last * interval '1 microsecond'
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
         AS c(player, session, sequence, total, count, awarded, confirmed, first, last)
    ON CONFLICT (player_id, origin, session) DO UPDATE SET
        sequence = excluded.sequence, total = excluded.total, count = excluded.count,
        awarded = excluded.awarded, confirmed = excluded.confirmed,
        started_at = least(sessions.started_at, excluded.started_at),
        last_at = greatest(sessions.last_at, excluded.last_at)"""

SET_APART = """
    UPDATE sessions s SET apart = s.apart + c.moved * 0.01
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS c(player, session, moved)
    WHERE s.player_id = c.player AND s.session = c.session AND s.origin = %s"""


@dataclass(slots=True)
class SessionChange:
    """One session's total before and after a batch. `apart`: the change that does not count."""

    before: SessionTotal | None
    after: SessionTotal
    events: list[ReportedEvent]
    apart: int = 0


def send_read(keys: Collection[SessionKey], origin: str) -> Sent[dict[SessionKey, SessionTotal]]:
    """Request the totals of sessions in `origin`."""
    return Sent(
        READ,
        [*_columns(keys), origin],
        lambda rows: {(row[0], row[1]): SessionTotal(*row[2:]) for row in rows},
    )


def merge_landed(
    landed: Iterable[ReportedEvent],
    before: Mapping[SessionKey, SessionTotal],
    batch: LedgerBatch,
    apart: Collection[SessionKey] = (),
) -> dict[SessionKey, SessionChange]:
    """Merge new rows into the totals `before`, and add the difference to the players' `gained`.

    Sessions in `apart` have rows in a quarantine, and their totals may include those rows. So these
    sessions count by what the new rows award.
    """
    groups: dict[SessionKey, list[ReportedEvent]] = {}
    for event in landed:
        groups.setdefault((batch.players[event.user_id].id, event.session), []).append(event)
    gapped = {key: before[key] for key in groups if key in before and before[key].gap}
    beyond = _read_beyond(gapped, batch)
    changes: dict[SessionKey, SessionChange] = {}
    for key, events in groups.items():
        total = before.get(key)
        rows = [SessionRow(event.sequence, event.awarded, event.total) for event in events]
        after = merge(total, rows, beyond.get(key, ()))
        moved = after.total - (total.total if total else 0)
        counted = sum(event.awarded for event in events) if key in apart else moved
        batch.players[events[0].user_id].gained += counted
        changes[key] = SessionChange(total, after, events, moved - counted)
    return changes


def _read_beyond(
    gapped: dict[SessionKey, SessionTotal], batch: LedgerBatch
) -> dict[SessionKey, list[int]]:
    """Return the sequences stored beyond each session's gap, which count once the gap closes."""
    found: dict[SessionKey, list[int]] = {}
    if not gapped:
        return found
    confirmed = numbers(total.confirmed for total in gapped.values())
    with connection.cursor() as cursor:
        cursor.execute(READ_BEYOND, [*_columns(gapped), confirmed, batch.origin, batch.id])
        for player, session, sequence in cursor.fetchall():
            found.setdefault((player, session), []).append(sequence)
    return found


def write(changes: Mapping[SessionKey, SessionChange], origin: str) -> None:
    """Write the totals after a batch, and the parts of them that do not count."""
    if not changes:
        return
    totals = [change.after for change in changes.values()]
    moments = [[event.micros for event in change.events] for change in changes.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            [
                origin,
                *_columns(changes),
                numbers([total.sequence for total in totals]),
                numbers([total.total for total in totals]),
                numbers([total.rows for total in totals]),
                numbers([total.awarded for total in totals]),
                numbers([total.confirmed for total in totals]),
                numbers(map(min, moments)),
                numbers(map(max, moments)),
            ],
        )
        moved = {key: change.apart for key, change in changes.items() if change.apart}
        if moved:
            cursor.execute(SET_APART, [*_columns(moved), numbers(moved.values()), origin])


def _columns(keys: Iterable[SessionKey]) -> tuple[str, str]:
    keys = list(keys)
    return numbers([player for player, _ in keys]), numbers([session for _, session in keys])
