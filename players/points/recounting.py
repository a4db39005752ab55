"""Change which points of an experience count, and update the players' points.

The configuration alone can restrict what counts. Two owners must approve if more is to count. Each
row of `experience_points` says whether `players` includes it, so the work can stop and continue at
any player.
"""

import datetime as dt

from django.db import connection, transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from common import database_clock
from common.errors import NotAllowed, Refused
from common.pg_arrays import numbers, words
from players.active_policy import ActivePolicy, active
from players.experiences import counting
from players.locking import lock_players
from players.models import Approval, Decision, ExperiencePoints, Player
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.ranks.candidates import candidate_for_row
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply, may_change_rank
from roblox.models import Experience

LOOSEN = "experience.counts"
OWNER = "console.roles"
PLAYERS = 500  # in one step
ACTOR = Actor("system", "counting", "counting")

TURN = """
    WITH e AS (
        UPDATE experience_points SET counted = %(counts)s
        WHERE origin = %(origin)s AND player_id = ANY(%(players)s::bigint[]) AND counted <> %(counts)s
        RETURNING player_id, total
    ), c AS (
        SELECT e.player_id, greatest(e.total, 0) AS total,
               coalesce((SELECT sum(l.magnitude) FROM ledger l WHERE l.player_id = e.player_id
                         AND l.origin = %(origin)s AND l.type = ANY(%(kos)s::text[])), 0) AS kos,
               coalesce((SELECT sum(l.magnitude) FROM ledger l WHERE l.player_id = e.player_id
                         AND l.origin = %(origin)s AND l.type = ANY(%(wos)s::text[])), 0) AS wos,
               coalesce((SELECT sum(s.kos) FROM sessions s WHERE s.player_id = e.player_id
                         AND s.origin = %(origin)s), 0) AS stored_kos,
               coalesce((SELECT sum(s.wos) FROM sessions s WHERE s.player_id = e.player_id
                         AND s.origin = %(origin)s), 0) AS stored_wos
        FROM e
    )
    UPDATE players p SET earned = p.earned + %(sign)s * c.total,
        kos = greatest(0, p.kos + %(sign)s * (c.kos + c.stored_kos)),
        wos = greatest(0, p.wos + %(sign)s * (c.wos + c.stored_wos)), updated_at = %(now)s
    FROM c WHERE p.id = c.player_id
    RETURNING p.id, (p.earned * 100)::bigint"""


def adopt(experience: str, *, actor: Actor) -> bool:
    """Store what the configuration no longer counts; return whether anything changed."""
    with transaction.atomic():
        row = Experience.objects.select_for_update().get(key=experience)
        before = counting.read(row.counts)
        after = before & counting.wanted(experience)
        if before == after:
            return False
        _write(row, after, actor=actor)
        return True


def missing(experience: str) -> list[str]:
    """Return what the configuration counts but two owners have not approved, in words."""
    return counting.wanted(experience).beyond(counting.in_force(experience))


def ask(experience: str, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Request to count everything that the configuration counts. Another owner approves.

    Raises Refused, NotAllowed.
    """
    if not by.has(OWNER):
        raise NotAllowed("You may not: only owners let more of an experience count.")
    with transaction.atomic():
        Experience.objects.select_for_update().get(key=experience)
        if not missing(experience):
            raise Refused("The configuration lets nothing more count than what counts already.")
        if waiting(experience) is not None:
            raise Refused("It is asked for already; decide on that request first.")
        arguments = {"experience": experience, "more": missing(experience)}
        return approvals.request_approval(
            ApprovalRequest(
                LOOSEN, arguments=arguments | {"counts": counting.wanted(experience).written}
            ),
            Command(by=by, reason=reason, now=now),
        )


def waiting(experience: str) -> Approval | None:
    """Return the request that waits for another owner."""
    rows = Approval.objects.filter(act=LOOSEN, status=Approval.Status.WAITING)
    return rows.filter(arguments__experience=experience).first()


def _asked(approval: Approval) -> str:
    return (
        f"Let count in {approval.arguments['experience']}: {', '.join(approval.arguments['more'])}"
    )


@approval_types.executes(LOOSEN, entitled=lambda by: by.has(OWNER), sentence=_asked)
def _approved(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    row = Experience.objects.select_for_update().get(key=approval.arguments["experience"])
    allowed = counting.read(approval.arguments["counts"])
    return _write(row, allowed, actor=requester.actor, reason=approval.reason)


def _write(row: Experience, after: counting.Counting, *, actor: Actor, reason: str = "") -> int:
    before = counting.read(row.counts)
    Experience.objects.filter(pk=row.pk).update(counts=after.written)
    return record(
        Action.EXPERIENCE_CHANGED,
        actor=actor,
        target=Target("experience", row.key, ""),
        experience=row.key,
        reason=reason,
        before={"counts": before.written},
        after={"counts": after.written},
    )


def apply_due() -> int:
    """Update every player's points to what counts now; return the number of changed players."""
    changed = 0
    for experience in Experience.objects.values_list("key", flat=True):
        while done := _step(experience):
            changed += done
    return changed


def _step(experience: str) -> int:
    counts = counting.in_force(experience).points
    due = ExperiencePoints.objects.filter(origin=experience, counted=not counts).order_by(
        "player_id"
    )
    ids = list(due.values_list("player_id", flat=True)[:PLAYERS])
    if not ids:
        return 0
    policy, now = active(), database_clock.now()
    with transaction.atomic():
        players = lock_players(Player.objects.filter(pk__in=ids).values_list("user_id", flat=True))
        earned = _turn(experience, ids, counts, policy, now)
        record(
            Action.EXPERIENCE_CHANGED,
            actor=ACTOR,
            target=Target("experience", experience, ""),
            experience=experience,
            details={"counts": counts, "players": len(earned)},
        )
        owners = {player.id: player for player in players.values()}
        for player_id, amount in earned.items():
            owners[player_id].earned = amount
        candidates = may_change_rank(
            [candidate_for_row(owners[player_id]) for player_id in earned], policy, now
        )
        evaluate_and_apply(
            candidates, DecisionContext(policy, ACTOR, now, Decision.Source.SCHEDULE)
        )
    return len(ids)


def _turn(
    experience: str, ids: list[int], counts: bool, policy: ActivePolicy, now: dt.datetime
) -> dict[int, int]:
    counters = policy.bundle.points.counters
    kos, wos = (
        words(name for name, counter in counters.items() if counter == which)
        for which in ("kos", "wos")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            TURN,
            {
                "counts": counts,
                "origin": experience,
                "players": numbers(ids),
                "kos": kos,
                "wos": wos,
                "sign": 1 if counts else -1,
                "now": now,
            },
        )
        return dict(cursor.fetchall())
