"""Who is bound by a quota, and what they did in a period. Pages of players by id."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from common.pg_arrays import numbers
from players.active_policy import ActivePolicy
from players.activity import queries as activity
from players.membership.status import belonging
from players.models import QuotaPeriod
from players.policy.community import Quota, quota_of
from players.policy.quotas import Figures, Past, Span, Standing, bound_ranks, rested_days
from players.quotas import exemptions, sources

# Only members are bound. Somebody of unknown membership is not judged.
BOUND = """
    SELECT p.id, p.user_id, p.username, p.rank_id, p.rank_since FROM players p
    WHERE p.rank_id = ANY(%s::bigint[]) AND p.member = ANY(%s::text[])
      AND p.erased_at IS NULL AND NOT p.banned AND p.id > %s
    ORDER BY p.id LIMIT %s"""

PAST = """
    SELECT r.player_id, count(*), (array_agg(r.misses ORDER BY p.starts_on DESC))[1]
    FROM quota_results r JOIN quota_periods p ON p.id = r.period_id
    WHERE r.player_id = ANY(%s::bigint[]) AND p.quota = %s AND p.starts_on < %s
    GROUP BY r.player_id"""


class BoundPlayer(NamedTuple):
    """A player whom a quota binds."""

    id: int
    user_id: int
    username: str
    rank_id: int
    rank_since: dt.datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """The players of a period: by its quota, or by one rank of those that it binds."""

    period: QuotaPeriod
    policy: ActivePolicy
    rank: str = ""

    @property
    def quota(self) -> Quota:
        return quota_of(self.period.rule)

    @property
    def rank_ids(self) -> list[int]:
        names = bound_ranks(self.quota, self.policy.bundle)
        kept = [name for name in names if not self.rank or name == self.rank]
        return [self.policy.rank_ids[name] for name in kept]


def bound(selection: Selection, after: int, most: int) -> list[BoundPlayer]:
    """Return the next players whom the quota binds now, by id."""
    with connection.cursor() as cursor:
        cursor.execute(BOUND, [numbers(selection.rank_ids), belonging(), after, most])
        return [BoundPlayer(*row) for row in cursor.fetchall()]


def standings(period: QuotaPeriod, players: Sequence[BoundPlayer]) -> dict[int, Standing]:
    """Return how players stand in a period, by our player id, in a fixed number of queries."""
    ids, span = [player.id for player in players], span_of(period)
    minutes = activity.minutes(ids, *span)
    counts = sources.hosted_events(ids, span)
    rest = exemptions.spans_in(ids, period.quota, span)
    for player_id, spans in sources.leaves(ids, span).items():
        rest[player_id] = [*rest.get(player_id, ()), *spans]
    past = _past(ids, period)
    return {
        player.id: Standing(
            Figures(minutes.get(player.id, 0), *counts.get(player.id, (0, 0))),
            rested_days(rest.get(player.id, ()), span),
            player.rank_since,
            past.get(player.id, Past()),
        )
        for player in players
    }


def span_of(period: QuotaPeriod) -> Span:
    return Span(period.starts_on, period.ends_on)


def _past(player_ids: Collection[int], period: QuotaPeriod) -> dict[int, Past]:
    with connection.cursor() as cursor:
        cursor.execute(PAST, [numbers(player_ids), period.quota, period.starts_on])
        return {row[0]: Past(row[1], row[2]) for row in cursor.fetchall()}
