"""Find the audit events that a job reverts: an actor's in a span of time, or those of a job."""

import datetime as dt
from collections.abc import Iterable, Sequence

from audits.actions import Action
from audits.queries import PlacedEvent, events_by_id
from audits.search import EventFilter, find
from common.errors import Refused
from common.parsing import is_row_id
from players.actions import undo
from players.actions.inverses import adjusted_by
from players.actions.registry import INVERSES
from players.active_policy import active
from players.bulk.facts import Case
from players.models import BulkJob, BulkRow, Decision, Player
from players.policy.permissions import Act

MOST_EVENTS = 5_000
LOOKED = 50_000  # the most events of the actor that are scanned, of all kinds and times

_RANKS = {Action.RANK_PROMOTED, Action.RANK_DEMOTED, Action.RANK_SET}


def of_actors(
    actors: tuple[tuple[str, str], ...], since: dt.datetime, until: dt.datetime
) -> list[PlacedEvent]:
    """Return invertible events of these actors (kind, id), newest first.

    From `since` until before `until`. Raises Refused for more than MOST_EVENTS.
    """
    if since >= until:
        raise Refused("until: it ends before it begins; choose a later moment here.")
    actions = tuple(sorted(map(str, INVERSES)))
    found = find(
        EventFilter(actors, actions, since=since, until=until), limit=MOST_EVENTS, looked=LOOKED
    )
    if found.older is not None:
        raise Refused(
            f"until: there are more than {MOST_EVENTS:,} events in that span; choose a shorter one."
        )
    return _newest_first(found.ids)


def of_job(job: BulkJob) -> list[PlacedEvent]:
    """Return the events of a job's completed rows, newest first."""
    done = BulkRow.objects.filter(job=job, status=BulkRow.Status.DONE).values_list(
        "event", flat=True
    )
    return _newest_first(event for event in done if event is not None)


def cases(events: Iterable[PlacedEvent]) -> list[Case]:
    """Return the inverse of each event as a row to judge, in a fixed number of queries."""
    found = list(events)
    impossible = _impossible(found)
    players = _players(found)
    ranks, policy = _ranks(found), active()
    return [
        Case(
            undo.permission_of(event.action) or Act.NOTE,
            players.get(int(event.target_id)) if event.target_kind == "player" else None,
            event.id,
            policy.bundle.by_name.get(ranks.get(event.id, "")),
            adjusted_by(event) if event.action == Action.POINTS_ADJUSTED else 0,
            impossible[event.id],
        )
        for event in found
    ]


def _impossible(events: Sequence[PlacedEvent]) -> dict[int, str]:
    """Return by event id why the event cannot be reverted, or an empty string."""
    options, within = undo.options(events), {event.id for event in events}
    reverted = undo.reverted_by(within)
    found = {}
    for event in events:
        found[event.id] = "" if options[event.id].possible else options[event.id].sentence
        if event.id in reverted:
            found[event.id] = "It was taken back already."
        elif event.reverts in within:
            found[event.id] = "It took back another event of this span; both stay as they are."
    return found


def _players(events: Iterable[PlacedEvent]) -> dict[int, Player]:
    ids = {
        int(event.target_id)
        for event in events
        if event.target_kind == "player" and is_row_id(event.target_id)
    }
    return Player.objects.select_related("rank", "former_rank").in_bulk(ids)


def _newest_first(ids: Iterable[int]) -> list[PlacedEvent]:
    """Sort events so that a later act is reverted before the earlier one that it depends on."""
    return sorted(events_by_id(ids, personal=False).values(), key=lambda event: -event.id)


def _ranks(events: Iterable[PlacedEvent]) -> dict[int, str]:
    """Return the name of the rank after reverting, by event id."""
    found = {
        event.id: str((event.details.get("before") or {}).get("rank") or "")
        for event in events
        if event.action in _RANKS
    }
    rejected = {
        event.id: event.details.get("decision")
        for event in events
        if event.action == Action.DECISION_REJECTED
    }
    named = dict(
        Decision.objects.filter(pk__in=[pk for pk in rejected.values() if pk]).values_list(
            "pk", "to_rank__name"
        )
    )
    return found | {event: named[pk] for event, pk in rejected.items() if pk in named}
