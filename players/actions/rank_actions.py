"""Adapt decisions about ranks to the registry: call one, return its ActionResult."""

from collections.abc import Callable

from common.visible_text import isolated
from players.actions.params import DecisionId, RankName
from players.models import Decision
from players.moderation.command import ActionResult, Command
from players.ranks import decisions


def set_rank(user_id: int, params: RankName, command: Command) -> ActionResult:
    decision = decisions.set_rank(user_id, params.rank, command)
    if decision.status == Decision.Status.PROPOSED:
        return _proposed(decision)
    sentence = f"{isolated(decision.player.username)} holds {decision.to_rank} now."
    return ActionResult(sentence, decision=decision, player=decision.player)


def propose(user_id: int, params: RankName, command: Command) -> ActionResult:
    if not command.experience:
        return _proposed(decisions.propose(user_id, params.rank, command))
    made = decisions.propose_in_game(user_id, params.rank, command)
    return made if isinstance(made, ActionResult) else _proposed(made)


def reopen(user_id: int, params: DecisionId, command: Command) -> ActionResult:
    decision = decisions.reopen(params.decision, command)
    return ActionResult("It is proposed again.", decision=decision, player=decision.player)


def approve(user_id: int, params: DecisionId, command: Command) -> ActionResult:
    return _decide(decisions.approve, params, command)


def reject(user_id: int, params: DecisionId, command: Command) -> ActionResult:
    return _decide(decisions.reject, params, command)


def _decide(verb: Callable[..., Decision], params: DecisionId, command: Command) -> ActionResult:
    found = verb(params.decision, by=command.by, reason=command.reason, now=command.now)
    return ActionResult(
        f"Decision {found.pk} is {found.status}.", decision=found, player=found.player
    )


def _proposed(decision: Decision) -> ActionResult:
    sentence = f"Proposed: {decision.to_rank}. Somebody who may give it decides."
    return ActionResult(sentence, decision=decision, player=decision.player)
