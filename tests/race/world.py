"""The people of a race and their acts. Each attempt calls one rule, as every entry point does."""

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from audits.models import AuditEvent
from console.accounts.permissions import rights_of
from players.actions import undo
from players.models import Approval, Player
from players.moderation import approvals
from players.moderation.actors import Staff, at_the_shell, officer
from players.moderation.command import Command
from players.points import adjustments
from tests.console.people import local_owner
from tests.players.discipline.conftest import RANKS, make
from tests.race.together import Attempt

TARGET, OTHER, COLONEL, GENERAL = 1, 2, 905, 906
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Race:
    """Attempts that run at once. `wins` of them succeed; None: any number.

    The others are refused with a message that contains `told`. Then `effect` returns `expected`.
    """

    attempts: list[Attempt]
    effect: Callable[[], Any]
    expected: Any
    wins: int | None = 1
    told: str = ""


def populate() -> None:
    """Create two plain players, an officer of each kind, and the owners."""
    for user_id in (TARGET, OTHER):
        make(user_id, "Captain I", days=30)
    for user_id, rank in {
        **RANKS,
        COLONEL: "Electro Colonel",
        GENERAL: "Brigadier General",
    }.items():
        make(user_id, rank)
    for name in ("olga", "sven", "ines"):
        local_owner(name)


def owner(name: str = "olga") -> Staff:
    """Return a local owner with the console's rights."""
    from django.contrib.auth.models import User

    found = rights_of(User.objects.get(username=name)).staff
    assert found is not None
    return found


def order(by: Staff, **more: Any) -> dict[str, Any]:
    return {"by": by, "reason": "seen it", "now": timezone.now()} | more


def call(act: Callable[..., Any], *given: Any, by: Staff, **more: Any) -> Attempt:
    """Return an attempt that calls an act."""
    return lambda: act(*given, **order(by, **more))


def acting(act: Callable[..., Any], *given: Any, by: Staff) -> Attempt:
    """Return an attempt that calls an act which takes a Command."""
    return lambda: act(*given, Command(**order(by)))


def staff(*user_ids: int) -> list[Staff]:
    return [officer(user_id) for user_id in user_ids]


def shell() -> Staff:
    return at_the_shell()


def player(user_id: int = TARGET) -> Player:
    return Player.objects.select_related("rank").get(user_id=user_id)


def told(action: str) -> int:
    """Return the number of audit events of an action."""
    return AuditEvent.objects.filter(action=action).count()


def last(action: str) -> int:
    found = (
        AuditEvent.objects.filter(action=action)
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )
    assert found is not None, action
    return found


def adjusted(amount: int = 10_00, user_id: int = TARGET) -> int:
    """Make an adjustment. Returns its event."""
    done = adjustments.adjust(user_id, amount, Command(**order(shell())))
    assert done.event is not None
    return done.event


def held_undo(event: int, by: Staff) -> Approval:
    """Request an undo that is held, because the person acted very often lately."""
    from players.moderation import velocity_limit

    velocity_limit.record_acts(by, timezone.now(), acts=20)
    approval = undo.revert(event, Command(**order(by))).approval
    assert approval is not None
    return approval


def approve(approval: Approval, by: Staff) -> Attempt:
    return call(approvals.approve, approval.pk, by=by)


def ago(**span: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**span)
