"""`ingest`: store one batch of a game server's events in one transaction with one audit event.

The steps: lock the players, append the rows, merge them into sessions and days, check them against
the laws of the policy, evaluate the players' ranks, answer.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import DataError, OperationalError, transaction
from psycopg.errors import NumericValueOutOfRange

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record_many
from common import metric_errors, retry
from common.pipeline import pipeline
from players import leaderboard
from players.active_policy import ActivePolicy, active
from players.activity import landing as activity
from players.activity.landing import MinutesViolation
from players.activity.reports import ReportedMinutes
from players.experiences import counting, origins
from players.locking import PlayerRow, create_players, send_lock
from players.membership import freshness
from players.models import Decision
from players.points import event_recommendations, landing, renames, violations
from players.points.batch_state import BatchState, Destination
from players.points.event_parser import Batch, ItemResult, ReportedEvent, Server
from players.points.metrics import EVENTS, MISMATCHES
from players.points.receipts import Receipt, player_states
from players.points.violations import PlayerViolation
from players.policy import checks
from players.policy.counters import EMPTY
from players.privacy import orders
from players.quarantines import detection, isolation
from players.quarantines.detection import Source
from players.ranks.candidates import Candidate, candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

OVERFLOW = "the player's sums would be larger than what is kept; check the server's amounts."
FOLD_EVERY = 4_000  # players changed by this process

_moves = 0


@dataclass(frozen=True, slots=True)
class _Delivery:
    """The source of a batch, and the policy and moment that apply to it."""

    source: Source
    policy: ActivePolicy
    now: dt.datetime

    @property
    def actor(self) -> Actor:
        return Actor("experience", self.source.experience, self.source.experience)


class _Unknown(Exception):
    """Some players of the batch do not exist yet."""

    def __init__(self, user_ids: Iterable[int]) -> None:
        super().__init__("some players do not exist yet")
        self.user_ids = sorted(set(user_ids))


def ingest(experience: str, batch: Batch, *, now: dt.datetime, key: int | None = None) -> Receipt:
    """Store `batch` of an experience. Sending it again, in part or as a whole, changes nothing.

    `key`: our id of the key that sent it, or None for the experience's queue. Events that do not
    count (private servers, quarantine) are stored and confirmed too. Raises OperationalError if the
    database is unavailable, or still contended after retry.ATTEMPTS attempts.
    """
    delivery = _Delivery(Source(experience, key), active(), now)
    receipt, new_players = Receipt(rejected=batch.rejected), list[int]()
    receipt.rejected_activity = batch.rejected_activity
    for origin, part in _by_origin(experience, batch).items():
        answer, new = _land_with_retries(origin, part, delivery)
        receipt.add(answer)
        new_players += new
    freshness.on_join(new_players, experience)
    _count(experience, receipt)
    _fold_sometimes(len(receipt.players))
    return receipt


def _by_origin(experience: str, batch: Batch) -> dict[str, Batch]:
    """Split the batch by origin. Usually there is one.

    Every part carries the batch's `rejected` items.
    """
    reported = batch.reports
    if not any(one.apart for one in reported):
        return {experience: batch} if reported else {}
    parts: dict[str, Batch] = {}
    counts = counting.in_force(experience)
    for one in reported:
        origin = counting.place_of(experience, one.apart, counts)
        part = parts.setdefault(origin, Batch(batch.server, rejected=batch.rejected))
        if isinstance(one, ReportedEvent):
            part.events.append(one)
        else:
            part.activity.append(one)
    return parts


def _land_with_retries(origin: str, batch: Batch, delivery: _Delivery) -> tuple[Receipt, list[int]]:
    """Store a part of the batch; return its receipt and the players that are new."""
    create, new = False, list[int]()
    for attempt in range(1, retry.ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _land(origin, batch, delivery, create=create), new
        except _Unknown as unknown:
            batch, create = _without_erased(batch), True
            new = sorted(set(unknown.user_ids) & batch.user_ids)
            if not batch.user_ids:
                return Receipt(rejected=batch.rejected), []
        except detection.Tripped as tripped:
            # The next attempt goes into the quarantine.
            detection.open_quarantine(delivery.source, tripped.cause, delivery.now)
        except OperationalError as error:
            retry.pause_or_raise(error, attempt)
        except DataError as error:
            if not isinstance(error.__cause__, NumericValueOutOfRange):
                raise
            return _land_by_player(origin, batch, delivery)
    raise OperationalError("players vanish as fast as they are made; send the batch again")


def _land_by_player(origin: str, batch: Batch, delivery: _Delivery) -> tuple[Receipt, list[int]]:
    """Store each player's events separately after an overflow, and the minutes by themselves.

    Reject the events of the player whose sum overflows.
    """
    parts: dict[int, Batch] = {}
    for event in batch.events:
        part = parts.setdefault(event.user_id, Batch(batch.server))
        part.events.append(event)
    if len(parts) == 1 and not batch.activity:
        results = [ItemResult(event.item, "INVALID", OVERFLOW) for event in batch.events]
        return Receipt(rejected=[*batch.rejected, *results]), []
    receipt, new_players, rejected = Receipt(), list[int](), batch.rejected
    minutes = [Batch(batch.server, activity=batch.activity)] if batch.activity else []
    for one in (*minutes, *parts.values()):
        answer, new = _land_with_retries(origin, one, delivery)
        rejected = rejected + answer.rejected
        receipt.add(answer)
        new_players += new
    receipt.rejected = rejected
    return receipt, new_players


def _without_erased(batch: Batch) -> Batch:
    """Reject events from before a person's erasure, since they would create the person again."""
    since = orders.erased(batch.user_ids)
    if not since:
        return batch
    late = {
        event.item
        for event in batch.events
        if event.user_id in since and _before(event.at, since[event.user_id])
    }
    detail = "the person was erased at Roblox's order; drop it."
    results = [ItemResult(item, "ERASED", detail) for item in sorted(late)]
    kept = [event for event in batch.events if event.item not in late]
    minutes = [one for one in batch.activity if _began_after_erasure(one, since)]
    return replace(batch, events=kept, activity=minutes, rejected=[*batch.rejected, *results])


