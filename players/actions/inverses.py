"""How an event is undone: the inverse act, its parameters, and whether it is still possible."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from audits.queries import PlacedEvent
from common import database_clock
from common.amounts import hundredths
from players.actions.params import (
    AdjustmentParams,
    Ban,
    DecisionId,
    Exemption,
    ExemptionId,
    LastDay,
    LeavePeriod,
    NoteId,
    Params,
    Pardon,
    RankName,
    RecommendationId,
    Suspension,
    Until,
)
from players.models import (
    CONSOLE,
    Leave,
    LedgerEntry,
    Note,
    Player,
    QuotaExemption,
    RankRestriction,
    Recommendation,
    Sanction,
)
from players.points.recommendations import KIND
from players.policy.permissions import Act


@dataclass(frozen=True, slots=True)
class UndoOption:
    """Whether an event can be undone, and a sentence with the effect or the obstacle."""

    possible: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class UndoFacts:
    """An event with its player and the row that it concerns."""

    event: PlacedEvent
    player: Player | None
    sanction: Sanction | None
    note: Note | None
    leave: Leave | None = None
    restriction: RankRestriction | None = None

    def before(self, name: str) -> Any:
        return (self.event.details.get("before") or {}).get(name)

    def after(self, name: str) -> Any:
        return (self.event.details.get("after") or {}).get(name)


@dataclass(frozen=True, slots=True)
class Inverse:
    """The act of the registry that undoes an event.

    `permission`: the act by which it is judged, if not the inverse act's own.
    """

    action: str
    option: Callable[[UndoFacts], UndoOption]
    params: Callable[[UndoFacts], Params] = lambda facts: Params()
    permission: Act | None = None


def always(sentence: str) -> Callable[[UndoFacts], UndoOption]:
    return lambda facts: UndoOption(True, sentence)


def while_in_force(sentence: str) -> Callable[[UndoFacts], UndoOption]:
    """Allow the undo while the event's own sanction is in force."""

    def option(facts: UndoFacts) -> UndoOption:
        if facts.sanction is None or facts.sanction.lifted_at is not None:
            return UndoOption(False, "It is not in force any more.")
        return UndoOption(True, sentence)

    return option


def until_former_end(sentence: str) -> Callable[[UndoFacts], UndoOption]:
    """Allow the undo until the original end of the event's sanction."""

    def option(facts: UndoFacts) -> UndoOption:
        if facts.sanction is None or facts.event.actor_kind == "system":
            return UndoOption(False, "It ended by itself.")
        ends = facts.sanction.ends_at
        if ends is not None and ends <= database_clock.now():
            return UndoOption(False, "It would be over by now.")
        until = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "for good"
        return UndoOption(True, sentence.format(until=until))

    return option


def adjustment(facts: UndoFacts) -> UndoOption:
    amount = Decimal(str(facts.after("amount") or 0))
    if not amount:
        return UndoOption(False, "It changed nothing.")
    return UndoOption(True, f"Adjusts them by {-amount:+,} points.")


def rank(facts: UndoFacts) -> UndoOption:
    assert facts.player is not None
    before, after = facts.before("rank"), facts.after("rank")
    if not before or facts.player.rank.name != after:
        return UndoOption(False, f"They are {facts.player.rank.name} by now, not {after}.")
    return UndoOption(True, f"Gives them {before} again.")


def note(facts: UndoFacts) -> UndoOption:
    if facts.note is None or facts.note.withdrawn_at is not None:
        return UndoOption(False, "The note is withdrawn.")
    return UndoOption(True, "Withdraws the note.")


def granted_leave(facts: UndoFacts) -> UndoOption:
    if facts.leave is None or facts.leave.status != Leave.Status.APPROVED:
        return UndoOption(False, "The leave is over.")
    return UndoOption(True, "Ends the leave.")


def moved_end(facts: UndoFacts) -> UndoOption:
    possible, before = granted_leave(facts), facts.before("lastDay")
    if not possible.possible:
        return possible
    if facts.leave is None or str(facts.leave.last_day) != facts.after("lastDay"):
        return UndoOption(False, "Its last day was moved again.")
    if not before or before < _today():
        return UndoOption(False, "The former last day has passed.")
    return UndoOption(True, f"It ends on {before} again.")


def lost_leave(facts: UndoFacts) -> UndoOption:
    """Allow to grant a leave again until its last day, but not if its member ended it."""
    last = former_last_day(facts)
    if facts.event.actor_kind != "staff":
        return UndoOption(False, "They ended it themselves, or it was over.")
    if facts.leave is None or not last or last < _today():
        return UndoOption(False, "It would be over by now.")
    return UndoOption(True, f"Grants the leave until {last}.")


def former_last_day(facts: UndoFacts) -> str:
    """Return the last day before the event as `2030-01-31`."""
    return str(facts.before("lastDay") or facts.after("lastDay") or "")


