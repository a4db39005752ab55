"""Merge a data store's entries into the ledger.

Points that never came as events become one row per session. Reading a data store twice, or while
its events are still being delivered, is safe.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, Target, record, record_many, reserve_id
from common.pg_arrays import numbers
from common.time import micros
from players.active_policy import active
from players.activity import landing as activity
from players.activity.landing import SessionDay
from players.activity.reports import KEPT
from players.experiences import counting
from players.locking import PlayerRow, create_players, lock_players
from players.models import RECONCILED, Decision
from players.points.event_parser import ReportedEvent
from players.points.ledger import LedgerBatch
from players.points.store_comparison import Comparison, StoreChange, StorePage, compare_page
from players.points.stored_entries import StoredEntry
from players.points.violations import PlayerViolation
from players.policy.active_minutes import SKEW
from players.privacy import orders
from players.quarantines import isolation
from players.quarantines.detection import Source
from players.ranks.candidates import candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

READ_IDS = "SELECT user_id, id FROM players WHERE user_id = ANY(%s::bigint[])"

WRITE_SESSIONS = """
    INSERT INTO sessions (player_id, origin, session, sequence, total, count, awarded, confirmed, kos, wos,
                          started_at, last_at)
    SELECT c.player, %s, c.session, c.sequence, c.total * 0.01, c.count, c.awarded * 0.01, c.confirmed, c.kos, c.wos,
           %s, %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                %s::bigint[], %s::bigint[])
         AS c(player, session, sequence, total, count, awarded, confirmed, kos, wos)
    ON CONFLICT (player_id, origin, session) DO UPDATE SET
        sequence = excluded.sequence, total = excluded.total, count = excluded.count, awarded = excluded.awarded,
        confirmed = excluded.confirmed, kos = excluded.kos, wos = excluded.wos, last_at = excluded.last_at"""


def known_totals(origin: str, user_ids: Sequence[int]) -> dict[int, int | None]:
    """Return each player's points in an experience, in hundredths, by Roblox user id.

    The value is None while a session has a gap. Unknown players are left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.user_id, CASE WHEN bool_or(s.count < s.sequence) THEN NULL"
            " ELSE coalesce(sum(s.total * 100), 0)::bigint END"
            " FROM players p LEFT JOIN sessions s ON s.player_id = p.id AND s.origin = %s"
            " WHERE p.user_id = ANY(%s::bigint[]) GROUP BY p.user_id",
            [origin, numbers(user_ids)],
        )
        return dict(cursor.fetchall())


def compare(
    origin: str, stored: Iterable[StoredEntry], *, now: dt.datetime, patience: dt.timedelta
) -> Comparison:
    """Return what `reconcile` would change. `patience`: the age from which a gap is closed."""
    entries = {entry.user_id: entry for entry in stored}
    with connection.cursor() as cursor:
        cursor.execute(READ_IDS, [numbers(entries)])
        ids = dict(cursor.fetchall())
    return compare_page(StorePage(origin, entries, ids, active(), now - patience))


@dataclass(frozen=True, slots=True)
class StoreRead:
    """Who read a data store and when.

    `details`: for the audit event. `patience`: the age from which a gap is closed.
    """

    actor: Actor
    now: dt.datetime
    patience: dt.timedelta
    details: Mapping[str, object] = field(default_factory=dict)


def reconcile(origin: str, stored: Iterable[StoredEntry], read: StoreRead) -> Comparison:
    """Merge a page of entries. Repeating it changes nothing.

    It creates new players, adds one row for each session that lacks some, writes one audit event
    and evaluates ranks.
    """
    entries = {entry.user_id: entry for entry in stored}
    if not entries:
        return Comparison()
    policy = active()
    with transaction.atomic():
        for user_id in orders.pending(entries):
            del entries[user_id]  # the entry is about to be deleted
        names = {entry.user_id: (entry.username, entry.display_name) for entry in entries.values()}
        create_players(names, policy.rank_ids[policy.bundle.first.name], read.now)
        players = lock_players(entries)
        ids = {user_id: player.id for user_id, player in players.items()}
        page = StorePage(origin, entries, ids, policy, read.now - read.patience)
        found = compare_page(page)
        if found.changes:
            _apply(found.changes, page, players, read)
        _land_minutes(page, players, read)
    return found


