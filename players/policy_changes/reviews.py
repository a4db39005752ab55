"""The quarterly review of the policy: when it is due, and the record that it was done."""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.models import AuditEvent
from audits.record import Target, record
from common.errors import NotAllowed
from players.active_policy import active
from players.moderation.actors import Staff
from players.moderation.input import check_reason

REVIEW_EVERY = dt.timedelta(days=91)  # a quarter
REVIEWING = (Action.POLICY_ACTIVATED, Action.POLICY_REVIEWED)


def review(*, by: Staff, reason: str, now: dt.datetime) -> None:
    """Record that the policy in force was reviewed and stays. Raises NotAllowed and Refused."""
    if not by.has("console.policy"):
        raise NotAllowed("You may not: the policy is a matter of the owners.")
    reason = check_reason(reason)
    with transaction.atomic():
        policy = active()
        record(
            Action.POLICY_REVIEWED,
            actor=by.actor,
            target=Target("policy", str(policy.number), ""),
            reason=reason,
            details={"number": policy.number},
            policy_version=policy.bundle.version,
        )


def review_due() -> dt.datetime | None:
    """Return when the next review of the policy is due, None if there was no activation.

    It is a quarter after the last activation or review.
    """
    parts = [
        AuditEvent.objects.filter(action=one).order_by("-pk").values_list("at", flat=True)[:1]
        for one in REVIEWING
    ]
    last = max(parts[0].union(*parts[1:], all=True), default=None)
    return last + REVIEW_EVERY if last else None
