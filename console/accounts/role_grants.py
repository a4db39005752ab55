"""Technical roles beside the ladder: asked for by one owner, approved by another, or given by the
operator alone.
"""

import datetime as dt

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from console.accounts.permissions import Role
from console.models import RoleGrant
from players.models import Approval, Player
from players.moderation import approvals
from players.moderation.actors import Staff
from players.moderation.approvals import ApprovalRequest
from players.moderation.authorization import check_reason
from players.moderation.command import Command

GRANT, REVOKE = "role.grant", "role.revoke"


def ask_grant(user_id: int, role: str, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Ask for a role for a Roblox user. Raises Refused where they have it, NotAllowed for who is no
    owner.
    """
    _check(by, role)
    if _held(user_id, role):
        raise Refused("They have that role already.")
    return _hold(GRANT, user_id, role, by, reason, now)


def ask_revoke(user_id: int, role: str, *, by: Staff, reason: str, now: dt.datetime) -> Approval:
    """Ask to take a role away. Raises Refused where they have it not, NotAllowed for who is no
    owner.
    """
    _check(by, role)
    if not _held(user_id, role):
        raise Refused("They have no such role.")
    return _hold(REVOKE, user_id, role, by, reason, now)


def grant(user_id: int, role: str, *, by: Staff, reason: str, now: dt.datetime) -> RoleGrant:
    """Give a role alone: the operator's way. Raises Refused, NotAllowed."""
    _alone(by)
    with transaction.atomic():
        return _grant(user_id, role, by.person, by, check_reason(reason), now)[0]


def revoke(user_id: int, role: str, *, by: Staff, reason: str, now: dt.datetime) -> None:
    """Take a role away alone: the operator's way. Raises Refused, NotAllowed."""
    _alone(by)
    with transaction.atomic():
        _revoke(user_id, role, by, check_reason(reason), now)


def waiting() -> list[tuple[Approval, str]]:
    """What owners asked for and nobody decided yet, in words."""
    found = Approval.objects.filter(
        act__in=[GRANT, REVOKE], status=Approval.Status.WAITING
    ).order_by("pk")
    return [(one, _sentence(one)) for one in found]


def _sentence(approval: Approval) -> str:
    arguments = approval.arguments
    verb = "Give the role" if approval.act == GRANT else "Take away the role"
    return f"{verb} {arguments['role']}: Roblox user {arguments['userId']}"


@approvals.carries_out(GRANT, entitled=lambda by: by.has("console.roles"), sentence=_sentence)
def _granted(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    user_id, role = int(approval.arguments["userId"]), str(approval.arguments["role"])
    return _grant(user_id, role, approver.person, requester, approval.reason, now)[1]


@approvals.carries_out(REVOKE, entitled=lambda by: by.has("console.roles"), sentence=_sentence)
def _revoked(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    user_id, role = int(approval.arguments["userId"]), str(approval.arguments["role"])
    return _revoke(user_id, role, requester, approval.reason, now)


def _hold(act: str, user_id: int, role: str, by: Staff, reason: str, now: dt.datetime) -> Approval:
    return approvals.request_approval(
        ApprovalRequest(
            act, arguments={"userId": str(user_id), "role": role}, once=f"{act} {user_id} {role}"
        ),
        Command(by=by, reason=reason, now=now),
    )


def _grant(
    user_id: int, role: str, second: str, by: Staff, reason: str, now: dt.datetime
) -> tuple[RoleGrant, int]:
    if _held(user_id, role):
        raise Refused("They have that role already.")
    try:
        with transaction.atomic():
            made = RoleGrant.objects.create(
                user_id=user_id, role=role, granted_by=by.person, approved_by=second, granted_at=now
            )
    except IntegrityError:  # somebody gave it this moment
        raise Refused("They have that role already.") from None
    return made, _tell(Action.ACCESS_GRANTED, user_id, role, by, reason)


def _revoke(user_id: int, role: str, by: Staff, reason: str, now: dt.datetime) -> int:
    found = RoleGrant.objects.filter(user_id=user_id, role=role, revoked_at=None)
    if not found.update(revoked_at=now, revoked_by=by.person):
        raise Refused("They have no such role.")
    return _tell(Action.ACCESS_REVOKED, user_id, role, by, reason)


def _tell(action: Action, user_id: int, role: str, by: Staff, reason: str) -> int:
    player = Player.objects.filter(user_id=user_id).first()
    target = (
        Target("player", str(player.pk), player.username, player.subject)
        if player
        else Target("user", "", str(user_id), f"user:{user_id}")
    )
    return record(action, actor=by.actor, target=target, reason=reason, details={"role": role})


def _held(user_id: int, role: str) -> bool:
    return RoleGrant.objects.filter(user_id=user_id, role=role, revoked_at=None).exists()


def _check(by: Staff, role: str) -> None:
    if not by.has("console.roles"):
        raise NotAllowed("You may not: only owners give and take roles.")
    if role not in Role.values:
        raise Refused(f"role: there is no {role!r}. There are: {', '.join(Role.values)}.")


def _alone(by: Staff) -> None:
    if not by.alone:
        raise NotAllowed("You may not: a second owner must approve; ask for it instead.")
