"""All kinds of work, in the order of their tabs."""

from typing import Any

from console.queue.appeals import Appeals
from console.queue.approvals import Requests
from console.queue.base import WorkKind
from console.queue.bulk import Adjustments
from console.queue.decisions import Decisions
from console.queue.discord import ParkedRoles
from console.queue.hosted_events import Awards
from console.queue.leaves import Leaves
from console.queue.operations import Denials, Endpoints, Guard, Keys, Mismatches, Reviews
from console.queue.quarantines import Quarantined
from console.queue.reports import Reports
from console.queue.roblox import Differences, Parked, Questions, Roles

KINDS: tuple[WorkKind, ...] = (
    Requests(),
    Adjustments(),
    Decisions(),
    Appeals(),
    Reports(),
    Leaves(),
    Awards(),
    Guard(),
    Roles(),
    Questions(),
    Denials(),
    Quarantined(),
    Differences(),
    Parked(),
    ParkedRoles(),
    Mismatches(),
    Endpoints(),
    Keys(),
    Reviews(),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def seen_by(user: Any) -> list[WorkKind]:
    """Return the kinds that a user has the right to see."""
    return [kind for kind in KINDS if kind.seen_by(user)]
