"""Acts that can wait for a second person, registered by the modules that carry them out.

`@executes("policy.activate", entitled=...)` registers the function that carries out an approved
act. It runs in the transaction of the approval and returns the id of the act's audit event.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from audits.record import Actor
from players.models import Approval, Player
from players.moderation.actors import Staff

SECOND_PERSON = "A second person must decide."
NOT_ENTITLED = "You are not entitled to decide on this."

Execute = Callable[[Approval, Staff, Staff, dt.datetime], int | None]
Close = Callable[[Approval, Actor, str, dt.datetime], None]
WhyNot = Callable[[Staff, Approval], str]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """An act that waits for a second person. Only one open request may have the same `once`."""

    act: str
    player: Player | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    cause: Approval.Cause = Approval.Cause.SECOND
    once: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalType:
    """How requests for one act are judged, described and executed.

    `why_not`: why somebody may not decide, or "". `judges_requester`: the requester is judged the
    same way on approval; otherwise `execute` judges them. `close` handles a request that is
    rejected, withdrawn or expired. `needs_second_person`: why the officer named by a game server
    cannot confirm it alone, or "".
    """

    execute: Execute
    why_not: WhyNot
    sentence: Callable[[Approval], str]
    judges_requester: bool
    close: Close
    needs_second_person: WhyNot


TYPES: dict[str, ApprovalType] = {}


def executes(
    act: str,
    *,
    entitled: Callable[[Staff], bool] | None = None,
    judged: WhyNot | None = None,
    sentence: Callable[[Approval], str] = lambda approval: approval.act.replace(".", " "),
    close: Close = lambda approval, actor, reason, now: None,
    needs_second_person: WhyNot = lambda by, approval: SECOND_PERSON,
) -> Callable[[Execute], Execute]:
    """Register the function that executes approved requests for `act`.

    Pass either `entitled` (who may ask and decide) or `judged` (why somebody may not decide, if
    that depends on the request).
    """

    def why_not(by: Staff, approval: Approval) -> str:
        if judged is not None:
            return judged(by, approval)
        return "" if entitled is not None and entitled(by) else NOT_ENTITLED

    def register(function: Execute) -> Execute:
        TYPES[act] = ApprovalType(
            function, why_not, sentence, judged is None, close, needs_second_person
        )
        return function

    return register
