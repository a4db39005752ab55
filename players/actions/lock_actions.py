"""The acts of staff that keep players from ranks, for the registry."""

from audits.actions import Action
from players.actions import inverses, preconditions
from players.actions.consequences import says
from players.actions.inverses import Inverse
from players.actions.params import RankName, Until
from players.actions.staff_action import StaffAction
from players.policy.permissions import Act
from players.ranks import locks

LOCK_ACTIONS: tuple[StaffAction, ...] = (
    StaffAction(
        name=locks.LOCK,
        title="Lock promotions",
        phrase="Lock the promotions of",
        right="players.adjust",
        permission=Act.LOCK,
        params=Until,
        perform=lambda user_id, it, command: locks.lock_promotions(user_id, it.until, command),
        precondition=preconditions.lock_promotions,
        consequence=says("They keep their rank and earn points, but nothing promotes them."),
        events={
            Action.PROMOTIONS_LOCKED: Inverse(
                locks.UNLOCK, inverses.restriction("Unlocks their promotions.")
            )
        },
    ),
    StaffAction(
        name=locks.UNLOCK,
        title="Unlock promotions",
        phrase="Unlock the promotions of",
        right="players.adjust",
        permission=Act.LOCK,
        perform=lambda user_id, it, command: locks.unlock_promotions(user_id, command),
        precondition=preconditions.unlock_promotions,
        consequence=says("A promotion that is due follows at once."),
        events={
            Action.PROMOTIONS_UNLOCKED: Inverse(
                locks.LOCK, inverses.lifted_lock, inverses.former_lock
            )
        },
    ),
    StaffAction(
        name=locks.DENY,
        title="Deny a rank",
        phrase="Deny a rank to",
        right="players.adjust",
        permission=Act.LOCK,
        params=RankName,
        perform=lambda user_id, it, command: locks.deny_rank(user_id, it.rank, command),
        precondition=preconditions.deny_rank,
        consequence=says("Neither the policy nor a person gives it to them until it is allowed."),
        events={
            Action.RANK_DENIED: Inverse(
                locks.ALLOW, inverses.restriction("Allows them the rank."), inverses.denied_rank
            )
        },
    ),
    StaffAction(
        name=locks.ALLOW,
        title="Allow a denied rank",
        phrase="Allow a denied rank to",
        right="players.adjust",
        permission=Act.LOCK,
        params=RankName,
        perform=lambda user_id, it, command: locks.allow_rank(user_id, it.rank, command),
        precondition=preconditions.allow_rank,
        consequence=says("A promotion to it that is due follows at once."),
        events={
            Action.RANK_ALLOWED: Inverse(locks.DENY, inverses.allowed_rank, inverses.denied_rank)
        },
    ),
)
