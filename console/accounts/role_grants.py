"""Technical roles: one owner requests them and another approves, or the operator gives them."""

import datetime as dt

from django.db import IntegrityError, transaction

from audits.actions import Action
from audits.record import Target, record
from common.errors import NotAllowed, Refused
from console.accounts.permissions import Role
from console.models import RoleGrant
from players.models import Approval, Player
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command

GRANT, REVOKE = "role.grant", "role.revoke"


def ask_grant(user_id: int, role: str, command: Command) -> Approval:
    """Request a role for a Roblox user. Raises NotAllowed, and Refused if they have it."""
    _check(command.by, role)
    if _held(user_id, role):
        raise Refused("They have that role already.")
    return _request(GRANT, user_id, role, command)


def ask_revoke(user_id: int, role: str, command: Command) -> Approval:
    """Request the removal of a role. Raises NotAllowed, and Refused if they do not have it."""
    _check(command.by, role)
    if not _held(user_id, role):
        raise Refused("They have no such role.")
    return _request(REVOKE, user_id, role, command)


def grant(user_id: int, role: str, command: Command) -> RoleGrant:
    """Give a role without a second person. Only the operator may. Raises Refused, NotAllowed."""
    _require_operator(command.by)
    with transaction.atomic():
        return _grant(user_id, role, command.by.person, command.checked())[0]


def revoke(user_id: int, role: str, command: Command) -> None:
    """Remove a role without a second person. Only the operator may. Raises Refused, NotAllowed."""
    _require_operator(command.by)
    with transaction.atomic():
        _revoke(user_id, role, command.checked())


def waiting() -> list[tuple[Approval, str]]:
    """Return the pending requests, each with its sentence."""
    found = Approval.objects.filter(
        act__in=[GRANT, REVOKE], status=Approval.Status.WAITING
    ).order_by("pk")
    return [(one, _sentence(one)) for one in found]


def _sentence(approval: Approval) -> str:
    arguments = approval.arguments
    verb = "Give the role" if approval.act == GRANT else "Take away the role"
    return f"{verb} {arguments['role']}: Roblox user {arguments['userId']}"


@approval_types.executes(GRANT, entitled=lambda by: by.has("console.roles"), sentence=_sentence)
def _granted(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    user_id, role = int(approval.arguments["userId"]), str(approval.arguments["role"])
    command = Command(by=requester, reason=approval.reason, now=now)
    return _grant(user_id, role, approver.person, command)[1]


@approval_types.executes(REVOKE, entitled=lambda by: by.has("console.roles"), sentence=_sentence)
def _revoked(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    user_id, role = int(approval.arguments["userId"]), str(approval.arguments["role"])
    return _revoke(user_id, role, Command(by=requester, reason=approval.reason, now=now))


def _request(act: str, user_id: int, role: str, command: Command) -> Approval:
    return approvals.request_approval(
        ApprovalRequest(
            act, arguments={"userId": str(user_id), "role": role}, once=f"{act} {user_id} {role}"
        ),
        command,
    )


def _grant(user_id: int, role: str, approved_by: str, command: Command) -> tuple[RoleGrant, int]:
    """Store the role. Return it with the id of its audit event."""
    if _held(user_id, role):
        raise Refused("They have that role already.")
    try:
        with transaction.atomic():
            made = RoleGrant.objects.create(
                user_id=user_id,
                role=role,
                granted_by=command.by.person,
                approved_by=approved_by,
                granted_at=command.now,
            )
    except IntegrityError:  # another request gave it at the same time
        raise Refused("They have that role already.") from None
    return made, _record(Action.ACCESS_GRANTED, user_id, role, command)


def _revoke(user_id: int, role: str, command: Command) -> int:
    found = RoleGrant.objects.filter(user_id=user_id, role=role, revoked_at=None)
    if not found.update(revoked_at=command.now, revoked_by=command.by.person):
        raise Refused("They have no such role.")
    return _record(Action.ACCESS_REVOKED, user_id, role, command)


def _record(action: Action, user_id: int, role: str, command: Command) -> int:
    player = Player.objects.filter(user_id=user_id).first()
    target = (
        Target("player", str(player.pk), player.username, player.subject)
        if player
        else Target("user", "", str(user_id), f"user:{user_id}")
    )
    return record(
        action,
        actor=command.by.actor,
        target=target,
        reason=command.reason,
        details={"role": role},
    )


def _held(user_id: int, role: str) -> bool:
    return RoleGrant.objects.filter(user_id=user_id, role=role, revoked_at=None).exists()


def _check(by: Staff, role: str) -> None:
    if not by.has("console.roles"):
        raise NotAllowed("You may not: only owners give and take roles.")
    if role not in Role.values:
        raise Refused(f"role: there is no {role!r}. There are: {', '.join(Role.values)}.")


def _require_operator(by: Staff) -> None:
    if not by.bypasses_second_person:
        raise NotAllowed("You may not: a second owner must approve; ask for it instead.")
