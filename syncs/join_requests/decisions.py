"""Decide join requests, by a person or by the policy's rule.

A decision is stored first and written to Roblox later (`writing.py`), so it survives a crash.
"""

import datetime as dt

from django.db import transaction

from audits.actions import Action
from audits.record import Actor, Target, record
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.models import Player
from players.moderation.actors import Staff
from players.moderation.audit_fields import policy_version
from players.moderation.input import check_reason
from players.policy.community import JoinRequests
from players.policy.join_requests import Applicant, JoinDecision, JoinVerdict, judge
from syncs.models import JoinRequest, UnwantedUser

RIGHT = "players.adjust"
RULE = Actor("system", "policy", "policy")
CHUNK = 100

ACTIONS = {
    JoinDecision.ACCEPT: Action.JOIN_REQUEST_ACCEPTED,
    JoinDecision.DECLINE: Action.JOIN_REQUEST_DECLINED,
}


def decide(
    request_id: int, decision: JoinDecision, *, by: Staff, reason: str, now: dt.datetime
) -> JoinRequest:
    """Accept or decline an open request. Raises Refused, NotAllowed."""
    _check(by)
    reason = check_reason(reason)
    with transaction.atomic():
        row = JoinRequest.objects.select_for_update().filter(pk=request_id).first()
        if row is None:
            raise Refused("There is no such request.")
        if row.gone_at is not None or row.decision:
            raise Refused("The request is not open any more.")
        if decision is JoinDecision.ACCEPT and _is_banned(row.user_id):
            raise Refused("They are banned here: lift the ban first, or decline the request.")
        _decide(row, JoinVerdict(decision, reason), by.actor, now)
        return row


def decide_by_rule(now: dt.datetime) -> int:
    """Decide open requests by the policy's rule; return how many were decided."""
    rules = active().bundle.community.join_requests
    if rules is None or not rules.by_rule:
        return 0
    waiting = JoinRequest.objects.filter(gone_at=None, decision="").order_by("pk")
    decided = 0
    # Those that the rule leaves to a person must not keep it from the later ones.
    for row in waiting:
        if verdict(row, now).decision is None:
            continue
        decided += _judge_one(row.pk, rules, now)
        if decided >= CHUNK:
            break
    return decided


def declined_since(pk: int, now: dt.datetime) -> bool:
    """Decline an accepted request of somebody who was banned or listed before it was written.

    Returns whether that happened.
    """
    with transaction.atomic():
        row = JoinRequest.objects.select_for_update().get(pk=pk)
        applicant = _applicant(row)
        if row.decision != JoinDecision.ACCEPT or not (applicant.banned or applicant.unwanted):
            return False
        reason = "They were banned or listed after the request was accepted."
        _decide(row, JoinVerdict(JoinDecision.DECLINE, reason), RULE, now)
        return True


def verdict(row: JoinRequest, now: dt.datetime) -> JoinVerdict:
    """Return what the policy's rule says about a request, also where a person decides."""
    rules = active().bundle.community.join_requests or JoinRequests(False, 0)
    return judge(_applicant(row), rules, now)


def refuse_always(user_id: int, *, by: Staff, reason: str, now: dt.datetime) -> None:
    """Put somebody on the list of people to be declined. Raises Refused, NotAllowed."""
    _check(by)
    reason = check_reason(reason)
    with transaction.atomic():
        _, is_new = UnwantedUser.objects.get_or_create(
            user_id=user_id, defaults={"reason": reason, "added_by": by.person, "created_at": now}
        )
        if not is_new:
            raise Refused("They stand on the list already.")
        _record(Action.UNWANTED_ADDED, user_id, by.actor, reason)


def refuse_no_more(user_id: int, *, by: Staff, reason: str) -> None:
    """Take somebody off the list of people to be declined. Raises Refused, NotAllowed."""
    _check(by)
    reason = check_reason(reason)
    with transaction.atomic():
        if not UnwantedUser.objects.filter(user_id=user_id).delete()[0]:
            raise Refused("They do not stand on the list.")
        _record(Action.UNWANTED_REMOVED, user_id, by.actor, reason)


def _judge_one(pk: int, rules: JoinRequests, now: dt.datetime) -> bool:
    with transaction.atomic():
        row = JoinRequest.objects.select_for_update().get(pk=pk)
        found = judge(_applicant(row), rules, now)
        if row.decision or row.gone_at is not None or found.decision is None:
            return False
        _decide(row, found, RULE, now)
        return True


def _applicant(row: JoinRequest) -> Applicant:
    unwanted = UnwantedUser.objects.filter(user_id=row.user_id).exists()
    return Applicant(row.account_made_at, _is_banned(row.user_id), unwanted)


def _is_banned(user_id: int) -> bool:
    return Player.objects.filter(user_id=user_id, banned=True).exists()


def _decide(row: JoinRequest, found: JoinVerdict, actor: Actor, now: dt.datetime) -> None:
    assert found.decision is not None
    row.decision, row.reason = str(found.decision), found.reason
    row.decided_by, row.decided_at = f"{actor.kind}:{actor.id}", now
    row.attempts, row.retry_at, row.problem = 0, now, ""
    row.save()
    _record(ACTIONS[found.decision], row.user_id, actor, found.reason)


def _record(action: Action, user_id: int, actor: Actor, reason: str) -> None:
    player = Player.objects.filter(user_id=user_id).values_list("pk", "username").first()
    target = Target("user", str(user_id), "")
    if player is not None:
        target = Target("player", str(player[0]), player[1], f"player:{player[0]}")
    record(action, actor=actor, target=target, reason=reason, policy_version=policy_version())


def _check(by: Staff) -> None:
    if not by.has(RIGHT):
        raise NotAllowed("You may not: it takes the right to adjust points.")
