"""Queries of the public API and of the search in games. Public ones return no disciplinary data."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from common.amounts import hundredths
from players import former_usernames, leaderboard
from players.active_policy import ActivePolicy
from players.models import Player
from players.policy.membership import MembershipStatus
from players.policy.ranks import Evaluation
from players.policy.warning_thresholds import sanction_of
from players.ranks.candidates import Candidate
from players.ranks.evaluation import assess

PLAYER = f"""
    SELECT p.id, p.user_id, p.username, p.display_name, p.points, coalesce(p.former_rank_id, p.rank_id),
           coalesce(p.former_rank_since, p.rank_since), p.kos, p.wos, p.synced_at,
           ({leaderboard.AHEAD.format(value="(p.points * 100)::bigint")} + 1)::bigint
    FROM players p WHERE p.user_id = %s AND p.listed"""

# Rows that awarded nothing are left out, since a run of them would reveal a suspension. Rows that
# do not count are left out too.
HISTORY = """
    SELECT l.id, l.origin, l.type, l.magnitude, l.awarded, l.occurred_at FROM ledger l
    LEFT JOIN experience_points e ON e.player_id = l.player_id AND e.origin = l.origin
    WHERE l.player_id = %s AND l.awarded <> 0 AND (l.occurred_at, l.id) < (%s, %s)
      AND coalesce(e.counted, true)
    ORDER BY l.occurred_at DESC, l.id DESC LIMIT """


@dataclass(frozen=True, slots=True)
class Profile:
    """A listed player in public. A suspended player keeps their former rank here."""

    id: int
    user_id: int
    username: str
    display_name: str
    points: Decimal
    rank_id: int
    rank_since: dt.datetime
    kos: int
    wos: int
    synced_at: dt.datetime
    position: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    id: int
    origin: str
    type: str
    magnitude: int
    awarded: Decimal
    occurred_at: dt.datetime


def profile(user_id: int) -> Profile | None:
    with connection.cursor() as cursor:
        cursor.execute(PLAYER, [user_id])
        row = cursor.fetchone()
    return Profile(*row) if row else None


def progress(player: Profile, policy: ActivePolicy, now: dt.datetime) -> Evaluation | None:
    """Evaluate the player's public rank. None if the policy no longer has this rank."""
    candidate = Candidate(
        player.id,
        player.user_id,
        player.username,
        player.rank_id,
        player.rank_since,
        hundredths(player.points),
        member=MembershipStatus.MEMBER,  # only members are listed
    )
    return assess([candidate], policy, now).get(player.id)


def listed_player(user_id: int) -> tuple[int, Decimal] | None:
    """Return the id and the points of a listed player."""
    return Player.objects.filter(user_id=user_id, listed=True).values_list("id", "points").first()


def history(player_id: int, limit: int, before: tuple[dt.datetime, int]) -> list[HistoryRow]:
    """Return ledger rows that count and are older than `before` (time and id), newest first."""
    with connection.cursor() as cursor:
        cursor.execute(f"{HISTORY}{limit:d}", [player_id, *before])
        return [HistoryRow(*row) for row in cursor.fetchall()]


def search_with_sanctions(
    prefix: str, limit: int
) -> list[tuple[leaderboard.LeaderboardLine, str | None]]:
    """Find players, members or not, by the start of their present or a former username.

    Each comes with the sanction in force that games may show: `suspension`, `ban` or None.
    """
    lines = leaderboard.search(prefix, limit, everybody=True)
    if len(lines) < limit:
        known = {line.id for line in lines}
        former = former_usernames.beginning_with(prefix, limit).keys() - known
        lines += leaderboard.lines_of(sorted(former))[: limit - len(lines)]
    rows = Player.objects.filter(pk__in=[line.id for line in lines]).values_list(
        "pk", "banned", "rank__is_punishment"
    )
    sanctions = {key: sanction_of(banned, punished) for key, banned, punished in rows}
    return [(line, sanctions.get(line.id)) for line in lines]
