"""End exemptions from quotas when their last day is over.

Each one is a transaction of its own. A run that is killed or repeated does nothing twice.
"""

import datetime as dt

import structlog
from django.db import transaction

from audits.actions import Action
from audits.record import Actor, record
from common import database_errors
from players.models import Player, QuotaExemption
from players.moderation.audit_fields import policy_version, target_of
from players.policy.quotas import DAY

SCHEDULE = Actor("system", "schedule", "schedule")
REASON = "the time is over"
STEP = 1000  # exemptions in one run
log = structlog.get_logger("grps.quotas")


def end_due(now: dt.datetime) -> int:
    """End what is over; return the number of ended exemptions."""
    due = QuotaExemption.objects.filter(ended_at=None, ends_on__lte=_day(now))
    living = due.filter(player__erased_at=None).order_by("ends_on")
    ended = 0
    for pk, player_id in living.values_list("pk", "player_id")[:STEP]:
        try:
            ended += _end_one(pk, player_id, now)
        except Exception as error:  # one failure must not stop the others
            if database_errors.is_temporary(error):
                raise
            log.exception("an exemption could not be ended", exemption=pk)
    return ended


def end_over(player: Player, quota: str, now: dt.datetime) -> None:
    """End a locked player's exemption from this quota if its last day is over.

    One row alone may be open, so a new one needs it.
    """
    rows = QuotaExemption.objects.filter(player=player, quota=quota, ended_at=None)
    for held in rows.filter(ends_on__lte=_day(now)):
        _end(held, player, now)


def terms(row: QuotaExemption) -> dict[str, str | None]:
    """Return the quota and the last day, as audit events name them."""
    last = row.ends_on - DAY if row.ends_on else None
    return {"quota": row.quota, "until": last.isoformat() if last else None}


def _end_one(pk: int, player_id: int, now: dt.datetime) -> bool:
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=player_id)
        held = QuotaExemption.objects.filter(pk=pk, ended_at=None, ends_on__lte=_day(now)).first()
        if held is None:  # somebody ended it meanwhile
            return False
        _end(held, player, now)
        return True


def _end(held: QuotaExemption, player: Player, now: dt.datetime) -> None:
    held.ended_at = now
    held.save(update_fields=["ended_at"])
    record(
        Action.EXEMPTION_ENDED,
        actor=SCHEDULE,
        target=target_of(player),
        reason=REASON,
        before={"exemption": held.pk, **terms(held)},
        policy_version=policy_version(),
    )


def _day(moment: dt.datetime) -> dt.date:
    return moment.astimezone(dt.UTC).date()
