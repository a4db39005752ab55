"""`ingest`: one batch of a game server's events, one transaction, one audit event.

The way of an event: event -> ledger row (once) -> its part -> the player's points -> a decision, if
one is due.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import OperationalError, transaction

from audits.actions import Action
from audits.record import Actor, Entry, Target, record_many
from common import retry
from common.amounts import points
from players import leaderboard, usernames
from players.active_policy import ActivePolicy, active
from players.locking import PlayerRow, create_players, lock_players
from players.membership import freshness
from players.membership.status import present
from players.models import Decision
from players.points import counting, ledger, origins, violations
from players.points.event_parser import Batch, ItemResult, ReportedEvent, Server
from players.points.metrics import EVENTS, MISMATCHES
from players.policy.counters import EMPTY, SessionTotal
from players.policy.membership import Membership
from players.policy.warning_thresholds import sanction_of
from players.privacy import orders
from players.quarantines import detection, isolation
from players.quarantines.detection import Source
from players.ranks.evaluation import candidate_for_row, evaluate_and_apply, may_change_rank

FOLD_EVERY = 4_000  # players changed by this process

_moves = 0


@dataclass(frozen=True, slots=True)
class PlayerState:
    """What a game server is told about one player's part. Amounts in points."""

    user_id: int
    rank: str
    points: Decimal
    session: int
    confirmed: int
    adjusted: Decimal
    adjusted_sequence: int
    sanction: str | None
    membership: Membership
    member_since: dt.datetime


@dataclass(slots=True)
class Receipt:
    """The verdict on a batch: how many rows landed, how many were here already, and what is said of
    single items.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: list[ItemResult] = field(default_factory=list)
    notices: list[ItemResult] = field(default_factory=list)
    players: list[PlayerState] = field(default_factory=list)


class _Unknown(Exception):
    """Some players are not known yet."""

    def __init__(self, user_ids: Iterable[int]) -> None:
        super().__init__("some players are not known yet")
        self.user_ids = sorted(set(user_ids))


def ingest(experience: str, batch: Batch, *, now: dt.datetime, key: int | None = None) -> Receipt:
    """Land `batch` of an experience. A repeat, in part or as a whole, changes nothing.

    `key`: our id of the key that it came with; None: by the experience's queue. What does not count
    (private servers, quarantine) is stored and confirmed all the same. Raises OperationalError when
    the database is away, and when it is contended beyond retry.ATTEMPTS tries.
    """
    source, everybody = Source(experience, key), list[int]()
    receipt = Receipt(rejected=batch.rejected)
    for origin, part in _parts(experience, batch).items():
        found, new = _try(origin, part, now, source)
        everybody += new
        receipt.accepted += found.accepted
        receipt.duplicates += found.duplicates
        receipt.notices += found.notices
        receipt.players += found.players
        receipt.rejected = found.rejected
    freshness.on_join(everybody)
    _count(experience, receipt)
    _fold_sometimes(len(receipt.players))
    return receipt


def _parts(experience: str, batch: Batch) -> dict[str, Batch]:
    """The batch by origin: mostly one. What was refused as a whole is told with the first."""
    parts: dict[str, Batch] = {}
    apart = any(event.apart for event in batch.events)
    what = counting.in_force(experience) if apart else counting.Counting()
    for event in batch.events:
        origin = counting.place_of(experience, event.apart, what)
        if origin not in parts:
            parts[origin] = Batch(batch.server, rejected=batch.rejected)
        parts[origin].events.append(event)
    return parts


def _try(origin: str, batch: Batch, now: dt.datetime, source: Source) -> tuple[Receipt, list[int]]:
    """The receipt, and the players who were not known before."""
    policy, create, new = active(), False, list[int]()
    for attempt in range(1, retry.ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _land(origin, batch, now, create, source, policy), new
        except _Unknown as unknown:
            batch, create = orders.spare(batch), True
            new = sorted(set(unknown.user_ids) & {event.user_id for event in batch.events})
            if not batch.events:
                return Receipt(rejected=batch.rejected), []
        except detection.Tripped as tripped:
            detection.open_quarantine(source, tripped.cause, now)  # where the next try puts it
        except OperationalError as error:
            retry.pause_or_raise(error, attempt)
    raise OperationalError("players vanish as fast as they are made; send the batch again")


def _fold_sometimes(moves: int) -> None:
    """Fold the leaderboard's moves here too: without a worker they would pile up, and each reader
    adds them up.
    """
    global _moves
    _moves += moves
    if _moves >= FOLD_EVERY:
        _moves = 0
        leaderboard.fold()


def _land(
    origin: str, batch: Batch, now: dt.datetime, create: bool, source: Source, policy: ActivePolicy
) -> Receipt:
    """One try. New players are made in a try of their own, in order and before any lock: so two
    batches can only ever wait for each other one way round, and the common batch pays nothing for
    it.
    """
    tally = detection.Tally()
    if create:
        newest = {
            event.user_id: event for event in sorted(batch.events, key=lambda event: event.at)
        }
        called = {
            user_id: (event.username, event.display_name) for user_id, event in newest.items()
        }
        tally.new_players = create_players(called, policy.rank_ids[policy.bundle.first.name], now)
    players = lock_players(event.user_id for event in batch.events)
    if unknown := {event.user_id for event in batch.events} - set(players):
        raise _Unknown(unknown)
    batch_id, found = isolation.begin(source)
    place = _place(origin, source, found)
    scene, parts = land_rows(place, batch_id, batch, players, policy, found)
    notices, breaches = violations.scrutinise(scene)
    touched = touched_of(scene.landed, players, policy)
    actor = Actor("experience", source.experience, source.experience)
    entries = [
        _batch_entry(place, actor, batch, scene),
        *(breach.entry(actor, source.experience, policy) for breach in breaches),
    ]
    if touched:
        tally.renames = usernames.take(
            scene.landed, players, place.origin, now, hold=place.held is not None
        )
        ledger.add_to_players(touched, place.origin, now, counts=place.counts)
    if scene.landed or breaches:
        record_many(entries if scene.landed else entries[1:])
    ranks = _decide(touched, policy, actor, now) if place.counts else {}
    if place.held is None:
        _guard(source, tally, breaches, touched, scene, now)
    else:
        isolation.note(place.held, len(scene.landed), sum(event.awarded for event in scene.landed))
    return Receipt(
        accepted=len(scene.landed),
        duplicates=len(batch.events) - len(scene.landed),
        rejected=batch.rejected,
        notices=notices,
        players=_standings(batch.events, players, parts, scene.changes, ranks, policy),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch goes: the origin of its rows, the quarantine that it is, and whether it counts."""

    origin: str
    counts: bool
    held: int | None = None


