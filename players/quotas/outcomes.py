"""What follows missed quotas: an event of the audit log, a warning, or a proposed demotion."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record_many
from common.pg_arrays import numbers, words
from players.active_policy import active
from players.discipline import effects
from players.discipline.sanction_ends import nobody
from players.membership.status import belonging
from players.models import Decision, Player, QuotaPeriod, Sanction
from players.moderation.command import Command
from players.policy.community import Outcome, Quota, quota_of
from players.policy.quotas import Figures, asked, missing, outcome
from players.quotas.standings import Selection, span_of
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import (
    DecisionContext,
    manual_change,
    open_proposal_ids,
    record_decisions,
)

ACTOR = Actor("system", "quotas", "quotas")


MISSES = """
    SELECT r.player_id, p.username, r.misses, r.minutes, r.attended, r.hosted, r.resting
    FROM quota_results r JOIN players p ON p.id = r.player_id
    WHERE r.period_id = %s AND r.state = 'missed' AND r.player_id > %s AND r.misses >= %s
      AND p.erased_at IS NULL
    ORDER BY r.player_id LIMIT %s"""

STORE = """
    UPDATE quota_results r SET outcome = c.outcome
    FROM unnest(%s::bigint[], %s::text[]) AS c(player, outcome)
    WHERE r.player_id = c.player AND r.period_id = %s"""


class _Row(NamedTuple):
    """One player's missed period as it was stored. `id`: ours."""

    id: int
    username: str
    misses: int
    minutes: int
    attended: int
    hosted: int
    resting: int


@dataclass(frozen=True, slots=True)
class _Miss:
    """A miss that has an outcome. `lacks`: in words what was missing."""

    row: _Row
    lacks: Sequence[str]
    outcome: Outcome

    def reason(self, period: QuotaPeriod) -> str:
        times = f", missed {self.row.misses} times in a row" if self.row.misses > 1 else ""
        return f"{period.quota}, {period.key}: {', '.join(self.lacks)}{times}"


def carry_out(period: QuotaPeriod, most: int, now: dt.datetime) -> int | None:
    """Carry out what follows the next misses of a judged period; return the last player's id.

    None if no miss is left. It runs in the transaction that stores how far the period came, so each
    miss has its outcome once.
    """
    quota = quota_of(period.rule)
    rows = _next(period, quota, most)
    if not rows:
        return None
    misses = [_miss(row, quota, period) for row in rows]
    ids = [miss.row.id for miss in misses if miss.outcome is not Outcome.REPORT]
    locked = {player.pk: player for player in _locked(ids)}
    bound = set(Selection(period, active()).rank_ids)
    followed = {
        miss.row.id: _follow(miss, period, _still_bound(locked.get(miss.row.id), bound), now)
        for miss in misses
    }
    record_many([_event(miss, period, followed[miss.row.id]) for miss in misses])
    with connection.cursor() as cursor:
        cursor.execute(STORE, [numbers(followed), words(map(str, followed.values())), period.pk])
    return rows[-1].id


def _next(period: QuotaPeriod, quota: Quota, most: int) -> list[_Row]:
    if not quota.misses:
        return []
    fewest = quota.misses[0].after
    with connection.cursor() as cursor:
        cursor.execute(MISSES, [period.pk, period.followed_through, fewest, most])
        return [_Row(*row) for row in cursor.fetchall()]


def _miss(row: _Row, quota: Quota, period: QuotaPeriod) -> _Miss:
    need, what = asked(quota, span_of(period), row.resting), outcome(quota, row.misses)
    assert need is not None
    assert what is not None
    return _Miss(row, missing(Figures(row.minutes, row.attended, row.hosted), need), what)


def _locked(ids: Collection[int]) -> Iterable[Player]:
    rows = Player.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
    return rows.order_by("user_id").select_related("rank", "former_rank")


def _still_bound(player: Player | None, rank_ids: Collection[int]) -> Player | None:
    """Return the player unless they were banned or changed to a rank that the quota does not bind."""
    if player is None or player.banned or player.rank_id not in rank_ids:
        return None
    return player if player.member in belonging() else None


def _follow(miss: _Miss, period: QuotaPeriod, player: Player | None, now: dt.datetime) -> Outcome:
    """Warn or propose. Return what happened: a report where more is not possible."""
    if player is None:
        return Outcome.REPORT
    command = Command(
        by=nobody(ACTOR), now=now, reason=miss.reason(period), source=Sanction.Source.POLICY
    )
    if miss.outcome is Outcome.WARN:
        effects.warn(player, command)
        return Outcome.WARN
    return Outcome.PROPOSE if _propose(player, command) else Outcome.REPORT


def _propose(player: Player, command: Command) -> bool:
    """Propose the rank below, if there is one and nothing is proposed already."""
    policy = active()
    held = policy.ranks.get(player.rank_id)
    below = policy.bundle.below(held) if held else None
    if below is None or open_proposal_ids([player.pk]):
        return False
    context = DecisionContext(policy, ACTOR, command.now, Decision.Source.SCHEDULE, command.reason)
    candidate = candidate_for(player)
    decision = manual_change(candidate, policy.rank_ids[below.name], context)
    decision.proposed_by = command.by.name
    decision.save()
    record_decisions([(candidate, decision)], context)
    return True


def _event(miss: _Miss, period: QuotaPeriod, followed: Outcome) -> NewEvent:
    row = miss.row
    return NewEvent(
        Action.QUOTA_MISSED,
        actor=ACTOR,
        target=Target("player", str(row.id), row.username, f"player:{row.id}"),
        details={
            "quota": period.quota,
            "period": period.key,
            "misses": row.misses,
            "missing": list(miss.lacks),
            "outcome": str(followed),
        },
    )
