"""Lock players for one transaction, and create new ones.

Players are locked in the order of their Roblox user ids, so that two transactions cannot deadlock.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection

from common.pg_arrays import numbers, texts
from common.pipeline import Sent
from common.time import from_micros
from players.membership.status import can_be_asked

CREATE_PLAYERS = """
    INSERT INTO players (user_id, username, display_name, rank_id, rank_since, named_at, listed)
    SELECT c.user_id, c.username, c.display_name, %s, %s, 'epoch', %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS c(user_id, username, display_name)
    WHERE NOT EXISTS (SELECT 1 FROM players p WHERE p.user_id = c.user_id)
    ORDER BY c.user_id
    ON CONFLICT (user_id) DO NOTHING"""

LOCK_PLAYERS = """
    SELECT id, user_id, username, display_name, (extract(epoch FROM named_at) * 1000000)::bigint,
           rank_id, (extract(epoch FROM rank_since) * 1000000)::bigint, (earned * 100)::bigint,
           (adjusted * 100)::bigint, adjusted_sequence, banned, member,
           (extract(epoch FROM member_since) * 1000000)::bigint,
           (extract(epoch FROM resting_since) * 1000000)::bigint
    FROM players WHERE user_id = ANY(%s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"""


@dataclass(slots=True)
class PlayerRow:
    """A locked player. Amounts in hundredths, moments in microseconds since 1970.

    `gained`: what this batch adds to the sum of its experience. `LedgerBatch.add_to_players` adds
    it to `earned`.
    """

    id: int
    user_id: int
    username: str
    display_name: str
    named_micros: int
    rank_id: int
    rank_micros: int
    earned: int
    adjusted: int
    adjusted_sequence: int
    banned: bool
    member: str
    member_micros: int
    resting_micros: int | None
    gained: int = 0
    kos: int = 0  # added by this batch
    wos: int = 0

    @property
    def points(self) -> int:
        return max(0, self.earned + self.adjusted)

    @property
    def rank_since(self) -> dt.datetime:
        return from_micros(self.rank_micros)

    @property
    def resting_since(self) -> dt.datetime | None:
        return None if self.resting_micros is None else from_micros(self.resting_micros)

    @property
    def member_since(self) -> dt.datetime:
        return from_micros(self.member_micros)


def lock_players(user_ids: Iterable[int]) -> dict[int, PlayerRow]:
    """Lock players and return them by Roblox user id. Players that do not exist yet are left out."""
    return send_lock(user_ids).read()


def send_lock(user_ids: Iterable[int]) -> Sent[dict[int, PlayerRow]]:
    """Send `lock_players` without waiting, so that other statements can follow first."""
    return Sent(
        LOCK_PLAYERS,
        [numbers(sorted(set(user_ids)))],
        lambda rows: {row[1]: PlayerRow(*row) for row in rows},
    )


def create_players(names: Mapping[int, tuple[str, str]], first_rank: int, now: dt.datetime) -> int:
    """Create the players that do not exist yet; return their number.

    `names`: username and display name by Roblox user id. Call it before taking any lock, or batches
    with the same new players may deadlock.
    """
    user_ids = sorted(names)
    usernames = texts(names[user_id][0] for user_id in user_ids)
    display_names = texts(names[user_id][1] for user_id in user_ids)
    listed = not can_be_asked()  # otherwise list a new player after Roblox has answered
    with connection.cursor() as cursor:
        cursor.execute(
            CREATE_PLAYERS, [first_rank, now, listed, numbers(user_ids), usernames, display_names]
        )
        return int(cursor.rowcount)
