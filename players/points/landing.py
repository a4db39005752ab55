"""Append a batch: read the stored context, append its rows, merge them into sessions and days."""

import datetime as dt
from collections.abc import Iterable

from common.pg_arrays import numbers
from common.pipeline import Rows, Sent, pipeline
from players.experiences import origins
from players.points import session_totals
from players.points.batch_state import BatchState, Officer
from players.points.event_parser import ReportedEvent
from players.points.ledger import DayChange
from players.policy.counters import EMPTY, SessionKey, SessionTotal
from players.quarantines import isolation

OFFICERS = "SELECT id, user_id, rank_id, member FROM players WHERE user_id = ANY(%s::bigint[])"

# Read before the batch is appended, while there are few rows to read.
COUNTED = """
    SELECT w.player, l.occurred_at
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(player, first, last)
    JOIN ledger l ON l.player_id = w.player
         AND l.occurred_at >= 'epoch'::timestamptz + w.first * interval '1 microsecond'
         AND l.occurred_at <= 'epoch'::timestamptz + w.last * interval '1 microsecond'
    WHERE l.origin = %s AND l.type = %s AND l.awarded > 0"""


def append(state: BatchState) -> None:
    """Append a batch's new rows, and merge them into the totals that `write_totals` writes."""
    events = _once(state.events)
    _read_stored(state, events)
    actors = {user_id: officer.id for user_id, officer in state.officers.items()}
    state.landed = state.ledger.append(_beyond_confirmed(events, state), actors)
    state.changes = session_totals.merge_landed(
        state.landed, state.before, state.ledger, _kept_apart(state, events)
    )


def write_totals(state: BatchState) -> Sent[dict[tuple[int, dt.date], DayChange]]:
    """Write the sessions and days of the new rows. The result belongs in `state.days`."""
    session_totals.write(state.changes, state.destination.origin)
    return state.ledger.add_days(state.landed, state.policy.bundle.points.counters)


def _once(events: Iterable[ReportedEvent]) -> list[ReportedEvent]:
    """Drop repeats within the batch, keeping the first of each event."""
    return list({event.key: event for event in reversed(list(events))}.values())[::-1]


def _read_stored(state: BatchState, events: list[ReportedEvent]) -> None:
    """Read the officers, the session totals, and the counted moments near the events."""
    origin = state.destination.origin
    keys = {state.session_of(event) for event in events}
    with pipeline():
        officers = _send_officers(events)
        counted = _send_counted(state, events)
        before = session_totals.send_read(keys, origin)
        state.officers = officers.read() if officers else {}
        state.counted = {type_: sent.read() for type_, sent in counted.items()}
        state.before = before.read()
    if state.destination.quarantine is not None:
        counting = session_totals.send_read(keys, origins.experience_of(origin)).read()
        state.before = _continued(state.before, counting)


def _send_officers(events: Iterable[ReportedEvent]) -> Sent[dict[int, Officer]] | None:
    """Request the players named as actors, by Roblox user id. Unknown ones are left out."""
    user_ids = {event.actor_user_id for event in events if event.actor_user_id is not None}
    if not user_ids:
        return None
    return Sent(
        OFFICERS,
        [numbers(user_ids)],
        lambda rows: {
            user_id: Officer(player, rank, member) for player, user_id, rank, member in rows
        },
    )


def _send_counted(
    state: BatchState, events: Iterable[ReportedEvent]
) -> dict[str, Sent[dict[int, list[dt.datetime]]]]:
    """Request, by type, the counted moments within a cooldown of the batch's own events."""
    sent = {}
    for type_, seconds in state.policy.bundle.points.cooldowns.items():
        spans = _spans(state, events, type_)
        if not spans:
            continue
        margin = seconds * 1_000_000
        sent[type_] = Sent(
            COUNTED,
            [
                numbers(spans),
                numbers([first - margin for first, _ in spans.values()]),
                numbers([last + margin for _, last in spans.values()]),
                state.destination.origin,
                type_,
            ],
            _by_player,
        )
    return sent


def _by_player(rows: Rows) -> dict[int, list[dt.datetime]]:
    found: dict[int, list[dt.datetime]] = {}
    for player, moment in rows:
        found.setdefault(player, []).append(moment)
    return found


def _spans(
    state: BatchState, events: Iterable[ReportedEvent], type_: str
) -> dict[int, tuple[int, int]]:
    """Return the first and last counted moment of a type for each player, in microseconds."""
    moments: dict[int, list[int]] = {}
    for event in events:
        if event.type != type_ or event.awarded <= 0:
            continue
        moments.setdefault(event.user_id, []).append(event.micros)
    return {
        state.players[user_id].id: (min(found), max(found)) for user_id, found in moments.items()
    }


def _continued(
    held: dict[SessionKey, SessionTotal], counting: dict[SessionKey, SessionTotal]
) -> dict[SessionKey, SessionTotal]:
    """Raise the `confirmed` of quarantined totals to at least that of the totals that count."""
    start = {key: EMPTY._replace(confirmed=total.confirmed) for key, total in counting.items()}
    return start | {
        key: total._replace(confirmed=max(total.confirmed, start.get(key, EMPTY).confirmed))
        for key, total in held.items()
    }


def _beyond_confirmed(events: Iterable[ReportedEvent], state: BatchState) -> list[ReportedEvent]:
    """Drop events whose session already has them, as rows or within a `reconciled` row."""
    confirmed = {key: total.confirmed for key, total in state.before.items()}
    return [event for event in events if event.sequence > confirmed.get(state.session_of(event), 0)]


def _kept_apart(state: BatchState, events: Iterable[ReportedEvent]) -> set[SessionKey]:
    """Return the sessions that have rows in an unreleased quarantine."""
    if not state.destination.counts:
        return set()
    ids = {state.player_of(event).id for event in events}
    return isolation.kept_apart(state.destination.origin, ids, state.isolation)