def _land_minutes(page: StorePage, players: Mapping[int, PlayerRow], read: StoreRead) -> None:
    """Store the active minutes of the entries' sessions, and record the laws that they break.

    While the experience has an open quarantine, they wait. The suspected servers write the data
    store too.
    """
    earliest = read.now.date() - KEPT
    days = [
        SessionDay(page.ids[user_id], session, activity.number_of(day), minutes)
        for user_id, entry in page.entries.items()
        for session, stored in entry.sessions.items()
        for day, minutes in stored.active.items()
        if earliest <= day <= (read.now + SKEW).date()
    ]
    if not days or page.policy.bundle.community.activity is None:
        return
    standing = isolation.standing(Source(page.origin))
    if standing.open:
        return
    apart = isolation.not_in_store(page.origin, page.ids.values(), standing)
    kept = [one for one in days if (one.player, one.session) not in apart]
    owners = {player.id: player for player in players.values()}
    record_many(
        [
            PlayerViolation(one.law, one.detail, owners[one.player], one.session).entry(
                read.actor, page.origin, page.policy
            )
            for one in activity.land_days(page.origin, kept, read.now)
        ]
    )


def _apply(
    changes: Sequence[StoreChange], page: StorePage, players: dict[int, PlayerRow], read: StoreRead
) -> None:
    batch = LedgerBatch(page.origin, reserve_id(), players)
    rows = [ledger_row(change, RECONCILED, read.now) for change in changes]
    touched = write(changes, rows, batch, read.now)
    record(
        Action.POINTS_RECONCILED,
        actor=read.actor,
        target=Target("experience", page.origin, ""),
        event_id=batch.id,
        experience=page.origin,
        policy_version=page.policy.bundle.version,
        details={"rows": len(rows), "digest": batch.digest(rows), **read.details},
    )
    context = DecisionContext(page.policy, read.actor, read.now, Decision.Source.EVENTS)
    candidates = [candidate_for_row(player) for player in touched]
    evaluate_and_apply(may_change_rank(candidates, page.policy, read.now), context)


def write(
    changes: Sequence[StoreChange],
    rows: Sequence[ReportedEvent],
    batch: LedgerBatch,
    now: dt.datetime,
) -> list[PlayerRow]:
    """Write the changes of sessions with their ledger rows; return the changed players."""
    if len(batch.append(rows, {})) != len(rows):
        raise RuntimeError(
            "a row stands where the session says that none is: run `manage.py ledger verify`"
        )
    _write_sessions(changes, batch, now)
    touched = _gain(changes, batch.players)
    counts = counting.in_force(batch.origin).points
    batch.add_to_players(touched, now, counts=counts).read()
    return touched


def _gain(changes: Sequence[StoreChange], players: Mapping[int, PlayerRow]) -> list[PlayerRow]:
    """Add the changes to the players; return the changed players."""
    touched: dict[int, PlayerRow] = {}
    for change in changes:
        player = touched.setdefault(change.user_id, players[change.user_id])
        player.gained += change.after.total - change.before
        player.kos += change.kos
        player.wos += change.wos
    return list(touched.values())


def ledger_row(change: StoreChange, type_: str, now: dt.datetime) -> ReportedEvent:
    """Return the row that stands for all missing rows of a session."""
    return ReportedEvent(
        item=0,
        user_id=change.user_id,
        username="",
        display_name="",
        session=change.session,
        sequence=change.sequence,
        type=type_,
        magnitude=change.stands_for,
        duration=None,
        actor_user_id=None,
        awarded=change.awarded,
        total=change.after.total,
        at=now,
        micros=micros(now),
    )


def _write_sessions(changes: Sequence[StoreChange], batch: LedgerBatch, now: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE_SESSIONS,
            [
                *(batch.origin, now, now),
                numbers(batch.players[change.user_id].id for change in changes),
                numbers(change.session for change in changes),
                numbers(change.after.sequence for change in changes),
                numbers(change.after.total for change in changes),
                numbers(change.after.rows for change in changes),
                numbers(change.after.awarded for change in changes),
                numbers(change.after.confirmed for change in changes),
                numbers(change.kept_kos for change in changes),
                numbers(change.kept_wos for change in changes),
            ],
        )