def lost_days(facts: UndoFacts) -> LeavePeriod:
    first = max(str(facts.after("firstDay")), _today())
    return LeavePeriod(
        last=dt.date.fromisoformat(former_last_day(facts)), first=dt.date.fromisoformat(first)
    )


def former_end(facts: UndoFacts) -> LastDay:
    return LastDay(last=dt.date.fromisoformat(former_last_day(facts)))


def _today() -> str:
    return database_clock.now().astimezone(dt.UTC).date().isoformat()


def restriction(sentence: str) -> Callable[[UndoFacts], UndoOption]:
    """Allow the undo while the event's own lock or denial is in force."""

    def option(facts: UndoFacts) -> UndoOption:
        one = facts.restriction
        if one is None or one.lifted_at is not None or _is_over(one):
            return UndoOption(False, "It is not in force any more.")
        return UndoOption(True, sentence)

    return option


def lifted_lock(facts: UndoFacts) -> UndoOption:
    if facts.restriction is None or _is_over(facts.restriction):
        return UndoOption(False, "It would be over by now.")
    return UndoOption(True, "Locks their promotions again.")


def allowed_rank(facts: UndoFacts) -> UndoOption:
    if facts.restriction is None:
        return UndoOption(False, "The denial is not known any more.")
    return UndoOption(True, f"Denies them the rank {facts.restriction.rank} again.")


def _is_over(one: RankRestriction) -> bool:
    return one.ends_at is not None and one.ends_at <= database_clock.now()


def running_exemption(facts: UndoFacts) -> UndoOption:
    row = _exemption(facts)
    if row is None or row.ended_at is not None:
        return UndoOption(False, "It is not in force any more.")
    return UndoOption(True, "Ends the exemption.")


def lost_exemption(facts: UndoFacts) -> UndoOption:
    until = same_exemption(facts).until
    if until is not None and until <= database_clock.now():
        return UndoOption(False, "It would be over by now.")
    return UndoOption(True, "Exempts them again.")


def own_exemption(facts: UndoFacts) -> ExemptionId:
    return ExemptionId(exemption=int(facts.after("exemption") or 0))


def same_exemption(facts: UndoFacts) -> Exemption:
    """Return the exemption that the event ended. Its last day lasts until midnight UTC."""
    last = facts.before("until")
    end = dt.datetime.fromisoformat(f"{last}T23:59:59+00:00") if last else None
    return Exemption(quota=str(facts.before("quota") or ""), until=end)


def _exemption(facts: UndoFacts) -> QuotaExemption | None:
    return QuotaExemption.objects.filter(pk=own_exemption(facts).exemption).first()


def adjusted_by(event: PlacedEvent) -> int:
    """Return the hundredths of an adjustment."""
    return hundredths(Decimal(str((event.details.get("after") or {}).get("amount") or 0)))


def opposite_amount(facts: UndoFacts) -> AdjustmentParams:
    return AdjustmentParams(amount=-adjusted_by(facts.event))


def former_rank(facts: UndoFacts) -> RankName:
    return RankName(rank=str(facts.before("rank")))


def own_decision(facts: UndoFacts) -> DecisionId:
    return DecisionId(decision=int(facts.event.details["decision"]))


def own_note(facts: UndoFacts) -> NoteId:
    assert facts.note is not None
    return NoteId(note=facts.note.pk)


def own_warning(facts: UndoFacts) -> Pardon:
    assert facts.sanction is not None
    return Pardon(sanction=facts.sanction.pk)


def same_suspension(facts: UndoFacts) -> Suspension:
    assert facts.sanction is not None
    return Suspension(until=facts.sanction.ends_at)


def same_ban(facts: UndoFacts) -> Ban:
    assert facts.sanction is not None
    return Ban(until=facts.sanction.ends_at, alt_accounts=facts.sanction.alt_accounts)


def former_lock(facts: UndoFacts) -> Until:
    assert facts.restriction is not None
    return Until(until=facts.restriction.ends_at)


def denied_rank(facts: UndoFacts) -> RankName:
    assert facts.restriction is not None
    return RankName(rank=str(facts.restriction.rank))


def own_recommendation(facts: UndoFacts) -> RecommendationId:
    """Return the recommendation that the event's ledger row belongs to, or 0 if it is gone."""
    row = LedgerEntry.objects.filter(
        player=facts.player, origin=CONSOLE, batch=facts.event.id, type=KIND
    ).first()
    if row is None:
        return RecommendationId(recommendation=0)
    given = Recommendation.objects.filter(
        player=facts.player, officer=row.actor_id, created_at=row.occurred_at
    )
    newest = given.order_by("-pk").values_list("pk", flat=True).first()
    return RecommendationId(recommendation=newest or 0)
