"""Compare a data store's entries with the stored sessions. Nothing is written.

A session takes the total of its highest sequence. A `reconciled` row represents missing rows, once
they are too old to come as events.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import connection

from common.amounts import points
from common.pg_arrays import numbers, words
from players.active_policy import ActivePolicy
from players.models import LEGACY, REST
from players.points.stored_entries import EVERYTHING, StoredEntry, StoredSession
from players.policy.counters import EMPTY, SessionKey, SessionTotal, close_gaps
from players.quarantines import isolation
from players.quarantines.detection import Source

READ_KNOWN = """
    SELECT s.player_id, s.session, s.sequence, (s.total * 100)::bigint, s.count, (s.awarded * 100)::bigint, s.confirmed,
           s.kos, s.wos, s.last_at
    FROM sessions s
    WHERE s.player_id = ANY(%s::bigint[]) AND s.origin = %s AND (s.session = -1 OR s.count < s.sequence
        OR (s.player_id, s.session) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[])))"""

# Returns a player's stored sums up to a session: the totals, and the KOs and WOs counted from rows
# here or from the data store.
READ_SUMS = """
    SELECT k.player, (SELECT coalesce(sum(s.total) * 100, 0)::bigint FROM sessions s
                      WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN k.first AND k.through),
           c.kos + (SELECT coalesce(sum(s.kos), 0)::bigint FROM sessions s
                    WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN k.first AND k.through),
           c.wos + (SELECT coalesce(sum(s.wos), 0)::bigint FROM sessions s
                    WHERE s.player_id = k.player AND s.origin = %s AND s.session BETWEEN k.first AND k.through)
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, first, through), LATERAL (
        SELECT coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint AS kos,
               coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint AS wos
        FROM ledger l WHERE l.player_id = k.player AND l.origin = %s AND l.session BETWEEN k.first AND k.through) c"""

# Rows past the data store's sequence are not part of its counts.
READ_COUNTED = """
    SELECT k.player, k.session,
           coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint,
           coalesce(sum(l.magnitude) FILTER (WHERE l.type = ANY(%s::text[])), 0)::bigint
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(player, session, upto)
    LEFT JOIN ledger l ON l.player_id = k.player AND l.origin = %s AND l.session = k.session AND l.sequence <= k.upto
    GROUP BY k.player, k.session"""


@dataclass(frozen=True, slots=True)
class StoreChange:
    """One new row of one session. `kos` and `wos`: what is added to the player's records."""

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
    """The differences between a page of entries and the stored sessions."""

    changes: list[StoreChange] = field(default_factory=list)
    waiting: int = 0  # gaps so recent that their events may still come
    # By Roblox user id: a sequence with two different totals.
    contradictions: dict[int, str] = field(default_factory=dict)


class Known(NamedTuple):
    """A session as stored here. `kos` and `wos`: counted from the data store alone."""

    total: SessionTotal
    kos: int
    wos: int
    last_at: dt.datetime | None


NOTHING = Known(EMPTY, 0, 0, None)


@dataclass(frozen=True, slots=True)
class StorePage:
    """Entries of one experience's data store. `ids`: player ids by Roblox user id.

    Gaps older than `settled` no longer wait for their events.
    """

    origin: str
    entries: Mapping[int, StoredEntry]
    ids: Mapping[int, int]
    policy: ActivePolicy
    settled: dt.datetime


class _PlayerComparison(NamedTuple):
    """One player's entry beside the stored sessions.

    `known`: stored sessions by number. `sums`: total, KOs and WOs of all folded sessions.
    `counted`: KOs and WOs by session. `apart`: sessions that must not be merged.
    """

    entry: StoredEntry
    settled: dt.datetime
    known: Mapping[int, Known]
    counted: Mapping[int, tuple[int, int]]
    sums: tuple[int, int, int]
    apart: set[int]

    def into(self, found: Comparison) -> None:
        sessions = {*self.known, *self.entry.sessions} - {REST} - self.apart
        for session in sorted(sessions):
            self._compare_session(session, found)
        # The folded sum includes the sessions in `apart`, by an unknown amount.
        through = self.entry.through
        if self.entry.folded and not any(session <= through for session in self.apart):
            self._compare_rest(self.entry.folded, found)

    def _compare_session(self, session: int, found: Comparison) -> None:
        have = self.known.get(session, NOTHING)
        stored = self.entry.sessions.get(session, StoredSession(0, 0))
        if stored.sequence == have.total.sequence and stored.total != have.total.total:
            found.contradictions[self.entry.user_id] = (
                f"session {session}, sequence {stored.sequence}: {points(have.total.total)} here,"
                f" {points(stored.total)} there"
            )
        total = have.total if have.total.rows else None
        closure = close_gaps(total, stored.sequence, stored.total)
        if closure is None:
            return
        moment = stored.saved_at if stored.sequence > have.total.sequence else have.last_at
        if moment is not None and moment > self.settled:
            found.waiting += 1
            return
        counted = self.counted.get(session, (0, 0))
        kos = max(have.kos, stored.kos - counted[0])
        wos = max(have.wos, stored.wos - counted[1])
        found.changes.append(
            StoreChange(
                user_id=self.entry.user_id,
                session=session,
                sequence=closure.row.sequence,
                stands_for=closure.stands_for,
                awarded=closure.row.awarded,
                before=have.total.total,
                after=closure.after,
                kept_kos=kos,
                kept_wos=wos,
                kos=kos - have.kos,
                wos=wos - have.wos,
            )
        )

    def _compare_rest(self, folded: StoredSession, found: Comparison) -> None:
        """Compare what the entry holds beyond its separate sessions.

        The total follows the entry up and down. KOs and WOs of an entry that folds sessions only
        grow, since a crashed server's last KOs may be stored here but not there.
        """
        have = self.known.get(REST, NOTHING)
        total = folded.total - self.sums[0]
        exact = self.entry.through in {EVERYTHING, LEGACY}
        least = (0, 0) if exact else (have.kos, have.wos)
        kos, wos = (
            max(least[0], folded.kos - self.sums[1]),
            max(least[1], folded.wos - self.sums[2]),
        )
        if (total, kos, wos) == (have.total.total, have.kos, have.wos):
            return
        sequence = have.total.sequence + 1
        found.changes.append(
            StoreChange(
                user_id=self.entry.user_id,
                session=REST,
                sequence=sequence,
                stands_for=1,
                awarded=total - have.total.total,
                before=have.total.total,
                after=SessionTotal(sequence, total, sequence, total, sequence),
                kept_kos=kos,
                kept_wos=wos,
                kos=kos - have.kos,
                wos=wos - have.wos,
            )
        )


