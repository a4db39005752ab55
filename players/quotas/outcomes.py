"""What follows missed quotas: an event of the audit log, a warning, or a proposed demotion."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record_many
from players.active_policy import active
from players.discipline import effects
from players.discipline.sanction_ends import nobody
from players.models import Decision, Player, QuotaPeriod, Sanction
from players.moderation.command import Command
from players.policy.community import Outcome, quota_of
from players.policy.quotas import Judgement, Standing, State, missing, outcome
from players.quotas.standings import BoundPlayer
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import (
    DecisionContext,
    manual_change,
    open_proposal_ids,
    record_decisions,
)

ACTOR = Actor("system", "quotas", "quotas")


@dataclass(frozen=True, slots=True)
class _Miss:
    """One player's miss that has an outcome."""

    player: BoundPlayer
    judgement: Judgement
    standing: Standing
    outcome: Outcome

    def reason(self, period: QuotaPeriod) -> str:
        times = f", missed {self.judgement.misses} times in a row"
        lacks = ", ".join(missing(self.standing.done, self.judgement.asked))
        return f"{period.quota}, {period.key}: {lacks}" + (
            times if self.judgement.misses > 1 else ""
        )


def carry_out(
    period: QuotaPeriod,
    players: Sequence[BoundPlayer],
    found: Mapping[int, Standing],
    judged: Mapping[int, Judgement],
    now: dt.datetime,
) -> dict[int, str]:
    """Carry out what follows the misses of a page. Return each player's outcome by our id.

    It runs in the transaction that writes their results, so each miss has its outcome once.
    """
    quota = quota_of(period.rule)
    misses = [
        _Miss(player, judged[player.id], found[player.id], what)
        for player in players
        if judged[player.id].state is State.MISSED
        and (what := outcome(quota, judged[player.id].misses)) is not None
    ]
    ids = [miss.player.id for miss in misses if miss.outcome is not Outcome.REPORT]
    rows = (
        Player.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=ids)
        .order_by("user_id")
    )
    locked = {player.pk: player for player in rows.select_related("rank", "former_rank")}
    followed = {
        miss.player.id: _follow(miss, period, locked.get(miss.player.id), now) for miss in misses
    }
    record_many([_event(miss, period, followed[miss.player.id]) for miss in misses])
    return {player_id: str(what) for player_id, what in followed.items()}


def _follow(miss: _Miss, period: QuotaPeriod, player: Player | None, now: dt.datetime) -> Outcome:
    """Warn or propose. Return what happened: a report where more is not possible."""
    command = Command(
        by=nobody(ACTOR), now=now, reason=miss.reason(period), source=Sanction.Source.POLICY
    )
    if player is None or player.rank_id != miss.player.rank_id:
        return Outcome.REPORT
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
    player = miss.player
    return NewEvent(
        Action.QUOTA_MISSED,
        actor=ACTOR,
        target=Target("player", str(player.id), player.username, f"player:{player.id}"),
        details={
            "quota": period.quota,
            "period": period.key,
            "misses": miss.judgement.misses,
            "missing": list(missing(miss.standing.done, miss.judgement.asked)),
            "outcome": str(followed),
        },
    )
