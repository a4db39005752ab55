"""HTTP operations for programs that sign their calls."""

import datetime as dt

from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.record import Actor
from common.errors import Refused
from players.active_policy import ActivePolicy, active
from players.api.base import View, missing_out, parsed_body, player_not_found
from players.api.schemas import DecideIn, DecideOut
from players.models import Decision
from players.policy.ranks import Evaluation
from players.ranks.evaluation import Candidate, assess, evaluate_and_apply, lock_candidate

AUTOMATION = Actor("system", "automation", "automation")


class Decide(View):
    """Evaluate a player's rank against the policy. `apply` also applies or proposes the change."""

    caller, request_body, response_body = "signed", DecideIn, DecideOut
    error_statuses = (400, 404)

    def post(self, request: Request) -> Response:
        order = parsed_body(request, DecideIn)
        with transaction.atomic():
            policy = active()
            candidate = _lock(order.user_id)
            evaluation, decision = _evaluate(candidate, policy, order, timezone.now())
        if evaluation is None:
            raise ValidationError({"userId": "The player's rank is not part of the active policy."})
        return Response(
            DecideOut(
                user_id=order.user_id,
                rank=policy.ranks[candidate.rank_id].name,
                target=evaluation.target.name if evaluation.target else None,
                kind=evaluation.kind,
                automatic=evaluation.automatic,
                failed=[str(condition) for condition in evaluation.failed],
                missing=missing_out(evaluation.missing),
                policy_version=policy.bundle.version,
                decision_id=decision.pk if decision else None,
                status=decision.status if decision else None,
            )
        )


def _lock(user_id: int) -> Candidate:
    try:
        return lock_candidate(user_id)
    except Refused:
        raise player_not_found(user_id) from None


def _evaluate(
    candidate: Candidate, policy: ActivePolicy, order: DecideIn, now: dt.datetime
) -> tuple[Evaluation | None, Decision | None]:
    if not order.apply:
        return assess([candidate], policy, now).get(candidate.id), None
    outcomes = evaluate_and_apply(
        [candidate],
        source=Decision.Source.AUTOMATION,
        policy=policy,
        actor=AUTOMATION,
        now=now,
        reason=order.reason,
    )
    for outcome in outcomes:
        return outcome.evaluation, outcome.decision
    return None, None
