"""HTTP operations for programs that sign their calls."""

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audits.record import Actor
from common import database_clock
from common.errors import Refused
from players.active_policy import active
from players.api.base import View, missing_out, parsed_body, player_not_found
from players.api.schemas import DecideIn, DecideOut
from players.models import Decision
from players.ranks.decision_records import DecisionContext
from players.ranks.evaluation import evaluate_now

AUTOMATION = Actor("system", "automation", "automation")


class Decide(View):
    """Evaluate a player's rank against the policy. `apply` also applies or proposes the change."""

    caller, request_body, response_body = "signed", DecideIn, DecideOut
    error_statuses = (400, 404)

    def post(self, request: Request) -> Response:
        order, policy = parsed_body(request, DecideIn), active()
        source, now = Decision.Source.AUTOMATION, database_clock.now()
        context = DecisionContext(policy, AUTOMATION, now, source, order.reason)
        try:
            found = evaluate_now(order.user_id, context, apply=order.apply)
        except Refused:
            raise player_not_found(order.user_id) from None
        if found is None:
            raise ValidationError({"userId": "The player's rank is not part of the active policy."})
        evaluation, decision = found.evaluation, found.decision
        return Response(
            DecideOut(
                user_id=order.user_id,
                rank=policy.ranks[found.candidate.rank_id].name,
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
