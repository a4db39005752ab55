"""Write a batch into the ledger, its days and its players.

Everything here runs in the transaction that has locked the players (players.locking). Amounts are
whole hundredths until they reach SQL.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from common.pg_arrays import numbers, optional, texts, words
from common.pipeline import Rows, Sent
from players.locking import PlayerRow
from players.points.event_parser import ReportedEvent

APPEND = """
    INSERT INTO ledger (player_id, origin, session, sequence, type, magnitude, duration, actor_id,
                        awarded, total, occurred_at, batch)
    SELECT c.player, %s, c.session, c.sequence, c.type, c.magnitude, c.duration, c.actor,
           c.awarded * 0.01, c.total * 0.01, 'epoch'::timestamptz + c.at * interval '1 microsecond', %s
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::int[], %s::bigint[],
                %s::bigint[], %s::bigint[], %s::bigint[])
         AS c(player, session, sequence, type, magnitude, duration, actor, awarded, total, at)
    ORDER BY c.player, c.session, c.sequence
    ON CONFLICT (player_id, origin, session, sequence) DO NOTHING
    RETURNING player_id, session, sequence"""

DAY = 86_400_000_000  # microseconds
FIRST_DAY = dt.date(1970, 1, 1).toordinal()

# A day is the number of days since 1970.
ADD_DAYS = """
    INSERT INTO daily_points AS d (player_id, origin, day, awarded, events, kos, wos)
    SELECT c.player, %s, DATE 'epoch' + c.day, c.awarded * 0.01, c.events, c.kos, c.wos
    FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[])
         AS c(player, day, awarded, events, kos, wos)
    ON CONFLICT (player_id, origin, day)
        DO UPDATE SET awarded = d.awarded + excluded.awarded, events = d.events + excluded.events,
                      kos = d.kos + excluded.kos, wos = d.wos + excluded.wos
    RETURNING player_id, day - DATE 'epoch', (awarded * 100)::bigint, (
        SELECT coalesce(sum(w.awarded) * 100, 0)::bigint FROM daily_points w
        WHERE w.player_id = d.player_id AND w.origin = d.origin
          AND w.day >= date_trunc('week', d.day)::date AND w.day < date_trunc('week', d.day)::date + 7)"""

# The sum of one experience counts as at least 0. So what a batch adds to `earned` depends on that
# sum alone.
ADD_TO_PLAYERS = """
    WITH c AS (
        SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
                             %s::bigint[])
            AS c(player, gained, kos, wos, username, display_name, named_at)
    ), e AS (
        INSERT INTO experience_points AS e (player_id, origin, total, counted)
        SELECT c.player, %s, c.gained * 0.01, %s FROM c ORDER BY c.player
        ON CONFLICT (player_id, origin) DO UPDATE SET total = e.total + excluded.total
        RETURNING player_id, total, counted::int AS counted
    )
    UPDATE players p SET
        earned = p.earned + e.counted * (greatest(e.total, 0) - greatest(e.total - c.gained * 0.01, 0)),
        kos = p.kos + e.counted * c.kos, wos = p.wos + e.counted * c.wos,
        username = c.username, display_name = c.display_name, updated_at = %s,
        synced_at = CASE WHEN e.counted * c.gained <> 0 OR e.counted * c.kos <> 0 OR e.counted * c.wos <> 0
                              OR p.username <> c.username OR p.display_name <> c.display_name
                         THEN %s ELSE p.synced_at END,
        named_at = greatest(p.named_at, 'epoch'::timestamptz + c.named_at * interval '1 microsecond')
    FROM c JOIN e ON e.player_id = c.player
    WHERE p.id = c.player
    RETURNING p.id, (p.earned * 100)::bigint"""


@dataclass(frozen=True, slots=True)
class DayChange:
    """Positive awards on a player's day, before and after this batch.

    `week_before`: the awards in that day's week before the batch.
    """

    before: int
    after: int
    week_before: int


@dataclass(slots=True)
class _DayTally:
    """What a batch adds to one player's day. `awarded`: in hundredths."""

    awarded: int = 0
    events: int = 0
    kos: int = 0
    wos: int = 0

    def add(self, event: ReportedEvent, counter: str | None) -> None:
        self.events += 1
        if event.awarded > 0:
            self.awarded += event.awarded
        if counter == "kos":
            self.kos += event.magnitude
        elif counter == "wos":
            self.wos += event.magnitude