def _place(origin: str, source: Source, found: isolation.Isolation) -> Place:
    """What counts goes into quarantine where its source is in one; what does not count anyway stays
    where it is.
    """
    if found.held is None or origin != source.experience or not isolation.lock(found.held):
        return Place(origin, found.counts and not origins.is_apart(origin))
    return Place(isolation.origin_of(source.experience, found.held), counts=False, held=found.held)


def land_rows(
    place: Place,
    batch_id: int,
    batch: Batch,
    players: dict[int, PlayerRow],
    policy: ActivePolicy,
    found: isolation.Isolation,
) -> tuple[violations.Scene, dict[ledger.SessionKey, SessionTotal]]:
    """Write what is new of a batch into the ledger, the parts and the days; the scene of it, and
    the parts as they were. The players are locked.
    """
    origin = place.origin
    events = list({event.key: event for event in reversed(batch.events)}.values())[::-1]
    officers = violations.officers(events, policy)
    counted = violations.counted_near(events, players, origin, policy)
    keys = {(players[event.user_id].id, event.session) for event in events}
    parts = ledger.read_sessions(keys, origin)
    if place.held is not None:
        parts = _behind(parts, ledger.read_sessions(keys, origins.experience_of(origin)))
    landed = ledger.append(
        _not_confirmed(events, players, parts),
        players,
        {user_id: officer.id for user_id, officer in officers.items()},
        origin,
        batch_id,
    )
    apart = isolation.kept_apart(origin, {key[0] for key in keys}, found) if place.counts else set()
    changes = ledger.merge_sessions(landed, players, origin, batch_id, parts, apart)
    days = ledger.add_days(landed, players, origin)
    scene = violations.Scene(
        origin,
        batch_id,
        batch.events,
        landed,
        players,
        changes,
        days,
        counted,
        officers,
        policy,
        place.counts,
    )
    return scene, parts


def _behind(
    held: dict[ledger.SessionKey, SessionTotal], counted: dict[ledger.SessionKey, SessionTotal]
) -> dict[ledger.SessionKey, SessionTotal]:
    """Parts in quarantine, each confirmed at least as far as the part that counts, which it goes on
    from.
    """
    found = {key: SessionTotal(0, 0, 0, 0, part.confirmed) for key, part in counted.items()}
    return found | {
        key: part._replace(
            confirmed=max(part.confirmed, counted[key].confirmed if key in counted else 0)
        )
        for key, part in held.items()
    }


def _guard(
    source: Source,
    tally: detection.Tally,
    breaches: Sequence[violations.PlayerViolation],
    touched: Iterable[PlayerRow],
    scene: violations.Scene,
    now: dt.datetime,
) -> None:
    """Count what no ordinary batch brings. While a change of policy settles, laws are broken by
    honest games too; but none of them moves one player by more than a week awards at most.
    """
    broken = {breach.player.id for breach in breaches}
    moved = [abs(player.gained) for player in touched if player.id in broken]
    if breaches and detection.is_settling(now):
        moved = [amount for amount in moved if amount > scene.policy.bundle.points.weekly_cap]
    else:
        tally.breaches = len(breaches)
    tally.points = sum(moved) + _beyond_laws(scene, broken, now)
    detection.note(source, tally, now)


