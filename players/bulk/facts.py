"""Judge the rows of a bulk job. Nothing here changes anything."""

import datetime as dt
from dataclasses import dataclass

from players.active_policy import ActivePolicy, active
from players.models import Player
from players.moderation import daily_limit
from players.moderation.actors import Staff
from players.moderation.authorization import Circumstances, Permission, permission_for
from players.moderation.daily_limit import Taken
from players.policy.bundle import RankRule
from players.policy.permissions import Act


@dataclass(frozen=True, slots=True)
class Case:
    """A row before it is judged: the `act`, the player, and the rank after it.

    `subject` is the id of the sanction, decision or event concerned. `why_not`: why the act makes
    no sense, if it does not. `second`: why it needs a second person beyond the usual rules.
    """

    act: Act
    player: Player | None
    subject: int | None = None
    to: RankRule | None = None
    amount: int = 0
    why_not: str = ""
    second: str = ""


@dataclass(slots=True)
class Judge:
    """Judges rows one after the other for one person, and adds up the adjustments they allow."""

    by: Staff
    now: dt.datetime
    policy: ActivePolicy
    taken: Taken

    @classmethod
    def of(cls, by: Staff, now: dt.datetime) -> "Judge":
        return cls(by, now, active(), daily_limit.taken(by, now))

    def judge(self, case: Case) -> Permission:
        if case.why_not:
            return Permission(False, reason=case.why_not)
        assert case.player is not None
        found = permission_for(
            case.act,
            case.player,
            self.by,
            Circumstances(
                self.now, amount=case.amount, to=case.to, policy=self.policy, taken=self.taken
            ),
        )
        if found.allowed and case.amount:
            self.taken = self.taken.plus(case.amount)
        if (
            found.allowed
            and case.second
            and not found.needs_second_person
            and not self.by.bypasses_second_person
        ):
            return Permission(True, True, case.second)
        return found
