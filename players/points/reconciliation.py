"""What a data store says of players, merged into the ledger: whatever never came as events becomes
one row a part.

Reading a data store twice, or while events of it are still on their way, changes nothing that it
should not: a part takes the total of its highest sequence, and a `reconciled` row stands for the
rows that are missing.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, Target, record, reserve_id
from common.amounts import points
from common.pg_arrays import numbers, words
from common.time import micros
from players.active_policy import ActivePolicy, active
from players.locking import PlayerRow, create_players, lock_players
from players.models import RECONCILED, REST, Decision
from players.points import counting
from players.points.event_parser import ReportedEvent
from players.points.ledger import LedgerBatch
from players.points.session_totals import SessionKey
from players.policy.counters import EMPTY, SessionTotal, close_gaps
from players.privacy import orders
from players.quarantines import isolation
from players.quarantines.detection import Source
from players.ranks.candidates import candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

EVERYTHING = 2**63 - 1  # `through` of an entry that knows no sessions

READ_IDS = "SELECT user_id, id FROM players WHERE user_id = ANY(%s::bigint[])"

READ_KNOWN = """
    SELECT s.player_id, s.session, s.sequence, (s.total * 100)::bigint, s.count, (s.awarded * 100)::bigint, s.confirmed,
           s.kos, s.wos, s.last_at
    FROM sessions s
    WHERE s.player_id = ANY(%s::bigint[]) AND s.origin = %s AND (s.session = -1 OR s.count < s.sequence
        OR (s.player_id, s.session) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[])))"""

# What is known one by one up to a session: the totals, and what was counted, by rows here or by the
# data store.
READ_SUMS = """
    SELECT k.player, (SELECT coalesce(sum(s.total) * 100, 0)::bigint FROM sessions s
                      WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN 0 AND k.through),
           c.kos + (SELECT coalesce(sum(s.kos), 0)::bigint FROM sessions s
                    WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN 0 AND k.through),
           c.wos + (SELECT coalesce(sum(s.wos), 0)::bigint FROM sessions s
                    WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN 0 AND k.through)
    FROM unnest(%s::bigint[], %s::bigint[]) AS k(player, through), LATERAL (
        SELECT coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint AS kos,
               coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint AS wos
        FROM ledger l WHERE l.player_id = k.player AND l.origin = %s AND l.session BETWEEN 0 AND k.through) c"""

# Rows beyond the sequence that the data store has are no part of its counts.
READ_COUNTED = """
    SELECT k.player, k.session,
           coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint,
           coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, upto)
    LEFT JOIN ledger l ON l.player_id = k.player AND l.origin = %s AND l.session = k.session AND l.sequence <= k.upto
    GROUP BY k.player, k.session"""

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


class Kept(NamedTuple):
    """A session as a data store keeps it. Hundredths; `saved_at` None when the game does not say."""

    sequence: int
    total: int
    kos: int = 0
    wos: int = 0
    saved_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """One player's entry: sessions by epoch, and what is folded of all those up to `through`
    (hundredths).
    """

    user_id: int
    username: str
    display_name: str
    sessions: Mapping[int, Kept]
    through: int
    folded: Kept | None

    @property
    def total(self) -> int:
        return sum(kept.total for kept in self.sessions.values()) + (
            self.folded.total if self.folded else 0
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One part that takes one row. `kos` and `wos` are what the player's records grow by."""

    user_id: int
    session: int
    sequence: int
    stands_for: int
    awarded: int
    before: int
    after: SessionTotal
    kept_kos: int
    kept_wos: int
    kos: int
    wos: int


@dataclass(slots=True)
class Comparison:
    """What a page of entries says beyond what is known."""

    changes: list[Change] = field(default_factory=list)
    waiting: int = 0  # gaps so young that their events may still come
    contradictions: dict[int, str] = field(
        default_factory=dict
    )  # by user id: one sequence, two totals


class _Known(NamedTuple):
    part: SessionTotal
    kos: int
    wos: int
    last_at: dt.datetime | None


NOTHING = _Known(EMPTY, 0, 0, None)


