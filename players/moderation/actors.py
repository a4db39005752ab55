"""People who act: their name for the audit log, and the rank that gives them permissions."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest

from audits.record import Actor, operator
from common.errors import NotAllowed, Refused, Unconfirmed
from players.active_policy import active
from players.membership import freshness
from players.membership.status import present
from players.models import Player
from players.policy.bundle import RankRule
from players.policy.membership import MembershipStatus, belongs

# Technical rights belong to the console and do not depend on the ladder. The console registers here
# a function that returns an actor's present rights.
RIGHTS: list[Callable[[Actor], frozenset[str]]] = []
# Several accounts may belong to one person. The console registers here a function that returns them
# as (name, person), for example `staff:local-5` and `staff:5`.
ACCOUNTS: list[Callable[[Actor], frozenset[tuple[str, str]]]] = []
# Functions that return whether an actor without a player was an owner of the console and no longer
# is.
GONE: list[Callable[[Actor], bool]] = []
LOCAL = re.compile(r"staff:[0-9]+")  # the person of an account without a player
# Functions that return the Roblox user ids of all holders of a technical role.
ROLE_HOLDERS: list[Callable[[], frozenset[int]]] = []


@dataclass(frozen=True)
class Staff:
    """A person who acts.

    `rank`: their present rank on the ladder, or None for an owner, whom no rank limits.
    `bypasses_second_person`: only for the operator at the machine's shell, who has access to the
    database anyway.
    """

    actor: Actor
    rank: RankRule | None
    user_id: int | None = None
    bypasses_second_person: bool = False
    rights: frozenset[str] = frozenset()
    membership: MembershipStatus = MembershipStatus.MEMBER
    also: frozenset[tuple[str, str]] = (
        frozenset()
    )  # the same person's other accounts, as in ACCOUNTS

    def has(self, right: str) -> bool:
        """Return whether they have a technical right, such as `console.policy`.

        What they may do to players depends on their rank instead.
        """
        return self.bypasses_second_person or right in self.rights

    @property
    def person(self) -> str:
        """The identity by which a second person must differ, such as `player:12`.

        It is the same for every way of access. If one of several accounts is a player's, that
        player is the identity.
        """
        own = self.actor.subject or self.name
        players = sorted(person for _, person in self.also if person.startswith("player:"))
        return own if own.startswith("player:") or not players else players[0]

    def is_person(self, person: str) -> bool:
        """Return whether a stored `person` is one of their accounts."""
        return person in {self.person, self.actor.subject or self.name} | {
            one for _, one in self.also
        }

    def is_player(self, player: Player) -> bool:
        """Return whether a player is this person."""
        return self.user_id == player.user_id or any(
            person == player.subject for _, person in self.also
        )

    def is_named(self, name: str) -> bool:
        """Return whether a stored `name`, such as `staff:12`, is one of their accounts."""
        return name in {self.name} | {one for one, _ in self.also}

    @property
    def persons(self) -> list[str]:
        """Every `person` value that can identify them."""
        return sorted(
            {self.person, self.actor.subject or self.name} | {one for _, one in self.also}
        )

    @property
    def is_unlinked(self) -> bool:
        """Whether they are a local owner without a linked player."""
        return not self.bypasses_second_person and is_local(self.person)

    @property
    def name(self) -> str:
        return f"{self.actor.kind}:{self.actor.id}"


def at_the_shell() -> Staff:
    """Return the operator of this machine, whom no rank limits."""
    return Staff(operator(), rank=None, bypasses_second_person=True)


def officer(user_id: int) -> Staff:
    """Return a player who acts, with their present rank.

    Raises Refused for an unknown id, and NotAllowed for sanctioned people and for those who left
    the group.
    """
    player = Player.objects.select_related("rank").filter(user_id=user_id, erased_at=None).first()
    if player is None:
        raise Refused(f"No player has the user id {user_id}.")
    rank = active().ranks.get(player.rank_id)
    if rank is None or rank.is_punishment or player.banned:
        raise NotAllowed("You may not: your rank does not entitle you to it.")
    if freshness.is_too_old(player):
        raise Unconfirmed(freshness.UNCONFIRMED)
    membership, actor = present(player.member), actor_of(player)
    rights = _rights(actor)
    # Somebody who never was a member may hold a technical role. Leaving the group ends that too.
    if not belongs(membership) and (membership is MembershipStatus.LEFT or not rights):
        raise NotAllowed("You may not: only a member of the group may act.")
    return Staff(
        actor, rank, player.user_id, rights=rights, membership=membership, also=accounts_of(actor)
    )


def unranked(actor: Actor) -> Staff:
    """Return an actor who is not a player: an owner of the console, or the machine's operator.

    Raises NotAllowed for an owner whose account has lost its access.
    """
    if any(gone(actor) for gone in GONE):
        raise NotAllowed("You may not: your account has no access any more.")
    is_operator = (actor.kind, actor.id) == (operator().kind, operator().id)
    return Staff(
        actor,
        rank=None,
        bypasses_second_person=is_operator,
        rights=_rights(actor),
        also=accounts_of(actor),
    )


def actor_of(player: Player) -> Actor:
    """Return a player as an officer in the audit log."""
    return Actor("staff", str(player.pk), player.username, player.subject)


def staff_of(request: HttpRequest) -> Staff:
    """Return who acts in the console. Raises PermissionDenied without a sign-in that has access."""
    found: Staff | None = getattr(request, "staff", None)
    if found is None:
        raise PermissionDenied("Sign in first.")
    return found


def is_local(person: str) -> bool:
    """Return whether a `person` is a local owner without a linked player."""
    return LOCAL.fullmatch(person) is not None


def accounts_of(actor: Actor) -> frozenset[tuple[str, str]]:
    """Return the actor's other accounts, as in ACCOUNTS."""
    return frozenset().union(*(tell(actor) for tell in ACCOUNTS))


def may_be_staff() -> Q:
    """Return a filter for players for whom `is_staff` can be true.

    It goes by rank, former rank and technical role.
    """
    ranks = [rank_id for rank_id, rank in active().ranks.items() if _acts(rank)]
    subjects = frozenset[int]().union(*(tell() for tell in ROLE_HOLDERS))
    return Q(rank__in=ranks) | Q(former_rank__in=ranks) | Q(user_id__in=subjects)


def is_staff(player: Player) -> bool:
    """Return whether a player has powers, now or after a suspension, or a technical role."""
    ranks = active().ranks
    held = (ranks.get(player.rank_id), ranks.get(player.former_rank_id or 0))
    technical = any(player.user_id in tell() for tell in ROLE_HOLDERS)
    return technical or any(rank is not None and _acts(rank) for rank in held)


def _acts(rank: RankRule) -> bool:
    return rank.can_warn or rank.can_adjust or rank.can_ban or rank.can_grant_leave


def _rights(actor: Actor) -> frozenset[str]:
    return frozenset().union(*(tell(actor) for tell in RIGHTS))
