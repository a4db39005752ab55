"""End locks of promotions, and other restrictions with an end, when their time is over.

Each one is a transaction of its own. A run that is killed or repeated does nothing twice.
"""

import datetime as dt

import structlog
from django.db import transaction

from audits.actions import Action
from audits.record import Actor, record
from common import database_errors
from players.active_policy import active
from players.models import Decision, Player, Rank, RankRestriction
from players.moderation.audit_fields import policy_version, target_of
from players.ranks.candidates import candidate_for
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_and_apply
from players.ranks.restrictions import described

SCHEDULE = Actor("system", "schedule", "schedule")
REASON = "the time is over"
STEP = 1000  # restrictions in one run
log = structlog.get_logger("grps.locks")


def end_due(now: dt.datetime) -> int:
    """End what is over, and evaluate those players; return the number of ended restrictions."""
    due = RankRestriction.objects.filter(lifted_at=None, ends_at__lte=now)
    living = due.filter(player__erased_at=None).order_by("ends_at")
    ended = 0
    for pk, player_id in living.values_list("pk", "player_id")[:STEP]:
        try:
            ended += _end_one(pk, player_id, now)
        except Exception as error:  # one failure must not keep the other players locked
            if database_errors.is_temporary(error):
                raise
            log.exception("a lock of promotions could not be ended", restriction=pk)
    return ended


def end_over(player: Player, rank: Rank | None, now: dt.datetime) -> None:
    """End a locked player's restriction of this kind if its time is over.

    One row alone may be open, so a new one needs it.
    """
    rows = RankRestriction.objects.filter(player=player, rank=rank, lifted_at=None)
    for held in rows.filter(ends_at__lte=now).select_related("rank"):
        _end(held, player, now)


def _end_one(pk: int, player_id: int, now: dt.datetime) -> bool:
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
        rows = RankRestriction.objects.filter(pk=pk, lifted_at=None, ends_at__lte=now)
        held = rows.select_related("rank").first()
        if held is None:  # somebody lifted it meanwhile
            return False
        _end(held, player, now)
        context = DecisionContext(active(), SCHEDULE, now, Decision.Source.SCHEDULE)
        evaluate_and_apply([candidate_for(player)], context)
        return True


def _end(held: RankRestriction, player: Player, now: dt.datetime) -> None:
    held.lifted_at, held.lifted_by = now, f"{SCHEDULE.kind}:{SCHEDULE.id}"
    held.save(update_fields=["lifted_at", "lifted_by"])
    record(
        Action.RANK_ALLOWED if held.rank else Action.PROMOTIONS_UNLOCKED,
        actor=SCHEDULE,
        target=target_of(player),
        reason=REASON,
        before=described(held),
        policy_version=policy_version(),
    )