def _beyond_laws(scene: violations.Scene, broken: Collection[int], now: dt.datetime) -> int:
    """Points of players without a breach that no law can judge: of events so late that any day may
    be theirs, and of totals that stand for much that never came.
    """
    late = sum(
        max(0, event.awarded)
        for event in scene.landed
        if event.at < now - detection.LATE and scene.players[event.user_id].id not in broken
    )
    hidden: Counter[int] = Counter()
    for (player_id, _), change in scene.changes.items():
        before = change.before or EMPTY
        grown = (change.after.total - change.after.awarded) - (before.total - before.awarded)
        if change.after.gap and grown > 0 and player_id not in broken:
            hidden[player_id] += grown
    much = scene.policy.bundle.points.daily_cap // detection.HIDDEN_PART
    return late + sum(amount for amount in hidden.values() if amount > much)


def _not_confirmed(
    events: Sequence[ReportedEvent],
    players: dict[int, PlayerRow],
    parts: dict[ledger.SessionKey, SessionTotal],
) -> list[ReportedEvent]:
    """Without the rows that their part has already, be it as rows or as one `reconciled` row that
    stands for them.
    """
    known = {key: part.confirmed for key, part in parts.items()}
    return [
        event
        for event in events
        if event.sequence > known.get((players[event.user_id].id, event.session), 0)
    ]


def touched_of(
    landed: Iterable[ReportedEvent], players: dict[int, PlayerRow], policy: ActivePolicy
) -> list[PlayerRow]:
    """The players with something new, their records counted."""
    counters = policy.bundle.points.counters
    touched: dict[int, PlayerRow] = {}
    for event in landed:
        player = touched.setdefault(event.user_id, players[event.user_id])
        counter = counters.get(event.type)
        if counter == "kos":
            player.kos += event.magnitude
        elif counter == "wos":
            player.wos += event.magnitude
    return list(touched.values())


def _batch_entry(place: Place, actor: Actor, batch: Batch, scene: violations.Scene) -> Entry:
    experience = origins.experience_of(place.origin)
    apart = {} if place.origin == experience else {"origin": place.origin}
    return Entry(
        Action.POINTS_INGESTED,
        actor=actor,
        target=Target("experience", experience, ""),
        event_id=scene.batch_id,
        experience=experience,
        policy_version=scene.policy.bundle.version,
        details={
            "accepted": len(scene.landed),
            "duplicates": len(batch.events) - len(scene.landed),
            "rejected": dict(sorted(Counter(verdict.code for verdict in batch.rejected).items())),
            "digest": ledger.digest(scene.landed, scene.players, place.origin),
            **apart,
            **_server(batch.server),
        },
    )


def _server(server: Server) -> dict[str, str]:
    return {"placeId": str(server.place_id), "jobId": server.job_id}


def _decide(
    touched: Sequence[PlayerRow], policy: ActivePolicy, actor: Actor, now: dt.datetime
) -> dict[int, int]:
    """Settle the players' ranks; returns the new rank's id by player id, where it changed at once."""
    candidates = may_change_rank(
        [candidate_for_row(player) for player in touched],
        policy,
    )
    if not candidates:
        return {}
    outcomes = evaluate_and_apply(
        candidates, source=Decision.Source.EVENTS, policy=policy, actor=actor, now=now
    )
    return {
        outcome.candidate.id: outcome.decision.to_rank_id
        for outcome in outcomes
        if outcome.decision is not None and outcome.decision.status == Decision.Status.APPLIED
    }


def _standings(
    events: Iterable[ReportedEvent],
    players: dict[int, PlayerRow],
    parts: dict[ledger.SessionKey, SessionTotal],
    changes: dict[ledger.SessionKey, ledger.SessionChange],
    ranks: dict[int, int],
    policy: ActivePolicy,
) -> list[PlayerState]:
    """One entry for each player and session of the batch, repeats included: they are what a lost
    answer asks for.
    """
    keys = {(players[event.user_id].id, event.session): players[event.user_id] for event in events}
    confirmed = {key: part.confirmed for key, part in parts.items()}
    confirmed |= {key: change.after.confirmed for key, change in changes.items()}
    return [
        _standing(
            player,
            session,
            confirmed[player.id, session],
            ranks.get(player.id, player.rank_id),
            policy,
        )
        for (_, session), player in keys.items()
    ]


def _standing(
    player: PlayerRow, session: int, confirmed: int, rank_id: int, policy: ActivePolicy
) -> PlayerState:
    rank = policy.ranks[rank_id]
    return PlayerState(
        user_id=player.user_id,
        rank=rank.name,
        points=points(player.points),
        session=session,
        confirmed=confirmed,
        adjusted=points(player.adjusted),
        adjusted_sequence=player.adjusted_sequence,
        sanction=sanction_of(player.banned, rank.is_punishment),
        membership=present(player.member),
        member_since=player.member_since,
    )


def _count(experience: str, receipt: Receipt) -> None:
    EVENTS.labels(experience, "accepted").inc(receipt.accepted)
    EVENTS.labels(experience, "duplicate").inc(receipt.duplicates)
    EVENTS.labels(experience, "rejected").inc(len(receipt.rejected))
    MISMATCHES.labels(experience).inc(len(receipt.notices))
