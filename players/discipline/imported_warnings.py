"""Issue warnings that an import brings, and lift them when the import is undone.

An imported warning counts like any other, but it leads to no suspension or ban by itself: nobody is
suspended because a community moves. The next warning in GRPS counts it.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.actions import Action
from audits.queries import PART_OF
from audits.record import Actor, record
from players.active_policy import active
from players.models import Player, Sanction
from players.moderation.audit_fields import policy_version, target_of
from players.policy.warning_thresholds import warning_expires

BROUGHT = "brought by import {}"


@dataclass(frozen=True, slots=True)
class Issue:
    """The import `job` that issues or lifts warnings, and who asked for it.

    `part_of`: what the audit events say that they are part of.
    """

    job: int
    part_of: str
    actor: Actor
    name: str
    now: dt.datetime
    reason: str

    def warn(self, player: Player, warnings: Sequence[Mapping[str, str]]) -> list[int]:
        """Issue warnings (`at`, `reason`) to a locked player; return their ids."""
        return [self._warn(player, one) for one in warnings]

    def _warn(self, player: Player, warning: Mapping[str, str]) -> int:
        starts = dt.datetime.fromisoformat(warning["at"])
        sanction = Sanction.objects.create(
            player=player,
            kind=Sanction.Kind.WARNING,
            source=Sanction.Source.IMPORT,
            reason=warning["reason"],
            issued_by=self.name,
            starts_at=starts,
            ends_at=warning_expires(starts, active().bundle.punishments),
        )
        sanction.event = record(
            Action.PLAYER_WARNED,
            actor=self.actor,
            target=target_of(player),
            reason=warning["reason"] or BROUGHT.format(self.job),
            after={"sanction": sanction.pk, "source": str(sanction.source)},
            details={PART_OF: self.part_of},
            policy_version=policy_version(),
        )
        sanction.save(update_fields=["event"])
        return int(sanction.pk)

    def lift(self, player: Player, sanction_ids: Sequence[int]) -> None:
        """Lift imported warnings of a locked player that are still in force."""
        rows = Sanction.objects.filter(pk__in=sanction_ids, player=player, lifted_at=None)
        for sanction in rows.order_by("pk"):
            sanction.lifted_at, sanction.lifted_by = self.now, self.name
            sanction.lift_reason = self.reason
            sanction.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
            record(
                Action.PLAYER_PARDONED,
                actor=self.actor,
                target=target_of(player),
                reason=self.reason,
                before={"sanction": sanction.pk},
                details={PART_OF: self.part_of},
                reverts=sanction.event,
                policy_version=policy_version(),
            )