def known_totals(origin: str, user_ids: Sequence[int]) -> dict[int, int | None]:
    """What is known of each player's points in an experience (hundredths); None where a gap is
    open. Without those who are no players yet.
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
    origin: str, stored: Iterable[Stored], *, now: dt.datetime, patience: dt.timedelta
) -> Comparison:
    """What would change; nothing does. `patience`: how old a gap must be before it is closed."""
    entries = {entry.user_id: entry for entry in stored}
    with connection.cursor() as cursor:
        cursor.execute(READ_IDS, [numbers(entries)])
        ids = dict(cursor.fetchall())
    return _await_owners(origin, _compare(origin, entries, ids, active(), now - patience))


def reconcile(
    origin: str,
    stored: Iterable[Stored],
    *,
    actor: Actor,
    details: Mapping[str, object],
    now: dt.datetime,
    patience: dt.timedelta,
) -> Comparison:
    """Merge a page of entries: players made where they are new, one row for each part that lacks
    something, one audit event, ranks settled. Repeating it changes nothing.
    """
    entries = {entry.user_id: entry for entry in stored}
    if not entries:
        return Comparison()
    policy = active()
    with transaction.atomic():
        for user_id in orders.pending(entries):
            del entries[user_id]  # the entry is about to be deleted
        names = {entry.user_id: (entry.username, entry.display_name) for entry in entries.values()}
        create_players(names, policy.rank_ids[policy.bundle.first.name], now)
        players = lock_players(entries)
        ids = {user_id: player.id for user_id, player in players.items()}
        found = _await_owners(origin, _compare(origin, entries, ids, policy, now - patience))
        if found.changes:
            _apply(found.changes, players, entries, origin, policy, actor, details, now)
    return found


def _await_owners(origin: str, found: Comparison) -> Comparison:
    """Change nothing while what the experience's servers deliver is in quarantine: they write the
    data store too.
    """
    if found.changes and isolation.standing(Source(origin)).open:
        found.waiting += len(found.changes)
        found.changes = []
    return found


def _compare(
    origin: str,
    entries: Mapping[int, Stored],
    ids: Mapping[int, int],
    policy: ActivePolicy,
    settled: dt.datetime,
) -> Comparison:
    """`settled`: what is older than this moment does not wait for its events any more."""
    known = _read_known(origin, entries, ids)
    sums = _read_sums(origin, entries, ids, policy)
    counted = _read_counted(origin, entries, ids, known, policy)
    apart = isolation.not_in_store(origin, ids.values(), isolation.standing(Source(origin)))
    found = Comparison()
    for user_id, entry in entries.items():
        player = ids.get(user_id, 0)
        sessions = {key[1] for key in known if key[0] == player and key[1] != REST} | set(
            entry.sessions
        )
        own = {session for owner, session in apart if owner == player}
        for session in sorted(sessions - own):
            have = known.get((player, session), NOTHING)
            _session(found, entry, session, have, counted.get((player, session), (0, 0)), settled)
        # What is folded holds the sessions that are kept apart, to an amount that nobody can tell.
        if entry.folded is not None and not any(session <= entry.through for session in own):
            _rest(
                found,
                entry,
                entry.folded,
                known.get((player, REST), NOTHING),
                sums.get(player, (0, 0, 0)),
            )
    return found


def _session(
    found: Comparison,
    entry: Stored,
    session: int,
    have: _Known,
    counted: tuple[int, int],
    settled: dt.datetime,
) -> None:
    kept = entry.sessions.get(session, Kept(0, 0))
    if kept.sequence == have.part.sequence and kept.total != have.part.total:
        found.contradictions[entry.user_id] = (
            f"session {session}, sequence {kept.sequence}: {points(have.part.total)} here, {points(kept.total)} there"
        )
    closing = close_gaps(have.part if have.part.rows else None, kept.sequence, kept.total)
    if closing is None:
        return
    moment = kept.saved_at if kept.sequence > have.part.sequence else have.last_at
    if moment is not None and moment > settled:
        found.waiting += 1
        return
    kos = max(have.kos, kept.kos - counted[0])
    wos = max(have.wos, kept.wos - counted[1])
    found.changes.append(
        Change(
            user_id=entry.user_id,
            session=session,
            sequence=closing.row.sequence,
            stands_for=closing.stands_for,
            awarded=closing.row.awarded,
            before=have.part.total,
            after=closing.after,
            kept_kos=kos,
            kept_wos=wos,
            kos=kos - have.kos,
            wos=wos - have.wos,
        )
    )


def _rest(
    found: Comparison, entry: Stored, folded: Kept, have: _Known, sums: tuple[int, int, int]
) -> None:
    """What the entry holds beyond the sessions known one by one. It follows the entry, up and down.

    Counts of an entry that folds sessions only grow: a crashed server's last KOs are known here and
    not there.
    """
    total = folded.total - sums[0]
    least = (0, 0) if entry.through == EVERYTHING else (have.kos, have.wos)
    kos, wos = max(least[0], folded.kos - sums[1]), max(least[1], folded.wos - sums[2])
    if (total, kos, wos) == (have.part.total, have.kos, have.wos):
        return
    sequence = have.part.sequence + 1
    found.changes.append(
        Change(
            user_id=entry.user_id,
            session=REST,
            sequence=sequence,
            stands_for=1,
            awarded=total - have.part.total,
            before=have.part.total,
            after=SessionTotal(sequence, total, sequence, total, sequence),
            kept_kos=kos,
            kept_wos=wos,
            kos=kos - have.kos,
            wos=wos - have.wos,
        )
    )


def _apply(
    changes: Sequence[Change],
    players: dict[int, PlayerRow],
    entries: Mapping[int, Stored],
    origin: str,
    policy: ActivePolicy,
    actor: Actor,
    details: Mapping[str, object],
    now: dt.datetime,
) -> None:
    batch = LedgerBatch(origin, reserve_id(), players)
    events = [_row(change, entries[change.user_id], now) for change in changes]
    landed = batch.append(events, {})
    if len(landed) != len(events):
        raise RuntimeError(
            "a row stands where the session says that none is: run `manage.py ledger verify`"
        )
    _write_sessions(changes, players, origin, now)
    touched: dict[int, PlayerRow] = {}
    for change in changes:
        player = touched.setdefault(change.user_id, players[change.user_id])
        player.gained += change.after.total - change.before
        player.kos += change.kos
        player.wos += change.wos
    counts = counting.in_force(origin).points
    batch.add_to_players(list(touched.values()), now, counts=counts).read()
    record(
        Action.POINTS_RECONCILED,
        actor=actor,
        target=Target("experience", origin, ""),
        event_id=batch.id,
        experience=origin,
        policy_version=policy.bundle.version,
        details={"rows": len(events), "digest": batch.digest(events), **details},
    )
    candidates = may_change_rank(
        [candidate_for_row(player) for player in touched.values()], policy, now
    )
    evaluate_and_apply(candidates, DecisionContext(policy, actor, now, Decision.Source.EVENTS))


def _row(change: Change, entry: Stored, now: dt.datetime) -> ReportedEvent:
    return ReportedEvent(
        item=0,
        user_id=change.user_id,
        username=entry.username,
        display_name=entry.display_name,
        session=change.session,
        sequence=change.sequence,
        type=RECONCILED,
        magnitude=change.stands_for,
        duration=None,
        actor_user_id=None,
        awarded=change.awarded,
        total=change.after.total,
        at=now,
        micros=micros(now),
    )


def _write_sessions(
    changes: Sequence[Change], players: Mapping[int, PlayerRow], origin: str, now: dt.datetime
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE_SESSIONS,
            [
                *(origin, now, now),
                numbers(players[change.user_id].id for change in changes),
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


def _read_known(
    origin: str, entries: Mapping[int, Stored], ids: Mapping[int, int]
) -> dict[SessionKey, _Known]:
    keys = [
        (player, session)
        for user_id, player in ids.items()
        for session in entries[user_id].sessions
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            READ_KNOWN,
            [
                numbers(ids.values()),
                origin,
                numbers(key[0] for key in keys),
                numbers(key[1] for key in keys),
            ],
        )
        return {
            (row[0], row[1]): _Known(SessionTotal(*row[2:7]), *row[7:]) for row in cursor.fetchall()
        }


def _read_sums(
    origin: str, entries: Mapping[int, Stored], ids: Mapping[int, int], policy: ActivePolicy
) -> dict[int, tuple[int, int, int]]:
    """By player: the total, the KOs and the WOs of all sessions that their entry has folded."""
    asked = [
        (player, entries[user_id].through)
        for user_id, player in ids.items()
        if entries[user_id].folded
    ]
    if not asked:
        return {}
    kos, wos = _counters(policy)
    columns = numbers(player for player, _ in asked), numbers(through for _, through in asked)
    with connection.cursor() as cursor:
        cursor.execute(READ_SUMS, [origin, origin, origin, *columns, kos, wos, origin])
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}


def _read_counted(
    origin: str,
    entries: Mapping[int, Stored],
    ids: Mapping[int, int],
    known: Mapping[SessionKey, _Known],
    policy: ActivePolicy,
) -> dict[SessionKey, tuple[int, int]]:
    """KOs and WOs counted by rows up to the stored sequence, for sessions whose rows are not all
    here.
    """
    behind = [
        (player, session, kept.sequence)
        for user_id, player in ids.items()
        for session, kept in entries[user_id].sessions.items()
        if (kept.kos or kept.wos) and _is_behind(kept, known.get((player, session), NOTHING).part)
    ]
    if not behind:
        return {}
    columns = [numbers(row[place] for row in behind) for place in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(READ_COUNTED, [*_counters(policy), *columns, origin])
        return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def _is_behind(kept: Kept, part: SessionTotal) -> bool:
    """Whether rows of a session are missing here: within a gap, or after the last one."""
    return part.gap or kept.sequence > part.sequence


def _counters(policy: ActivePolicy) -> tuple[str, str]:
    """The types of events that count as KOs, and as WOs."""
    counters = policy.bundle.points.counters
    kos, wos = (
        [name for name, counter in counters.items() if counter == which] for which in ("kos", "wos")
    )
    return words(kos), words(wos)
