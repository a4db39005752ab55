"""Find players due for a rank change because time passed, in one table scan."""

import datetime as dt
from collections.abc import Callable, Iterator

from django.db import connection, transaction
from django.db.models import F, Q

from audits.record import Actor
from common import database_clock
from common.amounts import points
from players.active_policy import ActivePolicy, active
from players.membership.status import belonging
from players.models import Decision
from players.ranks.candidates import Candidate
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import GONE, evaluate_and_apply

PAGES = 4096  # heap pages (8 kB) a step: 32 MB, some 200,000 players
CHUNK = 500  # players locked at a time

# Finds players with enough points and days for the next rank, or too few points for theirs. The
# policy decides afterwards.
FIND = """
    SELECT p.id FROM players p
    JOIN unnest(%s::bigint[], %s::numeric[], %s::timestamptz[], %s::numeric[])
         AS r(rank, enough, since, too_few) ON p.rank_id = r.rank
    WHERE p.ctid >= %s::tid AND p.ctid < %s::tid AND p.erased_at IS NULL
      AND p.member = ANY(%s) AND (p.points < r.too_few OR p.points >= r.enough AND
           CASE WHEN p.resting_since IS NULL THEN p.rank_since <= r.since
           ELSE p.rank_since - greatest(p.resting_since, p.rank_since) <= r.since - %s END)"""

LOCK = """
    SELECT id, user_id, username, rank_id, rank_since, (points * 100)::bigint, banned, member,
           resting_since FROM players
    WHERE id = ANY(%s::bigint[]) ORDER BY user_id FOR NO KEY UPDATE SKIP LOCKED"""


def evaluate_due(
    now: dt.datetime | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Evaluate everybody whose rank may change because time passed; return the number of decisions.

    It reads the table once, in ranges of heap pages. A range costs as much as its sequential scan,
    memory use stays constant, and only the few due players are locked. A player whose row moves
    meanwhile, or is locked by another transaction, is evaluated next time. `progress` is called
    with the pages done and the number of all pages.
    """
    moment = now or database_clock.now()
    policy = active()
    made = 0
    for ids in _chunks(_with_stale_proposals(policy)):
        made += _settle(ids, policy, moment)
    pages = _pages()
    for first in range(0, pages, PAGES):
        for ids in _chunks(_find(first, moment, policy)):
            made += _settle(ids, policy, moment)
        progress(min(first + PAGES, pages), pages)
    return made


def _with_stale_proposals(policy: ActivePolicy) -> list[int]:
    """Return ids of players with an open proposal that no longer applies, manual or automatic."""
    stale = (
        ~Q(to_rank__in=policy.ranks)
        | ~Q(from_rank=F("player__rank"))
        | Q(player__banned=True)
        | Q(player__member__in=GONE)
    )
    proposals = Decision.objects.filter(
        stale, status=Decision.Status.PROPOSED, player__erased_at=None
    )
    return list(proposals.order_by("player").values_list("player", flat=True))


def _find(first_page: int, now: dt.datetime, policy: ActivePolicy) -> list[int]:
    ranks, enough, since, too_few = [], [], [], []
    for rank_id, rank in policy.ranks.items():
        target = policy.bundle.next_after(rank)
        if target is None and rank.privileged:
            continue
        ranks.append(rank_id)
        enough.append(str(points(target.min_points)) if target else "Infinity")
        since.append(now - dt.timedelta(days=target.min_time_days) if target else now)
        too_few.append(
            "-1"
            if rank.privileged or rank.ignored or rank.is_punishment
            else str(points(rank.min_points))
        )
    with connection.cursor() as cursor:
        stretch = [f"({first_page},0)", f"({first_page + PAGES},0)"]
        cursor.execute(FIND, [ranks, enough, since, too_few, *stretch, belonging(), now])
        return [row[0] for row in cursor.fetchall()]


def _settle(ids: list[int], policy: ActivePolicy, now: dt.datetime) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [ids])
            candidates = [Candidate(*row) for row in cursor.fetchall()]
        outcomes = evaluate_and_apply(
            candidates,
            DecisionContext(
                policy, Actor("system", "schedule", "schedule"), now, Decision.Source.SCHEDULE
            ),
        )
        return sum(outcome.decision is not None for outcome in outcomes)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _pages() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('players') / current_setting('block_size')::int")
        pages: int = cursor.fetchone()[0]
        return pages
