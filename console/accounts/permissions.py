"""Permissions of a signed-in person in the console, by present rank and technical roles.

They are Django permissions, read at every request. `players.moderation.authorization` decides what
a person may do to a certain player.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from audits.record import Actor
from console.accounts import identity
from console.models import RoleGrant, StaffAccount
from players.active_policy import active
from players.membership.status import present
from players.models import Player
from players.moderation.actors import Staff, actor_of
from players.policy.bundle import RankRule
from players.policy.membership import MembershipStatus, belongs

Role = RoleGrant.Role
LOCAL = "local-"  # prefix of the id of a local owner's account in the audit log

PEOPLE = frozenset(
    f"players.view_{name}"
    for name in (
        "player",
        "decision",
        "ledgerentry",
        "rank",
        "sanction",
        "note",
        "appeal",
        "leave",
        "approval",
        "policyversion",
    )
) | {"audits.view_auditevent", "audits.view_seal", "console.audit"}
ROBLOX = frozenset(
    f"syncs.view_{name}" for name in ("syncjob", "mirror", "drift", "membership", "adjustment")
)
TELLING = frozenset(f"webhooks.view_webhook{name}" for name in ("endpoint", "delivery", "attempt"))
CONNECTING = frozenset({"roblox.view_experience", "roblox.view_experiencekey"})
LEGAL = frozenset({"players.view_erasureorder", "webhooks.view_robloxnotification"})
EVERYTHING = PEOPLE | ROBLOX | TELLING | CONNECTING | LEGAL | {"console.system"}
TECHNICAL = frozenset(
    f"console.{right}" for right in ("policy", "secrets", "roles", "sync", "system", "audit")
)

WARNING = frozenset({"players.warn", "players.decide_appeals"})
ADJUSTING = frozenset({"players.adjust", "console.bulk", "players.view_adjustment"})
BANNING = frozenset({"players.ban"})
LEAVE = frozenset({"players.leave"})
LEADING = ROBLOX | {"console.system"}

BY_ROLE = {
    Role.OWNER: EVERYTHING | TECHNICAL,
    Role.AUDITOR: EVERYTHING,
    Role.INTEGRATOR: ROBLOX
    | TELLING
    | CONNECTING
    | {"console.secrets", "console.sync", "console.system"},
}


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of a person. `staff` None: no access, and `why` explains it to them."""

    staff: Staff | None
    roles: frozenset[str] = frozenset()
    perms: frozenset[str] = frozenset()
    why: str = ""


NOBODY = Rights(None, why="This account has no access to the console.")


def rights_of(user: Any) -> Rights:
    """Return the present rights of a signed-in user."""
    if not user.is_active:
        return NOBODY
    account = StaffAccount.objects.filter(user=user.pk).first()
    if account is None:
        return NOBODY
    if account.roblox_id is None:
        perms = EVERYTHING | TECHNICAL | WARNING | ADJUSTING | BANNING | LEAVE
        actor = Actor("staff", f"{LOCAL}{user.pk}", user.get_username(), f"staff:{user.pk}")
        staff = Staff(actor, rank=None, rights=perms, also=identity.of_local(account.same_as))
        return Rights(staff, frozenset({Role.OWNER}), perms)
    return of_roblox(account.roblox_id)


def of_roblox(user_id: int) -> Rights:
    """Return the present rights of a Roblox user."""
    player = Player.objects.filter(user_id=user_id, erased_at=None).select_related("rank").first()
    roles = frozenset(
        RoleGrant.objects.filter(user_id=user_id, revoked_at=None).values_list("role", flat=True)
    )
    rank = active().ranks.get(player.rank_id) if player else None
    if player is not None and (player.banned or (rank is not None and rank.is_punishment)):
        return Rights(
            None, roles, why="You are suspended or banned; the console is closed to you meanwhile."
        )
    membership = present(player.member) if player else MembershipStatus.UNKNOWN
    if membership is MembershipStatus.LEFT:
        return Rights(
            None, roles, why="You left the group; the console is closed to you until you are back."
        )
    by_present_rank = by_rank(rank) if belongs(membership) else frozenset()
    perms = by_present_rank.union(*(BY_ROLE[Role(role)] for role in roles))
    if not perms and by_rank(rank) and membership is MembershipStatus.UNKNOWN:
        return Rights(
            None,
            roles,
            why="Roblox has not confirmed yet that you are in the group; try again in a minute.",
        )
    if not perms:
        return Rights(None, roles, why="Your rank gives no access to the console.")
    if player is None:
        return Rights(
            None,
            roles,
            why="You have a role, but are no player here yet: join one of the games first.",
        )
    actor = actor_of(player)
    also = identity.of_actor(actor)
    return Rights(
        Staff(actor, rank, user_id, rights=perms, membership=membership, also=also), roles, perms
    )


def of_actor(actor: Actor) -> frozenset[str]:
    """Return the present rights of an actor of the console. Empty without access."""
    local = actor.id.removeprefix(LOCAL)
    if actor.id.startswith(LOCAL) and local.isdecimal():
        user = User.objects.filter(pk=int(local)).first()
        return rights_of(user).perms if user else frozenset()
    if not actor.id.isdecimal():
        return frozenset()
    user_id = (
        Player.objects.filter(pk=int(actor.id), erased_at=None)
        .values_list("user_id", flat=True)
        .first()
    )
    return of_roblox(user_id).perms if user_id else frozenset()


def is_gone(actor: Actor) -> bool:
    """Return whether an actor was a local owner and no longer is."""
    return actor.id.startswith(LOCAL) and not of_actor(actor)


def role_holders() -> frozenset[int]:
    """Return the Roblox ids of all holders of technical roles."""
    return frozenset(RoleGrant.objects.filter(revoked_at=None).values_list("user_id", flat=True))


def by_rank(rank: RankRule | None) -> frozenset[str]:
    """Return the permissions of a rank. Empty for a rank without powers over players."""
    if rank is None or rank.is_punishment or rank.ignored:
        return frozenset()
    perms: frozenset[str] = frozenset()
    if rank.can_warn:
        perms |= WARNING
    if rank.can_adjust:
        perms |= ADJUSTING
    if rank.can_grant_leave:
        perms |= LEAVE
    if rank.can_ban:
        perms |= BANNING | (LEADING if rank.adjust_limit is None else frozenset())
    return perms | PEOPLE if perms else perms