def _began_after_erasure(one: ReportedMinutes, since: Mapping[int, dt.datetime | None]) -> bool:
    """Return whether a day's minutes are of the time after the person's erasure."""
    erased_at = since.get(one.user_id)
    return one.user_id not in since or (erased_at is not None and one.day > erased_at.date())


def _before(at: dt.datetime, erased_at: dt.datetime | None) -> bool:
    return erased_at is None or at <= erased_at


def _land(origin: str, batch: Batch, delivery: _Delivery, *, create: bool) -> Receipt:
    """Make one attempt to store the batch.

    New players are created in a second attempt, before it takes any lock. So two batches cannot
    deadlock, and a batch without new players has no extra cost.
    """
    created = _create_players(batch, delivery) if create else 0
    state = _lock(origin, batch, delivery)
    state.tally.new_players = created
    landing.append(state)
    touched = state.touched()
    _write_totals(state, touched, delivery)
    minutes = violations.of_minutes(state, _land_minutes(state, batch.activity, delivery))
    notices, found = violations.check(state)
    if state.destination.counts:
        notices += event_recommendations.count(state)
    with pipeline():
        _record(state, batch, [*found, *minutes], delivery)
        candidates = _candidates(state, touched, delivery.now)
    new_ranks = _evaluate(candidates, delivery) if candidates else {}
    if state.destination.quarantine is None:
        state.tally.breaches = len(minutes)
        _guard(state, touched, found, delivery)
    else:
        awarded = sum(event.awarded for event in state.landed)
        isolation.note(state.destination.quarantine, len(state.landed), awarded)
    return Receipt(
        accepted=len(state.landed),
        duplicates=len(batch.events) - len(state.landed),
        rejected=batch.rejected,
        notices=sorted(notices, key=lambda notice: notice.index),
        players=player_states(state, new_ranks),
        activity=activity.stored(state.destination.origin, batch.activity, state.players)
        if batch.activity
        else [],
    )


def _land_minutes(
    state: BatchState, reports: Sequence[ReportedMinutes], delivery: _Delivery
) -> list[MinutesViolation]:
    """Store the batch's active minutes, if the policy counts them."""
    if not reports or state.policy.bundle.community.activity is None:
        return []
    return activity.land(state.destination.origin, reports, state.players, delivery.now)


def _create_players(batch: Batch, delivery: _Delivery) -> int:
    """Create the players who do not exist, with the names of their newest events."""
    events = sorted(batch.events, key=lambda event: event.at)
    names = {one.user_id: (one.username, one.display_name) for one in batch.activity}
    names |= {one.user_id: (one.username, one.display_name) for one in events}
    policy = delivery.policy
    return create_players(names, policy.rank_ids[policy.bundle.first.name], delivery.now)


def _lock(origin: str, batch: Batch, delivery: _Delivery) -> BatchState:
    """Lock the players and find the batch's destination. Raises _Unknown."""
    with pipeline():
        locking = send_lock(batch.user_ids)
        standing = isolation.send_begin(delivery.source)
        players, (batch_id, found) = locking.read(), standing.read()
    if unknown := batch.user_ids - players.keys():
        raise _Unknown(unknown)
    destination = _destination(origin, delivery.source, found)
    return BatchState(batch_id, destination, found, delivery.policy, batch.events, players)


def _destination(origin: str, source: Source, found: isolation.Isolation) -> Destination:
    """Return where the batch's rows go.

    Rows that count go into the source's open quarantine, if it has one. Rows that do not count keep
    their origin.
    """
    if found.held is None or origin != source.experience or not isolation.lock(found.held):
        return Destination(origin, found.counts and not origins.is_apart(origin))
    held = isolation.origin_of(source.experience, found.held)
    return Destination(held, counts=False, quarantine=found.held)


