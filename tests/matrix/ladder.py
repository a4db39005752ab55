"""The ladder's rules of who may do what, written by hand and evaluated without the code."""

from dataclasses import dataclass

# From the lowest to the highest. People act only on lower ranks.
ORDER = (
    "Suspended",
    "Initiate",
    "Shock Trooper I",
    "Shock Trooper II",
    "Volt Specialist I",
    "Volt Specialist II",
    "Storm Corporal I",
    "Storm Corporal II",
    "Thunder Sergeant I",
    "Thunder Sergeant II",
    "Arc Lieutenant I",
    "Arc Lieutenant II",
    "Captain I",
    "Captain II",
    "Envoy",
    "Ambassador",
    "Tempest Major",
    "Electro Colonel",
    "Brigadier General",
    "Stormmarshal",
    "Supreme Admirals",
    "Supreme Command",
    "Supreme Council",
    "Imperator",
)
WARN = {
    "Tempest Major",
    "Electro Colonel",
    "Brigadier General",
    "Stormmarshal",
    "Supreme Admirals",
    "Supreme Command",
    "Supreme Council",
    "Imperator",
}
ADJUST = WARN - {"Tempest Major"}
BAN = {"Supreme Admirals", "Supreme Command", "Supreme Council", "Imperator"}
LEAVE = WARN - {"Tempest Major", "Electro Colonel"}  # CCM and LDR
# Points a day. A rank that is not listed and may adjust has no limit.
LIMIT = {
    "Electro Colonel": 100,
    "Brigadier General": 500,
    "Stormmarshal": 500,
    "Supreme Admirals": 500,
}
GAME_AMOUNT = 500  # points; a game adds no more in one call
SECOND_EYES = 1000  # points; nobody adjusts more alone, whatever their limit
RECOMMENDS = WARN - {"Supreme Command", "Supreme Council", "Imperator"}  # CMD and CCM, not LDR
EARNS = set(ORDER) - {"Suspended", "Envoy", "Ambassador"}
ENTITLES = {
    "warn": WARN,
    "pardon": WARN,
    "suspend": WARN,
    "lift": WARN,
    "note": WARN,
    "propose": WARN,
    "exempt": WARN,
    "recommend": RECOMMENDS,
    "adjust a little": ADJUST,
    "adjust a lot": ADJUST,
    "adjust past what anybody may alone": ADJUST,
    "promote": ADJUST,
    "promote to one's own rank": ADJUST,
    "demote": ADJUST,
    "lock-promotions": ADJUST,
    "unlock-promotions": ADJUST,
    "deny-rank": ADJUST,
    "allow-rank": ADJUST,
    "ban": BAN,
    "unban": BAN,
    "grant-leave": LEAVE,
}
LITTLE, LOT, VERY_MUCH = 100, 501, 1001  # points
AMOUNTS = {
    "adjust a little": LITTLE,
    "adjust a lot": LOT,
    "adjust past what anybody may alone": VERY_MUCH,
}
RANKED = {"propose", "promote", "promote to one's own rank", "demote"}
NAMES_RANK = {"deny-rank", "allow-rank"}
ALLOWED, HELD, REFUSED = "allowed", "held", "refused"

RANKS = (
    "Initiate",
    "Captain II",
    "Envoy",
    "Ambassador",
    "Tempest Major",
    "Electro Colonel",
    "Brigadier General",
)
PEOPLE = (
    *RANKS,
    "Stormmarshal",
    "Supreme Admirals",
    "Supreme Command",
    "Imperator",
    "a suspended Imperator",
    "a banned Imperator",
    "an owner without a rank",
    "the operator",
)
TARGETS = (
    "somebody below",
    "somebody of the same rank",
    "somebody above",
    "oneself",
    "somebody suspended below",
)


@dataclass(frozen=True)
class Case:
    """One attempt: `person` of PEOPLE does `act` to one of TARGETS."""

    person: str
    act: str
    target: str

    @property
    def rank(self) -> str:
        """The rank that the person holds or held. People without a rank are above all."""
        return self.person.rpartition(" ")[2] if self.person.startswith("a ") else self.person

    @property
    def sanctioned(self) -> bool:
        return self.person.startswith("a ")

    @property
    def bound(self) -> bool:
        """Whether the hierarchy binds the person."""
        return self.person not in {"an owner without a rank", "the operator"}

    @property
    def target_rank(self) -> str:
        """The target's rank, or their former rank during a suspension."""
        if not self.bound or self.target in {"somebody below", "somebody suspended below"}:
            return "Shock Trooper I"
        above = ORDER[min(ORDER.index(self.rank) + 1, len(ORDER) - 1)]
        return above if self.target == "somebody above" else self.rank

    @property
    def to(self) -> str:
        """The new rank in a change of rank."""
        if self.act == "demote":
            return "Initiate"
        if self.act == "promote to one's own rank":
            return self.rank if self.bound else "Imperator"
        return "Shock Trooper II"

    @property
    def suspended(self) -> bool:
        return self.target == "somebody suspended below" or self.act == "lift"

    @property
    def expected(self) -> str:
        if not self._sensible():
            return REFUSED
        if not self.bound:
            return self._of_unbound()
        if self.sanctioned or self.target == "oneself" or self.rank not in ENTITLES[self.act]:
            return REFUSED
        if not _higher(self.rank, self.target_rank) or (
            self.act in {*RANKED, *NAMES_RANK} and not _higher(self.rank, self.to)
        ):
            return REFUSED
        if self.act in {"ban", "unban"} or AMOUNTS.get(self.act, 0) > LIMIT.get(
            self.rank, SECOND_EYES
        ):
            return HELD
        return ALLOWED

    def _sensible(self) -> bool:
        """Return whether the act makes sense for the target, independently of the person."""
        if self.suspended and (self.act in RANKED or self.act in {"suspend", "recommend"}):
            return False
        if self.act == "recommend":
            return self.target_rank in EARNS
        return self.act not in RANKED or self.to != self.target_rank

    def _of_unbound(self) -> str:
        if self.act == "recommend":
            return REFUSED  # only officers recommend
        if self.person == "the operator":
            return ALLOWED  # at the shell no second person exists; the audit log reports it clearly
        return (
            HELD
            if self.act in {"ban", "unban"} or AMOUNTS.get(self.act, 0) > SECOND_EYES
            else ALLOWED
        )


def _higher(one: str, other: str) -> bool:
    return ORDER.index(one) > ORDER.index(other)


def cases(act: str, people: tuple[str, ...]) -> list[Case]:
    """List every attempt at an act. People who are no players have no equals and nobody above."""
    found = [Case(person, act, target) for person in people for target in TARGETS]
    return [
        case
        for case in found
        if case.bound or case.target in {"somebody below", "somebody suspended below"}
    ]
