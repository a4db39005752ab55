"""The rows of a released quarantine begin to count, player by player; then the acts that were held
are done.

Each step is one transaction and notes how far it came, so a killed worker loses nothing and does
nothing twice.
"""

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Entry, Target, record_many
from common.amounts import hundredths
from common.pg_arrays import numbers
from common.time import micros
from players.actions import game_commands
from players.active_policy import active
from players.locking import PlayerRow, lock_players
from players.models import Decision, ExperiencePoints, LedgerEntry, Player, Quarantine
from players.points import ledger, violations
from players.points.event_parser import Batch, ReportedEvent, Server
from players.points.ingestion import Place, land_rows, touched_of
from players.quarantines import isolation
from players.quarantines.detection import Source
from players.ranks.evaluation import candidate_for_row, evaluate_and_apply, may_change_rank

LEASE = dt.timedelta(seconds=40)
PLAYERS = 25  # of one step
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
    """Take steps of what is being released as long as there are any; how many players' rows were
    let count.
    """
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
                lease=found.lease, lease_until=timezone.now() + LEASE
            )
    return found


def _step(quarantine: Quarantine) -> int:
    """Let the rows of the next players count; where there are none left, carry the held acts out
    and end it.
    """
    with transaction.atomic():
        ids = _next_players(quarantine)
        if not ids:
            while game_commands.carry_out_held(quarantine.pk, now=timezone.now()):
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
            return 0  # another worker has it by now
        _let_count(quarantine, players)
        return len(ids)


def _next_players(quarantine: Quarantine) -> list[int]:
    rows = ExperiencePoints.objects.filter(origin=quarantine.origin, player_id__gt=quarantine.upto)
    return list(rows.order_by("player_id").values_list("player_id", flat=True)[:PLAYERS])


def _let_count(quarantine: Quarantine, players: dict[int, PlayerRow]) -> None:
    policy, now, experience = active(), timezone.now(), quarantine.experience
    batch_id, found = isolation.begin(
        Source(experience)
    )  # without these players: `upto` is past them
    place = Place(experience, found.counts)
    events = _claims(quarantine, players)
    scene, _ = land_rows(place, batch_id, Batch(Server(0, ""), events), players, policy, found)
    if place.counts:
        violations.recommend(scene)
    whole = _count_whole(experience, players, found)
    touched = {player.id: player for player in touched_of(scene.landed, players, policy)}
    for player in players.values():
        if player.id in whole:
            player.gained += whole[player.id]
            touched[player.id] = player
    if not touched:
        return
    ledger.add_to_players(list(touched.values()), experience, now, counts=place.counts)
    if scene.landed:
        record_many([_entry(quarantine, scene)])
    if place.counts:
        candidates = may_change_rank(
            [candidate_for_row(player) for player in touched.values()], policy
        )
        evaluate_and_apply(
            candidates, source=Decision.Source.EVENTS, policy=policy, actor=ACTOR, now=now
        )


def _claims(quarantine: Quarantine, players: dict[int, PlayerRow]) -> list[ReportedEvent]:
    owners = {player.id: player for player in players.values()}
    rows = LedgerEntry.objects.filter(player__in=owners, origin=quarantine.origin)
    named = rows.annotate(officer=F("actor__user_id")).order_by("player", "session", "sequence")
    return [_claim_of(row, owners[row.player_id], item) for item, row in enumerate(named)]


def _claim_of(row: LedgerEntry, player: PlayerRow, item: int) -> ReportedEvent:
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


def _count_whole(
    experience: str, players: dict[int, PlayerRow], found: isolation.Isolation
) -> dict[int, int]:
    """Let the whole total of each session count of which no other quarantine has rows; what that
    adds, by player.
    """
    ids = [player.id for player in players.values()]
    others: Sequence[ledger.SessionKey] = sorted(isolation.kept_apart(experience, ids, found))
    columns = numbers(key[0] for key in others), numbers(key[1] for key in others)
    with connection.cursor() as cursor:
        cursor.execute(COUNT_WHOLE, [numbers(ids), experience, experience, *columns])
        gained: dict[int, int] = defaultdict(int, cursor.fetchall())
    return gained


def _entry(quarantine: Quarantine, scene: violations.Scene) -> Entry:
    return Entry(
        Action.POINTS_INGESTED,
        actor=ACTOR,
        target=Target("experience", quarantine.experience, ""),
        event_id=scene.batch_id,
        experience=quarantine.experience,
        policy_version=scene.policy.bundle.version,
        details={
            "accepted": len(scene.landed),
            "duplicates": len(scene.events) - len(scene.landed),
            "rejected": {},
            "digest": ledger.digest(scene.landed, scene.players, quarantine.experience),
            "quarantine": quarantine.pk,
        },
    )
