"""`ingest`: one batch of a game server's events, one transaction, one audit event.

The way of an event: claim -> ledger row (once) -> its part -> the player's points -> a decision, if one is due.
"""

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import OperationalError, transaction
from psycopg import errors

from audits.actions import Action
from audits.record import Actor, Entry, Target, record_many, reserve_id
from players import erasures, freshness, leaderboard, ledger, mismatches, names, origins
from players.amounts import points
from players.belonging import present
from players.decisions import candidate_of_row, settle, worth_settling
from players.events import Batch, Claim, Server, Verdict
from players.ledger import PlayerRow
from players.metrics import EVENTS, MISMATCHES
from players.models import Decision
from players.policies import ActivePolicy, active
from players.policy.membership import Membership
from players.policy.parts import Part
from players.policy.sanctions import sanction_of

ATTEMPTS = 5
CONTENTION = (errors.DeadlockDetected, errors.SerializationFailure)
FOLD_EVERY = 4_000  # players changed by this process

_moves = 0


@dataclass(frozen=True, slots=True)
class Standing:
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
    """The verdict on a batch: how many rows landed, how many were here already, and what is said of single items."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Verdict] = field(default_factory=list)
    notices: list[Verdict] = field(default_factory=list)
    players: list[Standing] = field(default_factory=list)


class _Unknown(Exception):
    """Some players are not known yet."""

    def __init__(self, user_ids: Iterable[int]) -> None:
        super().__init__("some players are not known yet")
        self.user_ids = sorted(set(user_ids))


def ingest(origin: str, batch: Batch, *, now: dt.datetime) -> Receipt:
    """Land `batch` of the experience `origin`. A repeat, in part or as a whole, changes nothing.

    Raises OperationalError when the database is away, and when it is contended beyond ATTEMPTS tries.
    """
    if not batch.claims:
        return Receipt(rejected=batch.rejected)
    receipt, new = _try(origin, batch, now)
    freshness.on_join(new)
    _count(origin, receipt)
    _fold_sometimes(len(receipt.players))
    return receipt


def _try(origin: str, batch: Batch, now: dt.datetime) -> tuple[Receipt, list[int]]:
    """The receipt, and the players who were not known before."""
    create, new = False, list[int]()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction.atomic():
                return _land(origin, batch, now, create), new
        except _Unknown as unknown:
            batch, create, new = erasures.spare(batch), True, unknown.user_ids
            if not batch.claims:
                return Receipt(rejected=batch.rejected), []
        except OperationalError as error:
            if attempt == ATTEMPTS or not isinstance(error.__cause__, CONTENTION):
                raise
            time.sleep(0.02 * 2**attempt)
    raise OperationalError("players vanish as fast as they are made; send the batch again")


def _fold_sometimes(moves: int) -> None:
    """Fold the leaderboard's moves here too: without a worker they would pile up, and each reader adds them up."""
    global _moves
    _moves += moves
    if _moves >= FOLD_EVERY:
        _moves = 0
        leaderboard.fold()


def _land(origin: str, batch: Batch, now: dt.datetime, create: bool) -> Receipt:
    """One try. New players are made in a try of their own, in order and before any lock: so two batches can only ever
    wait for each other one way round, and the common batch pays nothing for it."""
    policy = active()
    if create:
        newest = {claim.user_id: claim for claim in sorted(batch.claims, key=lambda claim: claim.at)}
        called = {user_id: (claim.username, claim.display_name) for user_id, claim in newest.items()}
        ledger.create_players(called, policy.rank_ids[policy.bundle.first.name], now)
    players = ledger.lock_players(claim.user_id for claim in batch.claims)
    if unknown := {claim.user_id for claim in batch.claims} - set(players):
        raise _Unknown(unknown)
    batch_id = reserve_id()
    claims = list({claim.key: claim for claim in reversed(batch.claims)}.values())[::-1]
    officers = mismatches.officers(claims, policy)
    counted = mismatches.counted_near(claims, players, origin, policy)
    parts = ledger.read_parts({(players[claim.user_id].id, claim.session) for claim in claims}, origin)
    landed = ledger.append(
        _not_confirmed(claims, players, parts),
        players,
        {user_id: found.id for user_id, found in officers.items()},
        origin,
        batch_id,
    )
    changes = ledger.merge_parts(landed, players, origin, batch_id, parts)
    days = ledger.add_days(landed, players, origin)
    notices, breaches = mismatches.scrutinise(
        mismatches.Scene(origin, batch_id, batch.claims, landed, players, changes, days, counted, officers, policy)
    )
    touched = _touched(landed, players, policy)
    if touched:
        names.take(landed, players, origin, now)
        ledger.add_to_players(touched, origin, now, counts=origins.count(origin))
    actor = Actor("experience", origin, origin)
    entries = [
        _batch_entry(batch_id, actor, origin, batch, landed, players, policy),
        *(breach.entry(actor, origin, policy) for breach in breaches),
    ]
    if landed or breaches:
        record_many(entries if landed else entries[1:])
    ranks = _decide(touched, policy, actor, now)
    return Receipt(
        accepted=len(landed),
        duplicates=len(batch.claims) - len(landed),
        rejected=batch.rejected,
        notices=notices,
        players=_standings(batch.claims, players, parts, changes, ranks, policy),
    )


