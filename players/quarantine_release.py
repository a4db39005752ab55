"""Count the rows of a released quarantine, player by player, then carry out its held commands.

Each step is one transaction and stores its progress. So a killed worker loses nothing and repeats
nothing.
"""

import datetime as dt
import secrets

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from audits.actions import Action
from audits.record import Actor, NewEvent, Target, record_many
from common import database_clock
from common.amounts import hundredths
from common.pg_arrays import numbers
from common.time import micros
from players.actions import game_commands
from players.active_policy import active
from players.activity import landing as activity
from players.locking import PlayerRow, lock_players
from players.models import ActiveDay, Decision, ExperiencePoints, LedgerEntry, Player, Quarantine
from players.points import event_recommendations, landing
from players.points.batch_state import BatchState, Destination
from players.points.event_parser import ReportedEvent
from players.quarantines import isolation
from players.quarantines.detection import Source
from players.ranks.candidates import candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank

LEASE = dt.timedelta(seconds=40)
PLAYERS = 25  # in one step
ACTOR = Actor("system", "quarantine", "quarantine")

COUNT_WHOLE = """
    WITH c AS (
        UPDATE sessions s SET apart = 0
        FROM (SELECT s.player_id, s.session, s.apart FROM sessions s
              WHERE s.player_id = ANY(%s::bigint[]) AND s.origin = %s AND s.apart <> 0) was
        WHERE s.player_id = was.player_id AND s.session = was.session AND s.origin = %s
          AND NOT (s.player_id, s.session) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
        RETURNING s.player_id, was.apart
    )
    SELECT player_id, (sum(apart) * 100)::bigint FROM c GROUP BY player_id"""


def run_due() -> int:
    """Run release steps until none is due; return the number of players whose rows now count."""
    done = 0
    while (found := _claim()) is not None:
        done += _step(found)
    return done


def _claim() -> Quarantine | None:
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    with transaction.atomic():
        due = Quarantine.objects.filter(
            free, status=Quarantine.Status.RELEASING, retry_at__lte=Now()
        )
        found = (
            due.select_for_update(skip_locked=True, no_key=True).order_by("retry_at", "pk").first()
        )
        if found is not None:
            found.lease = secrets.token_hex(16)
            Quarantine.objects.filter(pk=found.pk).update(
                lease=found.lease, lease_until=database_clock.now() + LEASE
            )
    return found


def _step(quarantine: Quarantine) -> int:
    """Count the rows of the next players, or finish the release if no players are left.

    Finishing carries out the held commands.
    """
    with transaction.atomic():
        ids = _next_players(quarantine)
        if not ids:
            while game_commands.perform_held(quarantine.pk, now=database_clock.now()):
                pass
            held = Quarantine.objects.filter(pk=quarantine.pk, lease=quarantine.lease)
            held.update(status=Quarantine.Status.RELEASED, lease="", lease_until=None)
            return 0
        user_ids = Player.objects.filter(pk__in=ids).values_list("user_id", flat=True)
        players = lock_players(user_ids)
        moved = Quarantine.objects.filter(
            pk=quarantine.pk, lease=quarantine.lease, upto=quarantine.upto
        )
        if not moved.update(upto=max(ids), lease="", lease_until=None):
            return 0  # another worker took this step already
        _let_count(quarantine, players)
        return len(ids)


def _next_players(quarantine: Quarantine) -> list[int]:
    ids: set[int] = set()
    for table in (ExperiencePoints, ActiveDay):
        rows = table.objects.filter(origin=quarantine.origin, player_id__gt=quarantine.upto)
        found = rows.order_by("player_id").values_list("player_id", flat=True).distinct()
        ids.update(found[:PLAYERS])
    return sorted(ids)[:PLAYERS]


def _let_count(quarantine: Quarantine, players: dict[int, PlayerRow]) -> None:
    now, experience = database_clock.now(), quarantine.experience
    # `upto` was raised above, so these players no longer appear as isolated.
    batch_id, found = isolation.begin(Source(experience))
    destination, events = Destination(experience, found.counts), _events(quarantine, players)
    state = BatchState(batch_id, destination, found, active(), events, players)
    landing.append(state)
    if state.landed:
        state.days = landing.write_totals(state).read()
    activity.release([one.id for one in players.values()], quarantine.origin, experience)
    if destination.counts:
        event_recommendations.count(state)
    touched = _touched(state)
    if not touched:
        return
    state.ledger.add_to_players(touched, now, counts=destination.counts).read()
    if state.landed:
        record_many([_entry(quarantine, state)])
    if destination.counts:
        candidates = [candidate_for_row(player) for player in touched]
        evaluate_and_apply(
            may_change_rank(candidates, state.policy, now),
            DecisionContext(state.policy, ACTOR, now, Decision.Source.EVENTS),
        )


def _touched(state: BatchState) -> list[PlayerRow]:
    """Return the players with new rows, or with a session whose whole total counts now."""
    whole = _count_whole(state)
    touched = {player.id: player for player in state.touched()}
    for player in state.players.values():
        if player.id in whole:
            player.gained += whole[player.id]
            touched[player.id] = player
    return list(touched.values())


def _events(quarantine: Quarantine, players: dict[int, PlayerRow]) -> list[ReportedEvent]:
    owners = {player.id: player for player in players.values()}
    rows = LedgerEntry.objects.filter(player__in=owners, origin=quarantine.origin)
    named = rows.annotate(officer=F("actor__user_id")).order_by("player", "session", "sequence")
    return [_event(row, owners[row.player_id], item) for item, row in enumerate(named)]


def _event(row: LedgerEntry, player: PlayerRow, item: int) -> ReportedEvent:
    officer: int | None = row.officer  # type: ignore[attr-defined]
    return ReportedEvent(
        item=item,
        user_id=player.user_id,
        username=player.username,
        display_name="",
        session=row.session,
        sequence=row.sequence,
        type=row.type,
        magnitude=row.magnitude,
        duration=row.duration,
        actor_user_id=officer if officer is not None and officer > 0 else None,
        awarded=hundredths(row.awarded),
        total=hundredths(row.total),
        at=row.occurred_at,
        micros=micros(row.occurred_at),
    )


def _count_whole(state: BatchState) -> dict[int, int]:
    """Count the whole total of each session without rows in another quarantine.

    Return the added hundredths by player id.
    """
    experience, ids = state.destination.origin, [player.id for player in state.players.values()]
    others = sorted(isolation.kept_apart(experience, ids, state.isolation))
    columns = numbers(key[0] for key in others), numbers(key[1] for key in others)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_WHOLE, [numbers(ids), experience, experience, *columns])
        return dict(cursor.fetchall())


def _entry(quarantine: Quarantine, state: BatchState) -> NewEvent:
    return NewEvent(
        Action.POINTS_INGESTED,
        actor=ACTOR,
        target=Target("experience", quarantine.experience, ""),
        event_id=state.id,
        experience=quarantine.experience,
        policy_version=state.policy.bundle.version,
        details={
            "accepted": len(state.landed),
            "duplicates": len(state.events) - len(state.landed),
            "rejected": {},
            "digest": state.ledger.digest(state.landed),
            "quarantine": quarantine.pk,
        },
    )
