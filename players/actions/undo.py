"""Taking back what was done: each kind of event has an inverse act, judged and limited as that act
is.

The inverse's own event names the event that it takes back, so that either leads to the other.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import transaction

from audits.actions import Action
from audits.models import Reversal
from audits.queries import PlacedEvent, events_by_id
from audits.record import TakenBack
from common.amounts import hundredths
from common.errors import Refused
from common.parsing import is_row_id
from players.discipline import notes, sanctions
from players.models import CONSOLE, LedgerEntry, Note, Player, Recommendation, Sanction
from players.moderation import approvals
from players.moderation.authorization import Done, take_turn, telling_refusals
from players.moderation.command import Command
from players.points import adjustments, recommendations
from players.policy.permissions import Act
from players.ranks import decisions


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether an event can be taken back, and in a sentence what that does, or why it cannot be."""

    possible: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of an event when it is judged: its player, the sanction or note that it is
    about.
    """

    event: PlacedEvent
    player: Player | None
    sanction: Sanction | None
    note: Note | None

    def before(self, name: str) -> Any:
        return (self.event.details.get("before") or {}).get(name)

    def after(self, name: str) -> Any:
        return (self.event.details.get("after") or {}).get(name)


@dataclass(frozen=True, slots=True)
class Inverse:
    """The inverse of a kind of event, judged as `act`. `offer` says what it does, or why not; `do`
    does it.
    """

    act: Act
    offer: Callable[[Scene], Offer]
    do: Callable[[Scene, Command], Done]


def offers(events: Iterable[PlacedEvent]) -> dict[int, Offer]:
    """What taking back each of these events would do, by id, in a fixed number of queries."""
    found = list(events)
    taken = reverted_by(event.id for event in found)
    return {scene.event.id: _offer(scene, taken) for scene in _scenes(found)}


def revert(event_id: int, command: Command) -> Done:
    """Take an event back, once; its possibility is judged with the player locked.

    Raises Refused where that cannot be, NotAllowed where `by` may not do the inverse act.
    """
    event = events_by_id([event_id]).get(event_id)
    if event is None:
        raise Refused(f"There is no event {event_id}.")
    scene = _scene(event)
    inverse = INVERSES.get(event.action)
    act = str(inverse.act) if inverse else "undo"
    user_id = scene.player.user_id if scene.player else None
    with telling_refusals(act, user_id, command.by), transaction.atomic():
        take_turn(command.by.person)
        scene = _locked(event)
        offer = _offer(scene, reverted_by([event_id]))
        if not offer.possible:
            raise Refused(offer.sentence)
        try:
            return INVERSES[event.action].do(scene, replace(command, reverts=event_id))
        except TakenBack as error:
            raise Refused(str(error)) from None


def reverted_by(ids: Iterable[int]) -> dict[int, int]:
    """Of these events, those that were taken back, each with the event that did it."""
    return dict(Reversal.objects.filter(event_id__in=list(ids)).values_list("event_id", "by_event"))


def _why_not(event_id: int) -> str:
    """Why an event cannot be taken back by now; empty when it can. Its player is locked."""
    event = events_by_id([event_id]).get(event_id)
    if event is None:
        return f"There is no event {event_id}."
    offer = _offer(_scene(event), reverted_by([event_id]))
    return "" if offer.possible else offer.sentence


approvals.REVERTING.append(_why_not)


def _scene(event: PlacedEvent) -> Scene:
    return next(iter(_scenes([event])))


def _locked(event: PlacedEvent) -> Scene:
    """What is known of an event once its player is locked."""
    if event.target_kind == "player" and is_row_id(event.target_id):
        Player.objects.select_for_update(no_key=True).filter(pk=int(event.target_id)).first()
    return _scene(event)


def _scenes(events: Iterable[PlacedEvent]) -> list[Scene]:
    found = list(events)
    ids = [
        int(event.target_id)
        for event in found
        if event.target_kind == "player" and is_row_id(event.target_id)
    ]
    players = {
        str(player.pk): player
        for player in Player.objects.filter(pk__in=ids, erased_at=None).select_related(
            "rank", "former_rank"
        )
    }
    numbers = {event.id: _sanction_of(event) for event in found}
    in_force = Sanction.objects.in_bulk(
        [number for number in numbers.values() if number is not None]
    )
    kept = {
        note.event: note for note in Note.objects.filter(event__in=[event.id for event in found])
    }
    return [
        Scene(
            event,
            players.get(event.target_id) if event.target_kind == "player" else None,
            in_force.get(numbers[event.id] or 0),
            kept.get(event.id),
        )
        for event in found
    ]


def _sanction_of(event: PlacedEvent) -> int | None:
    details: Mapping[str, Any] = event.details
    number = (details.get("after") or {}).get("sanction") or (details.get("before") or {}).get(
        "sanction"
    )
    return number if isinstance(number, int) else None


def _offer(scene: Scene, taken: Mapping[int, int]) -> Offer:
    inverse = INVERSES.get(scene.event.action)
    if inverse is None:
        return Offer(
            False,
            ELSEWHERE.get(
                scene.event.action, "It tells what happened; there is nothing to take back."
            ),
        )
    if scene.event.id in taken:
        return Offer(False, f"It was taken back already, by event {taken[scene.event.id]}.")
    if scene.player is None:
        return Offer(False, "The person was erased.")
    return inverse.offer(scene)


def _user(scene: Scene) -> int:
    assert scene.player is not None
    return scene.player.user_id


def _in_force(words: str) -> Callable[[Scene], Offer]:
    """Possible while the event's own sanction is in force."""

    def offer(scene: Scene) -> Offer:
        if scene.sanction is None or scene.sanction.lifted_at is not None:
            return Offer(False, "It is not in force any more.")
        return Offer(True, words)

    return offer