def compare_page(page: StorePage) -> Comparison:
    """Return the differences between a page of entries and the stored sessions.

    While the experience has an open quarantine, all changes wait. The suspected servers write the
    data store too.
    """
    standing = isolation.standing(Source(page.origin))
    known = _read_known(page)
    sums, counted = _read_sums(page), _by_player(_read_counted(page, known))
    apart = isolation.not_in_store(page.origin, page.ids.values(), standing)
    sessions, found = _by_player(known), Comparison()
    for user_id, entry in page.entries.items():
        player = page.ids.get(user_id, 0)
        _PlayerComparison(
            entry,
            page.settled,
            sessions.get(player, {}),
            counted.get(player, {}),
            sums.get(player, (0, 0, 0)),
            {session for owner, session in apart if owner == player},
        ).into(found)
    if standing.open:
        found.waiting += len(found.changes)
        found.changes = []
    return found


def _by_player[T](rows: Mapping[SessionKey, T]) -> dict[int, dict[int, T]]:
    found: dict[int, dict[int, T]] = {}
    for (player, session), row in rows.items():
        found.setdefault(player, {})[session] = row
    return found


def _read_known(page: StorePage) -> dict[SessionKey, Known]:
    keys = [
        (player, session)
        for user_id, player in page.ids.items()
        for session in page.entries[user_id].sessions
    ]
    columns = numbers(key[0] for key in keys), numbers(key[1] for key in keys)
    with connection.cursor() as cursor:
        cursor.execute(READ_KNOWN, [numbers(page.ids.values()), page.origin, *columns])
        return {
            (row[0], row[1]): Known(SessionTotal(*row[2:7]), *row[7:]) for row in cursor.fetchall()
        }


def _read_sums(page: StorePage) -> dict[int, tuple[int, int, int]]:
    """Return the total, KOs and WOs of all folded sessions, by player id."""
    asked = [
        (player, page.entries[user_id].first_folded, page.entries[user_id].through)
        for user_id, player in page.ids.items()
        if page.entries[user_id].folded
    ]
    if not asked:
        return {}
    origin, (kos, wos) = page.origin, _counters(page.policy)
    columns = [numbers(row[place] for row in asked) for place in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(READ_SUMS, [origin, origin, origin, *columns, kos, wos, origin])
        return {row[0]: tuple(row[1:]) for row in cursor.fetchall()}


def _read_counted(
    page: StorePage, known: Mapping[SessionKey, Known]
) -> dict[SessionKey, tuple[int, int]]:
    """Return KOs and WOs counted up to the stored sequence, for sessions with missing rows."""
    behind = [
        (player, session, stored.sequence)
        for user_id, player in page.ids.items()
        for session, stored in page.entries[user_id].sessions.items()
        if (stored.kos or stored.wos)
        and _is_behind(stored, known.get((player, session), NOTHING).total)
    ]
    if not behind:
        return {}
    columns = [numbers(row[place] for row in behind) for place in range(3)]
    with connection.cursor() as cursor:
        cursor.execute(READ_COUNTED, [*_counters(page.policy), *columns, page.origin])
        return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def _is_behind(stored: StoredSession, total: SessionTotal) -> bool:
    """Return whether rows of a session are missing here, within a gap or at its end."""
    return total.gap or stored.sequence > total.sequence


def _counters(policy: ActivePolicy) -> tuple[str, str]:
    """Return the event types that count as KOs, and as WOs."""
    counters = policy.bundle.points.counters
    kos, wos = (
        [name for name, counter in counters.items() if counter == which] for which in ("kos", "wos")
    )
    return words(kos), words(wos)