def _not_confirmed(
    claims: Sequence[Claim], players: dict[int, PlayerRow], parts: dict[ledger.PartKey, Part]
) -> list[Claim]:
    """Without the rows that their part has already, be it as rows or as one `reconciled` row that stands for them."""
    known = {key: part.confirmed for key, part in parts.items()}
    return [claim for claim in claims if claim.sequence > known.get((players[claim.user_id].id, claim.session), 0)]


def _touched(landed: Iterable[Claim], players: dict[int, PlayerRow], policy: ActivePolicy) -> list[PlayerRow]:
    """The players with something new, their records counted."""
    counters = policy.bundle.points.counters
    touched: dict[int, PlayerRow] = {}
    for claim in landed:
        player = touched.setdefault(claim.user_id, players[claim.user_id])
        counter = counters.get(claim.type)
        if counter == "kos":
            player.kos += claim.magnitude
        elif counter == "wos":
            player.wos += claim.magnitude
    return list(touched.values())


def _batch_entry(
    batch_id: int,
    actor: Actor,
    origin: str,
    batch: Batch,
    landed: Sequence[Claim],
    players: dict[int, PlayerRow],
    policy: ActivePolicy,
) -> Entry:
    return Entry(
        Action.POINTS_INGESTED,
        actor=actor,
        target=Target("experience", origin, ""),
        event_id=batch_id,
        experience=origin,
        policy_version=policy.bundle.version,
        details={
            "accepted": len(landed),
            "duplicates": len(batch.claims) - len(landed),
            "rejected": dict(sorted(Counter(verdict.code for verdict in batch.rejected).items())),
            "digest": ledger.digest(landed, players, origin),
            **_server(batch.server),
        },
    )


def _server(server: Server) -> dict[str, str]:
    return {"placeId": str(server.place_id), "jobId": server.job_id}


def _decide(touched: Sequence[PlayerRow], policy: ActivePolicy, actor: Actor, now: dt.datetime) -> dict[int, int]:
    """Settle the players' ranks; returns the new rank's id by player id, where it changed at once."""
    candidates = worth_settling(
        [candidate_of_row(player) for player in touched],
        policy,
    )
    if not candidates:
        return {}
    outcomes = settle(candidates, source=Decision.Source.EVENTS, policy=policy, actor=actor, now=now)
    return {
        outcome.candidate.id: outcome.decision.to_rank_id
        for outcome in outcomes
        if outcome.decision is not None and outcome.decision.status == Decision.Status.APPLIED
    }


def _standings(
    claims: Iterable[Claim],
    players: dict[int, PlayerRow],
    parts: dict[ledger.PartKey, Part],
    changes: dict[ledger.PartKey, ledger.PartChange],
    ranks: dict[int, int],
    policy: ActivePolicy,
) -> list[Standing]:
    """One entry for each player and session of the batch, repeats included: they are what a lost answer asks for."""
    keys = {(players[claim.user_id].id, claim.session): players[claim.user_id] for claim in claims}
    confirmed = {key: part.confirmed for key, part in parts.items()}
    confirmed |= {key: change.after.confirmed for key, change in changes.items()}
    return [
        _standing(player, session, confirmed[player.id, session], ranks.get(player.id, player.rank_id), policy)
        for (_, session), player in keys.items()
    ]


def _standing(player: PlayerRow, session: int, confirmed: int, rank_id: int, policy: ActivePolicy) -> Standing:
    rank = policy.ranks[rank_id]
    return Standing(
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


def _count(origin: str, receipt: Receipt) -> None:
    EVENTS.labels(origin, "accepted").inc(receipt.accepted)
    EVENTS.labels(origin, "duplicate").inc(receipt.duplicates)
    EVENTS.labels(origin, "rejected").inc(len(receipt.rejected))
    MISMATCHES.labels(origin).inc(len(receipt.notices))