def _lasting(words: str) -> Callable[[Scene], Offer]:
    """Possible while the former end of the event's sanction is still to come."""

    def offer(scene: Scene) -> Offer:
        if scene.sanction is None or scene.event.actor_kind == "system":
            return Offer(False, "It ended by itself.")
        ends = scene.sanction.ends_at
        if ends is not None and ends <= dt.datetime.now(dt.UTC):
            return Offer(False, "It would be over by now.")
        return Offer(
            True, words.format(until=f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "for good")
        )

    return offer


def _offer_adjust(scene: Scene) -> Offer:
    amount = Decimal(str(scene.after("amount") or 0))
    return Offer(
        bool(amount), f"Adjusts them by {-amount:+,} points." if amount else "It changed nothing."
    )


def _offer_rank(scene: Scene) -> Offer:
    assert scene.player is not None
    before, after = scene.before("rank"), scene.after("rank")
    if not before or scene.player.rank.name != after:
        return Offer(False, f"They are {scene.player.rank.name} by now, not {after}.")
    return Offer(True, f"Gives them {before} again.")


def _offer_note(scene: Scene) -> Offer:
    if scene.note is None or scene.note.withdrawn_at is not None:
        return Offer(False, "The note is withdrawn.")
    return Offer(True, "Withdraws the note.")


def _recommendation(scene: Scene) -> Recommendation | None:
    row = LedgerEntry.objects.filter(
        player=scene.player, origin=CONSOLE, batch=scene.event.id, type=recommendations.KIND
    ).first()
    if row is None:
        return None
    given = Recommendation.objects.filter(
        player=scene.player, officer=row.actor_id, created_at=row.occurred_at
    )
    return given.order_by("-pk").first()


def _take_back(scene: Scene, command: Command) -> Done:
    found = _recommendation(scene)
    if found is None:
        raise Refused("It is gone.")
    return recommendations.take_back(found.pk, command)


def _give_rank(scene: Scene, command: Command) -> Done:
    decision = decisions.set_rank(_user(scene), str(scene.before("rank")), command)
    return Done(f"{decision.to_rank} is given back.", decision=decision, player=scene.player)


