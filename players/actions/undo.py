"""Undo events by the inverse acts that the registry names.

The inverse is judged and limited like any other act. Its own event refers to the undone event, so
each leads to the other.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from audits.actions import Action
from audits.models import Reversal
from audits.queries import PlacedEvent, events_by_id
from audits.record import TakenBack
from common.errors import Refused
from common.parsing import is_row_id
from players.actions.inverses import UndoFacts, UndoOption
from players.actions.registry import BY_NAME, INVERSES
from players.hosted_events import awarding
from players.models import Leave, Note, Player, RankRestriction, Sanction
from players.moderation import approvals
from players.moderation.command import ActionResult, Command
from players.moderation.locks import take_turn
from players.moderation.refusals import audit_refusals
from players.policy.permissions import Act

# Events that one function takes back as a whole, since they changed many players.
WHOLE: dict[str, Callable[[int, Command], ActionResult]] = {
    Action.HOSTED_EVENT_AWARDED: awarding.undo,
}
OF_WHOLE = "Takes the award back from everybody who got it, in one step."

ELSEWHERE: dict[str, str] = {
    Action.ADJUSTMENT_APPLIED: "A large adjustment is inverted as a whole, under Adjustments.",
    Action.REPORTS_MUTED: "Their reports are accepted again by the case file, under Reports.",
    Action.POLICY_ACTIVATED: "The former version is put in force again under Policy.",
    Action.ACCESS_GRANTED: "The role is taken away under Access.",
    Action.QUARANTINE_DISCARDED: "Two owners can still release it on the page of the quarantine.",
    Action.KEY_REVOKED: "A revoked key stays closed; make a new one.",
}


def options(events: Iterable[PlacedEvent]) -> dict[int, UndoOption]:
    """Return what undoing each of these events would do, by id, in a fixed number of queries."""
    found = list(events)
    taken = reverted_by(event.id for event in found)
    return {facts.event.id: _option(facts, taken) for facts in _load_facts(found)}


def permission_of(event_action: str) -> Act | None:
    """Return the act by which the undo of such an event is judged."""
    inverse = INVERSES.get(event_action)
    if inverse is None:
        return None
    return inverse.permission or BY_NAME[inverse.action].permission


def revert(event_id: int, command: Command) -> ActionResult:
    """Undo an event, once. Whether that is possible is judged with the player locked.

    Raises Refused if it is not possible, NotAllowed if `by` may not do the inverse act.
    """
    event = events_by_id([event_id]).get(event_id)
    if event is None:
        raise Refused(f"There is no event {event_id}.")
    if event.action in WHOLE:
        return _revert_whole(event, command)
    player = _facts_of(event).player
    act = str(permission_of(event.action) or "undo")
    with (
        audit_refusals(act, player.user_id if player else None, command.by),
        transaction.atomic(),
    ):
        take_turn(command.by.person)
        facts = _locked(event)
        option = _option(facts, reverted_by([event_id]))
        if not option.possible:
            raise Refused(option.sentence)
        try:
            return _perform_inverse(facts, command)
        except TakenBack as error:
            raise Refused(str(error)) from None


def _revert_whole(event: PlacedEvent, command: Command) -> ActionResult:
    try:
        return WHOLE[event.action](event.id, command)
    except TakenBack as error:
        raise Refused(str(error)) from None


def _perform_inverse(facts: UndoFacts, command: Command) -> ActionResult:
    assert facts.player is not None
    inverse = INVERSES[facts.event.action]
    command = replace(command, reverts=facts.event.id)
    return BY_NAME[inverse.action].perform(facts.player.user_id, inverse.params(facts), command)


def reverted_by(ids: Iterable[int]) -> dict[int, int]:
    """Return those events that were undone, each with the id of the undoing event."""
    return dict(Reversal.objects.filter(event_id__in=list(ids)).values_list("event_id", "by_event"))


def _why_not(event_id: int) -> str:
    """Return why an event cannot be undone now, or "". Its player must be locked."""
    event = events_by_id([event_id]).get(event_id)
    if event is None:
        return f"There is no event {event_id}."
    option = _option(_facts_of(event), reverted_by([event_id]))
    return "" if option.possible else option.sentence


approvals.REVERTING.append(_why_not)


def _facts_of(event: PlacedEvent) -> UndoFacts:
    return next(iter(_load_facts([event])))


def _locked(event: PlacedEvent) -> UndoFacts:
    """Lock an event's player and return the event's facts."""
    if event.target_kind == "player" and is_row_id(event.target_id):
        Player.objects.select_for_update(no_key=True).filter(pk=int(event.target_id)).first()
    return _facts_of(event)


def _load_facts(events: Iterable[PlacedEvent]) -> list[UndoFacts]:
    found = list(events)
    ids = [
        int(event.target_id)
        for event in found
        if event.target_kind == "player" and is_row_id(event.target_id)
    ]
    rows = Player.objects.filter(pk__in=ids, erased_at=None).select_related("rank", "former_rank")
    players = {str(player.pk): player for player in rows}
    numbers = {event.id: _row_of(event, "sanction") for event in found}
    leaves = Leave.objects.in_bulk([pk for one in found if (pk := _row_of(one, "leave"))])
    sanctions = Sanction.objects.in_bulk([pk for pk in numbers.values() if pk is not None])
    restricted = {event.id: _row_of(event, "restriction") for event in found}
    restrictions = RankRestriction.objects.select_related("rank").in_bulk(
        [pk for pk in restricted.values() if pk is not None]
    )
    notes = {
        note.event: note for note in Note.objects.filter(event__in=[event.id for event in found])
    }
    return [
        UndoFacts(
            event,
            players.get(event.target_id) if event.target_kind == "player" else None,
            sanctions.get(numbers[event.id] or 0),
            notes.get(event.id),
            leaves.get(_row_of(event, "leave") or 0),
            restrictions.get(restricted[event.id] or 0),
        )
        for event in found
    ]


def _row_of(event: PlacedEvent, kind: str) -> int | None:
    """Return the id of the row that an event names by its kind, such as "sanction"."""
    details: Mapping[str, Any] = event.details
    after, before = details.get("after") or {}, details.get("before") or {}
    number = after.get(kind) or before.get(kind)
    return number if isinstance(number, int) else None


def _option(facts: UndoFacts, taken: Mapping[int, int]) -> UndoOption:
    action = facts.event.action
    if action in WHOLE:
        already = taken.get(facts.event.id)
        if already is not None:
            return UndoOption(False, f"It was taken back already, by event {already}.")
        return UndoOption(True, OF_WHOLE)
    if action not in INVERSES:
        nothing = "It tells what happened; there is nothing to undo."
        return UndoOption(False, ELSEWHERE.get(action, nothing))
    if facts.event.id in taken:
        return UndoOption(False, f"It was taken back already, by event {taken[facts.event.id]}.")
    if facts.player is None:
        return UndoOption(False, "The person was erased.")
    return INVERSES[action].option(facts)
