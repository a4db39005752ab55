"""Pin another role to a rank: one person requests it and another approves it, or the operator does.

A pin decides which role GRPS gives and which rank a role means. It is checked against the roles as
last read, at the request and again at the approval.
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from audits.actions import Action
from audits.record import record
from common.errors import NotAllowed, Refused
from players.active_policy import active
from players.models import Approval, Player
from players.moderation import approval_types, approvals
from players.moderation.actors import Staff
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.moderation.refusals import audit_refusals
from players.policy.bundle import RankRule
from roblox.open_cloud.groups import GUEST_RANK
from syncs import jobs
from syncs.models import GroupRole, RolePin, SyncJob
from syncs.roles import pins

PIN = "role.pin"
RIGHT = "console.sync"
COUNTED = 1_000  # players of a rank: upper limit of counting
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Affected:
    """The players of a rank: their number (counted up to COUNTED + 1), and some of them."""

    count: int
    some: list[Player]

    @property
    def many(self) -> bool:
        return self.count > COUNTED


def affected(rank: str) -> Affected:
    rows = Player.objects.filter(rank__name=rank, erased_at=None)
    ids = list(rows.values_list("pk", flat=True)[: COUNTED + 1])
    return Affected(len(ids), list(Player.objects.filter(pk__in=ids[:SHOWN]).order_by("username")))


def choices(pin: RolePin) -> list[GroupRole]:
    """Return the roles that are not pinned to another rank, the likely ones first."""
    others = (
        RolePin.objects.filter(group_id=pin.group_id, retired=False)
        .exclude(pk=pin.pk)
        .exclude(role_id=None)
    )
    rows = GroupRole.objects.filter(group_id=pin.group_id, gone_at=None).exclude(number=GUEST_RANK)
    rows = rows.exclude(role_id__in=others.values("role_id"))
    number = _rank(pin.rank).role
    return sorted(
        rows, key=lambda role: (role.role_id != pin.role_id, role.number != number, role.number)
    )


def differences(pin: RolePin, role: GroupRole | None) -> list[tuple[str, str, str]]:
    """Return (field, value when pinned, value now) of each field that differs."""
    if role is None:
        return [("role", pin.name or "none", "gone")]
    found = [
        ("id", str(pin.role_id or "none"), str(role.role_id)),
        ("name", pin.name or "none", role.name),
        ("number", str(pin.number), str(role.number)),
        ("permissions", _permissions(pin.permissions), _permissions(role.permissions)),
    ]
    return [line for line in found if line[1] != line[2]]


def present(pin: RolePin) -> GroupRole | None:
    """Return the pinned role as last read. None if it is gone or no role is pinned."""
    rows = GroupRole.objects.filter(group_id=pin.group_id, gone_at=None)
    return rows.filter(role_id=pin.role_id).first() if pin.role_id is not None else None


def ask(rank: str, role_id: int, command: Command) -> Approval:
    """Request approval to pin a role to a rank. Raises Refused, NotAllowed."""
    with audit_refusals("pin", None, command.by), transaction.atomic():
        _check(command.by)
        pins.lock()
        role = _allowed(rank, role_id)
        waiting = Approval.objects.filter(
            act=PIN, status=Approval.Status.WAITING, arguments__rank=rank
        )
        if waiting.exists():
            raise Refused(f"A role for {rank} is requested already; decide on that first.")
        arguments = {"rank": rank, **_as_seen(role)}
        return approvals.request_approval(ApprovalRequest(PIN, arguments=arguments), command)


def pin(rank: str, role_id: int, command: Command) -> RolePin:
    """Pin a role to a rank without a second person. Raises Refused, NotAllowed."""
    if not command.by.bypasses_second_person:
        raise NotAllowed("You may not: a second person must approve. Request it instead.")
    with transaction.atomic():
        pins.lock()
        return _pin(rank, _allowed(rank, role_id), command.checked())[0]


def _sentence(approval: Approval) -> str:
    arguments = approval.arguments
    return f"Pin the role {arguments['name']} (id {arguments['roleId']}) to the rank {arguments['rank']}"


@approval_types.executes(PIN, entitled=lambda by: by.has(RIGHT), sentence=_sentence)
def _approved(approval: Approval, requester: Staff, approver: Staff, now: dt.datetime) -> int:
    arguments = approval.arguments
    pins.lock()
    role = _allowed(str(arguments["rank"]), int(arguments["roleId"]))
    if any(arguments.get(name) != value for name, value in _as_seen(role).items()):
        raise Refused("The role changed on Roblox since the request: reject it and request again.")
    command = Command(by=requester, reason=approval.reason, now=now)
    return _pin(str(arguments["rank"]), role, command)[1]


def _check(by: Staff) -> None:
    if not by.has(RIGHT):
        raise NotAllowed(
            "You may not: pinning roles needs the right to steer the sync with Roblox."
        )


def _allowed(rank: str, role_id: int) -> GroupRole:
    """Return the role if it may be pinned to the rank. Raises Refused. Call it under the lock."""
    number = _rank(rank).role
    rows = GroupRole.objects.filter(group_id=settings.ROBLOX_GROUP_ID or 0, gone_at=None)
    role = rows.filter(role_id=role_id).first()
    if role is None:
        raise Refused(f"role: the group has no role with the id {role_id}, as it was last read.")
    if role.number == GUEST_RANK:
        raise Refused("role: nobody holds the guest's role.")
    if rows.filter(number=role.number).count() > 1:
        raise Refused(
            f"role: two roles have the number {role.number}; give one of them another number on"
            " Roblox first."
        )
    held = RolePin.objects.filter(group_id=role.group_id, role_id=role_id, retired=False).first()
    if held is not None and held.rank != rank:
        raise Refused(f"role: {role.name} stands for the rank {held.rank}.")
    if held is not None and not held.parked and held.number == number:
        raise Refused(f"role: {role.name} is pinned to {rank} already.")
    return role


def _pin(rank: str, role: GroupRole, command: Command) -> tuple[RolePin, int]:
    """Pin the role and return the pin with the id of its audit event."""
    row, _ = RolePin.objects.get_or_create(
        group_id=role.group_id, rank=rank, defaults={"number": _rank(rank).role}
    )
    before = {"role": row.role_id, "name": row.name, "number": row.number}
    if row.role_id != role.role_id:
        row.changed_at = command.now
    row.role_id, row.name, row.permissions = role.role_id, role.name, role.permissions
    row.number, row.pinned_at, row.retired = _rank(rank).role, command.now, False
    row.parked, row.parked_at = "", None
    row.save()
    event = record(
        Action.ROLE_PINNED,
        actor=command.by.actor,
        target=pins.target_of(row),
        reason=command.reason,
        before=before,
        after={"role": row.role_id, "name": row.name, "number": role.number},
        details={"ranks": rank},
    )
    pins.retry_parked_roles()
    _read_members(command.by)
    return row, event


def _read_members(by: Staff) -> None:
    """Request a pull of members, which gives the new role to members who lack it."""
    try:
        with transaction.atomic():
            jobs.request(SyncJob.Activity.MEMBERS, None, actor=by.actor)
    except jobs.AlreadyActive:
        return  # another pull of members with other options is active; the nightly one follows


def _rank(name: str) -> RankRule:
    rank = active().bundle.by_name.get(name)
    if rank is None:
        raise Refused(f"rank: the policy has no rank {name!r}.")
    return rank


def _as_seen(role: GroupRole) -> dict[str, object]:
    return {
        "roleId": str(role.role_id),
        "name": role.name,
        "number": role.number,
        "permissions": role.permissions,
    }


def _permissions(granted: list[str] | None) -> str:
    if granted is None:
        return "cannot be read"
    return ", ".join(granted) or "none"