def _reopen(scene: Scene, command: Command) -> Done:
    decision = decisions.reopen(int(scene.event.details["decision"]), command)
    return Done("It is proposed again.", decision=decision, player=scene.player)


def _withdraw(scene: Scene, command: Command) -> Done:
    assert scene.note is not None
    return notes.withdraw(scene.note.pk, command)


def _again(act: Callable[..., Done]) -> Callable[[Scene, Command], Done]:
    """The act once more, until the end that it had."""

    def do(scene: Scene, command: Command) -> Done:
        assert scene.sanction is not None
        more = (
            {"alt_accounts": scene.sanction.alt_accounts}
            if scene.sanction.kind == Sanction.Kind.BAN
            else {}
        )
        return act(_user(scene), command, until=scene.sanction.ends_at, **more)

    return do


def _pardon(scene: Scene, command: Command) -> Done:
    assert scene.sanction is not None
    return sanctions.pardon(scene.sanction.pk, command)


def _adjust(scene: Scene, command: Command) -> Done:
    return adjustments.adjust(_user(scene), -adjusted_by(scene.event), command)


def adjusted_by(event: PlacedEvent) -> int:
    """The hundredths that an adjustment moved somebody by."""
    return hundredths(Decimal(str((event.details.get("after") or {}).get("amount") or 0)))


INVERSES: dict[str, Inverse] = {
    Action.PLAYER_WARNED: Inverse(
        Act.PARDON, _in_force("Pardons the warning, and what followed from it."), _pardon
    ),
    Action.PLAYER_PARDONED: Inverse(
        Act.WARN,
        lambda scene: Offer(
            True, "Warns them again; what followed before does not come back by itself."
        ),
        lambda scene, command: sanctions.warn(_user(scene), command),
    ),
    Action.PLAYER_SUSPENDED: Inverse(
        Act.LIFT,
        _in_force("Lifts the suspension and gives the rank back."),
        lambda scene, command: sanctions.lift(_user(scene), command),
    ),
    Action.PLAYER_REINSTATED: Inverse(
        Act.SUSPEND, _lasting("Suspends them again, {until}."), _again(sanctions.suspend)
    ),
    Action.PLAYER_BANNED: Inverse(
        Act.UNBAN,
        _in_force("Lifts the ban, once a second person approved."),
        lambda scene, command: sanctions.unban(_user(scene), command),
    ),
    Action.PLAYER_UNBANNED: Inverse(
        Act.BAN,
        _lasting("Bans them again, {until}, once a second person approved."),
        _again(sanctions.ban),
    ),
    Action.POINTS_ADJUSTED: Inverse(Act.ADJUST, _offer_adjust, _adjust),
    Action.RANK_PROMOTED: Inverse(Act.DEMOTE, _offer_rank, _give_rank),
    Action.RANK_DEMOTED: Inverse(Act.PROMOTE, _offer_rank, _give_rank),
    Action.RANK_SET: Inverse(Act.PROMOTE, _offer_rank, _give_rank),
    Action.DECISION_REJECTED: Inverse(
        Act.PROPOSE, lambda scene: Offer(True, "Proposes it again."), _reopen
    ),
    Action.PLAYER_NOTED: Inverse(Act.NOTE, _offer_note, _withdraw),
    Action.PLAYER_RECOMMENDED: Inverse(
        Act.RECOMMEND,
        lambda scene: Offer(True, "Takes the recommendation back, with its points."),
        _take_back,
    ),
}
ELSEWHERE: dict[str, str] = {
    Action.ADJUSTMENT_APPLIED: "A large adjustment is inverted as a whole, under Adjustments.",
    Action.POLICY_ACTIVATED: "The former version is put in force again under Policy.",
    Action.ACCESS_GRANTED: "The role is taken away under Access.",
    Action.QUARANTINE_DISCARDED: "Two owners can still release it on the page of the quarantine.",
    Action.KEY_REVOKED: "A revoked key stays closed; make a new one.",
}
