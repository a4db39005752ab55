"""People who act: their name for the audit log, and the rank that their permissions follow from."""

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
from players.policy.bundle import Rank
from players.policy.membership import Membership, belongs

# Technical rights are a matter of the console, above the ladder: it puts here what tells those of
# an actor by now.
RIGHTS: list[Callable[[Actor], frozenset[str]]] = []
# Several accounts may be one person's; the console knows. Each as (name, person): `staff:local-5`
# and `staff:5`.
ACCOUNTS: list[Callable[[Actor], frozenset[tuple[str, str]]]] = []
# Whether who acted and is no player was an owner of the console and is none any more.
GONE: list[Callable[[Actor], bool]] = []
LOCAL = re.compile(r"staff:[0-9]+")  # the person of an account that is no player's
# The same of the Roblox ids of all who hold a technical role.
ROLE_HOLDERS: list[Callable[[], frozenset[int]]] = []


@dataclass(frozen=True)
class Staff:
    """A person who acts. `rank` is their present rank on the ladder; None is an owner, whom no rank
    binds.

    `bypasses_second_person`: only the operator at the machine's shell, who has the database anyway.
    """

    actor: Actor
    rank: Rank | None
    user_id: int | None = None
    bypasses_second_person: bool = False
    rights: frozenset[str] = frozenset()
    membership: Membership = Membership.MEMBER
    also: frozenset[tuple[str, str]] = (
        frozenset()
    )  # the same person's other accounts, as in ACCOUNTS

    def has(self, right: str) -> bool:
        """Whether a technical right is theirs, as `console.policy`; what they may do to players is
        a matter of rank.
        """
        return self.bypasses_second_person or right in self.rights

    @property
    def person(self) -> str:
        """Who they are, as far as a second person must be somebody else, through whichever door:
        `player:12`.

        Of several accounts the player's speaks for all.
        """
        own = self.actor.subject or self.name
        players = sorted(person for _, person in self.also if person.startswith("player:"))
        return own if own.startswith("player:") or not players else players[0]

    def is_person(self, person: str) -> bool:
        """Whether a `person` as it was written down is they, whichever of their accounts it was."""
        return person in {self.person, self.actor.subject or self.name} | {
            one for _, one in self.also
        }

    def is_player(self, player: Player) -> bool:
        """Whether a player is they."""
        return self.user_id == player.user_id or any(
            person == player.subject for _, person in self.also
        )

    def is_named(self, name: str) -> bool:
        """The same of a `name`, as `staff:12`."""
        return name in {self.name} | {one for one, _ in self.also}

    @property
    def persons(self) -> list[str]:
        """Every `person` that may stand for them."""
        return sorted(
            {self.person, self.actor.subject or self.name} | {one for _, one in self.also}
        )

    @property
    def is_unlinked(self) -> bool:
        """A local owner of whom nobody knows which player they are."""
        return not self.bypasses_second_person and is_local(self.person)

    @property
    def name(self) -> str:
        return f"{self.actor.kind}:{self.actor.id}"


def at_the_shell() -> Staff:
    """The operator of this machine, whom no rank binds."""
    return Staff(operator(), rank=None, bypasses_second_person=True)


def officer(user_id: int) -> Staff:
    """A player who acts, with their present rank.

    Raises Refused for an unknown id, and NotAllowed for the sanctioned and for those who left the
    group.
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
    # Somebody who never was a member may hold a technical role; leaving takes that away too.
    if not belongs(membership) and (membership is Membership.LEFT or not rights):
        raise NotAllowed("You may not: only a member of the group may act.")
    return Staff(
        actor, rank, player.user_id, rights=rights, membership=membership, also=accounts_of(actor)
    )


def unranked(actor: Actor) -> Staff:
    """Somebody who acts and is no player: an owner of the console, or the machine's operator.

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
    """A player as the audit log names an officer."""
    return Actor("staff", str(player.pk), player.username, player.subject)


def staff_of(request: HttpRequest) -> Staff:
    """Who acts in the console. Raises PermissionDenied without a sign-in that has access."""
    found: Staff | None = getattr(request, "staff", None)
    if found is None:
        raise PermissionDenied("Sign in first.")
    return found


def is_local(person: str) -> bool:
    """Whether a `person` is a local owner without a linked player."""
    return LOCAL.fullmatch(person) is not None


def accounts_of(actor: Actor) -> frozenset[tuple[str, str]]:
    """The actor's other accounts, as in ACCOUNTS."""
    return frozenset().union(*(tell(actor) for tell in ACCOUNTS))


def may_be_staff() -> Q:
    """Players for whom `is_staff` can be true: by rank, former rank or technical role."""
    ranks = [rank_id for rank_id, rank in active().ranks.items() if _acts(rank)]
    subjects = frozenset[int]().union(*(tell() for tell in ROLE_HOLDERS))
    return Q(rank__in=ranks) | Q(former_rank__in=ranks) | Q(user_id__in=subjects)


def is_staff(player: Player) -> bool:
    """Whether a player has powers, now or once a suspension ends, or a technical role."""
    ranks = active().ranks
    held = (ranks.get(player.rank_id), ranks.get(player.former_rank_id or 0))
    technical = any(player.user_id in tell() for tell in ROLE_HOLDERS)
    return technical or any(rank is not None and _acts(rank) for rank in held)


def _acts(rank: Rank) -> bool:
    return rank.can_warn or rank.can_adjust or rank.can_ban


def _rights(actor: Actor) -> frozenset[str]:
    return frozenset().union(*(tell(actor) for tell in RIGHTS))