def _write_totals(state: BatchState, touched: Sequence[PlayerRow], delivery: _Delivery) -> None:
    """Write sessions, days, names and points of the new rows."""
    if not touched:
        return
    state.tally.renames = renames.take(state, delivery.now)
    counts = state.destination.counts
    with pipeline():
        days = landing.write_totals(state)
        written = state.ledger.add_to_players(touched, delivery.now, counts=counts)
        state.days = days.read()
        written.read()


def _record(
    state: BatchState, batch: Batch, found: Iterable[PlayerViolation], delivery: _Delivery
) -> None:
    """Write one audit event for the new rows, and one for each violation."""
    landed = [_batch_entry(state, batch, delivery)] if state.landed else []
    experience, actor = delivery.source.experience, delivery.actor
    record_many([*landed, *(one.entry(actor, experience, state.policy) for one in found)])


def _batch_entry(state: BatchState, batch: Batch, delivery: _Delivery) -> NewEvent:
    origin, experience = state.destination.origin, delivery.source.experience
    return NewEvent(
        Action.POINTS_INGESTED,
        actor=delivery.actor,
        target=Target("experience", experience, ""),
        event_id=state.id,
        experience=experience,
        policy_version=state.policy.bundle.version,
        details={
            "accepted": len(state.landed),
            "duplicates": len(batch.events) - len(state.landed),
            "rejected": dict(sorted(Counter(result.code for result in batch.rejected).items())),
            "digest": state.ledger.digest(state.landed),
            **({} if origin == experience else {"origin": origin}),
            **_server(batch.server),
        },
    )


def _server(server: Server) -> dict[str, str]:
    return {"placeId": str(server.place_id), "jobId": server.job_id}


def _candidates(
    state: BatchState, touched: Sequence[PlayerRow], now: dt.datetime
) -> list[Candidate]:
    if not touched or not state.destination.counts:
        return []
    candidates = [candidate_for_row(player) for player in touched]
    return may_change_rank(candidates, state.policy, now)


def _evaluate(candidates: Sequence[Candidate], delivery: _Delivery) -> dict[int, int]:
    """Evaluate the players' ranks; return new rank ids by player id where applied at once."""
    outcomes = evaluate_and_apply(
        candidates,
        DecisionContext(delivery.policy, delivery.actor, delivery.now, Decision.Source.EVENTS),
    )
    return {
        outcome.candidate.id: outcome.decision.to_rank_id
        for outcome in outcomes
        if outcome.decision is not None and outcome.decision.status == Decision.Status.APPLIED
    }


def _guard(
    state: BatchState,
    touched: Iterable[PlayerRow],
    found: Sequence[PlayerViolation],
    delivery: _Delivery,
) -> None:
    """Count the batch's unusual contents for the limits of its key.

    While a change of policy settles, honest games break laws too. But an honest game moves one
    player by at most the weekly cap.
    """
    broken = {violation.player.id for violation in found}
    moved = [abs(player.gained) for player in touched if player.id in broken]
    if found and detection.is_settling(delivery.now):
        moved = [amount for amount in moved if amount > state.policy.bundle.points.weekly_cap]
    else:
        state.tally.breaches += len(found)
    state.tally.points = sum(moved) + _beyond_laws(state, broken, delivery.now)
    if found:
        state.tally.points += _of_counts(state)
    detection.note(delivery.source, state.tally, delivery.now)


def _beyond_laws(state: BatchState, broken: Collection[int], now: dt.datetime) -> int:
    """Return the points that no law can judge, in hundredths, of players without a violation.

    They come from late events, which may claim any past day, and from totals that include many
    missing rows.
    """
    late = sum(
        max(0, event.awarded)
        for event in state.landed
        if event.at < now - detection.LATE and state.player_of(event).id not in broken
    )
    hidden: Counter[int] = Counter()
    for (player_id, _), change in state.changes.items():
        before = change.before or EMPTY
        grown = (change.after.total - change.after.awarded) - (before.total - before.awarded)
        if change.after.gap and grown > 0 and player_id not in broken:
            hidden[player_id] += grown
    much = state.policy.bundle.points.daily_cap // detection.HIDDEN_PART
    return late + sum(amount for amount in hidden.values() if amount > much)


def _of_counts(state: BatchState) -> int:
    """Return the points of KOs and WOs that break the law of counts.

    Such events move records, not points.
    """
    policy = state.policy.bundle.points
    return sum(
        policy.events[event.type].worth(event.magnitude)
        for event in state.landed
        if checks.check_count(event.type, event.magnitude, policy)
    )


def _count(experience: str, receipt: Receipt) -> None:
    with metric_errors.tolerated():
        EVENTS.labels(experience, "accepted").inc(receipt.accepted)
        EVENTS.labels(experience, "duplicate").inc(receipt.duplicates)
        EVENTS.labels(experience, "rejected").inc(len(receipt.rejected))
        MISMATCHES.labels(experience).inc(len(receipt.notices))


def _fold_sometimes(moves: int) -> None:
    """Fold the leaderboard's moves here too.

    Without a worker they would pile up, and every reader adds them up.
    """
    global _moves
    _moves += moves
    if _moves >= FOLD_EVERY:
        _moves = 0
        leaderboard.fold()
