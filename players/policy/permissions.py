"""Who may act on whom. Everything that is not explicitly allowed is refused."""

import enum
from dataclasses import dataclass

from players.policy.bundle import SECOND_ABOVE, RankRule
from players.policy.membership import MembershipStatus, belongs


class Act(enum.StrEnum):
    WARN = "warn"
    PARDON = "pardon"
    SUSPEND = "suspend"
    LIFT = "lift"
    BAN = "ban"
    UNBAN = "unban"
    ADJUST = "adjust"
    NOTE = "note"
    RECOMMEND = "recommend"
    PROPOSE = "propose"
    PROMOTE = "promote"
    DEMOTE = "demote"
    LEAVE = "leave"
    LOCK = "lock"
    EXEMPT = "exempt"


# The entitlement of a rank that an act needs.
NEEDS = {
    Act.WARN: "can_warn",
    Act.PARDON: "can_warn",
    Act.SUSPEND: "can_warn",
    Act.LIFT: "can_warn",
    Act.NOTE: "can_warn",
    Act.RECOMMEND: "can_warn",
    Act.PROPOSE: "can_warn",
    Act.PROMOTE: "can_adjust",
    Act.DEMOTE: "can_adjust",
    Act.LOCK: "can_adjust",
    Act.ADJUST: "can_adjust",
    Act.BAN: "can_ban",
    Act.UNBAN: "can_ban",
    Act.LEAVE: "can_grant_leave",
    Act.EXEMPT: "can_warn",
}
SECOND_PERSON = {Act.BAN, Act.UNBAN}
CHANGES_RANK = {Act.PROPOSE, Act.PROMOTE, Act.DEMOTE}
FOR_MEMBERS = {Act.RECOMMEND, Act.PROPOSE, Act.PROMOTE}  # only members are promoted
NOT_FOR_GUESTS = {
    Act.WARN,
    Act.SUSPEND,
    Act.BAN,
    Act.DEMOTE,
}  # former members can be sanctioned, people who never were members cannot


class Refusal(enum.StrEnum):
    OWN = "nobody acts on themselves"
    ABOVE = "the player stands at or above your own position"
    TARGET_ABOVE = "the rank stands at or above your own position"
    NO_RANK = "a change of rank must say which rank it leads to"
    NOT_ENTITLED = "your rank does not entitle you to it"
    NO_MEMBER = "only a member of the group may act"
    TARGET_NO_MEMBER = "the player is no member of the group"


@dataclass(frozen=True, slots=True)
class PermissionVerdict:
    """Whether an act is allowed, and whether a second entitled person must approve it first."""

    allowed: bool
    second: bool = False
    reason: Refusal | None = None


def may(
    act: Act,
    actor: RankRule,
    target: RankRule,
    *,
    own: bool,
    actor_membership: MembershipStatus,
    target_membership: MembershipStatus,
    amount: int = 0,
    adjusted_today: int = 0,
    to: RankRule | None = None,
    second_above: int = SECOND_ABOVE,
) -> PermissionVerdict:
    """Decide whether a holder of `actor` may act on a holder of `target`.

    `own`: both are one person. `amount` and `adjusted_today` are hundredths, their signs do not
    count. `to` is the rank after a proposal, promotion or demotion, which is refused without it. An
    adjustment of more than `second_above` hundredths needs a second person, whatever the actor's
    daily limit.
    """
    if own:
        return PermissionVerdict(False, reason=Refusal.OWN)
    if not belongs(actor_membership):
        return PermissionVerdict(False, reason=Refusal.NO_MEMBER)
    if actor.is_punishment or actor.ignored or not _entitled(act, actor):
        return PermissionVerdict(False, reason=Refusal.NOT_ENTITLED)
    if not concerns(act, target_membership):
        return PermissionVerdict(False, reason=Refusal.TARGET_NO_MEMBER)
    if target.position >= actor.position:
        return PermissionVerdict(False, reason=Refusal.ABOVE)
    if to is None and act in CHANGES_RANK:
        return PermissionVerdict(False, reason=Refusal.NO_RANK)
    if to is not None and to.position >= actor.position:
        return PermissionVerdict(False, reason=Refusal.TARGET_ABOVE)
    second = act in SECOND_PERSON or is_large(act, amount, second_above)
    return PermissionVerdict(True, second=second or past_limit(act, actor, amount, adjusted_today))


def is_large(act: Act, amount: int, second_above: int) -> bool:
    """Return whether an adjustment is so large that it needs a second person.

    `amount` in hundredths; its sign does not count.
    """
    return act is Act.ADJUST and abs(amount) > second_above


def concerns(act: Act, membership: MembershipStatus) -> bool:
    """Return whether an act can apply to somebody of this membership, whoever does it."""
    if act in FOR_MEMBERS:
        return belongs(membership)
    return act not in NOT_FOR_GUESTS or membership is not MembershipStatus.GUEST


def _entitled(act: Act, actor: RankRule) -> bool:
    need = NEEDS.get(act)
    return need is not None and bool(getattr(actor, need))


def past_limit(act: Act, actor: RankRule, amount: int, adjusted_today: int) -> bool:
    """Return whether an act exceeds its rank's daily limit. Signs of the hundredths do not count."""
    if act is not Act.ADJUST or actor.adjust_limit is None:
        return False
    return abs(amount) + abs(adjusted_today) > actor.adjust_limit
