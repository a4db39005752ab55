"""The context of one act on a player, and its result."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from players.models import Approval, Decision, Player, Sanction
from players.moderation.actors import Staff
from players.moderation.daily_limit import Taken
from players.moderation.input import check_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Who acts, when and why, and the origin of the act.

    `reverts`: id of the audit event that it undoes. `experience`: key of the experience whose game
    server sent it. `approved`: a second person approved it already, and `approval` is the id of
    that request, if there is one. `counts_toward_limit`: False inside an approved bulk job.
    `prepaid`: the use of the day that the bulk job was charged to; None for a single act.
    """

    by: Staff
    now: dt.datetime
    reason: str = ""
    reverts: int | None = None
    source: str = Sanction.Source.STAFF
    experience: str = ""
    approved: bool = False
    approval: int | None = None
    counts_toward_limit: bool = True
    prepaid: Taken | None = None

    def checked(self) -> "Command":
        """Return a copy with a trimmed reason. Raises Refused for a missing or too long one."""
        return replace(self, reason=check_reason(self.reason))

    @property
    def details(self) -> dict[str, Any]:
        """The approval's id for the audit event."""
        return {"approval": self.approval} if self.approval is not None else {}


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The result of an act. With `approval` nothing happened yet: a second person must approve."""

    sentence: str
    event: int | None = None
    approval: Approval | None = None
    sanction: Sanction | None = None
    decision: Decision | None = None
    player: Player | None = None