def _date(day: int) -> dt.date:
    return dt.date.fromordinal(FIRST_DAY + day)


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """Writes the rows of one batch for one origin.

    `id`: of the batch's audit event. `players`: locked, by Roblox user id.
    """

    origin: str
    id: int
    players: Mapping[int, PlayerRow]

    def append(
        self, events: Sequence[ReportedEvent], actors: Mapping[int, int]
    ) -> Sequence[ReportedEvent]:
        """Write the rows that are not stored yet; return their events.

        `actors`: our id by Roblox user id.
        """
        ids = [self.players[event.user_id].id for event in events]
        with connection.cursor() as cursor:
            cursor.execute(
                APPEND,
                [
                    self.origin,
                    self.id,
                    numbers(ids),
                    numbers([event.session for event in events]),
                    numbers([event.sequence for event in events]),
                    words([event.type for event in events]),
                    numbers([event.magnitude for event in events]),
                    optional([event.duration for event in events]),
                    optional([actors.get(event.actor_user_id or 0) for event in events]),
                    numbers([event.awarded for event in events]),
                    numbers([event.total for event in events]),
                    numbers([event.micros for event in events]),
                ],
            )
            if cursor.rowcount == len(events):
                return events
            landed = set(cursor.fetchall())
        return [
            event
            for player, event in zip(ids, events, strict=True)
            if (player, event.session, event.sequence) in landed
        ]

    def add_days(
        self, landed: Iterable[ReportedEvent], counters: Mapping[str, str]
    ) -> Sent[dict[tuple[int, dt.date], DayChange]]:
        """Add positive awards, KOs and WOs to their UTC days.

        `counters`: of the policy, by type of event. Return the changes by player and day.
        """
        added: dict[tuple[int, int], _DayTally] = defaultdict(_DayTally)
        for event in landed:
            key = self.players[event.user_id].id, event.micros // DAY
            added[key].add(event, counters.get(event.type))
        tallies = added.values()
        return Sent(
            ADD_DAYS,
            [
                self.origin,
                numbers([player for player, _ in added]),
                numbers([day for _, day in added]),
                numbers([tally.awarded for tally in tallies]),
                numbers([tally.events for tally in tallies]),
                numbers([tally.kos for tally in tallies]),
                numbers([tally.wos for tally in tallies]),
            ],
            # The subquery for the week sees the table as it was before this statement.
            lambda rows: {
                (player, _date(day)): DayChange(after - added[player, day].awarded, after, week)
                for player, day, after, week in rows
            },
        )

    def add_to_players(
        self, touched: Collection[PlayerRow], now: dt.datetime, *, counts: bool
    ) -> Sent[None]:
        """Write the batch's changes to players. Reading the result sets `earned` from the database.

        `counts`: whether the points of this origin count. It applies to players without points
        there yet.
        """

        def take_over(rows: Rows) -> None:
            earned: dict[int, int] = dict(rows)
            for player in touched:
                player.earned = earned[player.id]

        return Sent(
            ADD_TO_PLAYERS,
            [
                numbers([player.id for player in touched]),
                numbers([player.gained for player in touched]),
                numbers([player.kos for player in touched]),
                numbers([player.wos for player in touched]),
                texts([player.username for player in touched]),
                texts([player.display_name for player in touched]),
                numbers([player.named_micros for player in touched]),
                self.origin,
                counts,
                now,
                now,
            ],
            take_over,
        )

    def digest(self, landed: Iterable[ReportedEvent]) -> str:
        """Return the SHA-256 over the batch's rows, so that the audit chain proves them too.

        `manage.py ledger verify` recomputes it. Each row is one tab-separated line, ordered by
        player, session and sequence: player, origin, session, sequence, type, magnitude, awarded
        and total in hundredths, microseconds since 1970.
        """
        rows = sorted(
            (
                self.players[event.user_id].id,
                event.session,
                event.sequence,
                f"\t{event.type}\t{event.magnitude}\t{event.awarded}\t{event.total}\t{event.micros}",
            )
            for event in landed
        )
        lines = "\n".join(
            f"{player}\t{self.origin}\t{session}\t{sequence}{rest}"
            for player, session, sequence, rest in rows
        )
        return hashlib.sha256(lines.encode()).hexdigest()
