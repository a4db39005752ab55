"""Parameters of acts besides the player and the command, one struct for each shape.

`parse` reads them from a form, from JSON and from the command line.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from common.errors import Refused
from players.active_policy import active
from players.discipline import notes
from players.moderation.input import check_evidence, check_moment
from players.points import adjustments


class Params(msgspec.Struct, frozen=True, omit_defaults=True):
    """No parameters."""


class Evidence(Params, frozen=True):
    evidence: tuple[str, ...] = ()


class Suspension(Evidence, frozen=True):
    """`until` None: for the policy's trial days."""

    until: dt.datetime | None = None


class Ban(Evidence, frozen=True):
    """`until` None: permanent. `alt_accounts`: Roblox bans the person's other accounts too."""

    until: dt.datetime | None = None
    alt_accounts: bool = True


class Until(Params, frozen=True):
    """`until` None: without an end."""

    until: dt.datetime | None = None


class Pardon(Params, frozen=True):
    """The id of a warning."""

    sanction: int


class AdjustmentParams(Params, frozen=True):
    """Hundredths of points."""

    amount: int


class NoteText(Params, frozen=True):
    text: str


class NoteId(Params, frozen=True):
    note: int


class RankName(Params, frozen=True):
    rank: str


class DecisionId(Params, frozen=True):
    decision: int


class RecommendationId(Params, frozen=True):
    recommendation: int


class LeavePeriod(Params, frozen=True):
    """Whole UTC days, both included. `first` None: from today."""

    last: dt.date
    first: dt.date | None = None


class LastDay(Params, frozen=True):
    """The day on which a leave ends instead."""

    last: dt.date


class LeaveId(Params, frozen=True):
    leave: int


class Exemption(Params, frozen=True):
    """`quota`: its name, or "" for all. `until`: its day is the last one; None: without end."""

    quota: str = ""
    until: dt.datetime | None = None


class ExemptionId(Params, frozen=True):
    exemption: int


class EventName(Params, frozen=True):
    """An event of the policy, such as training."""

    event: str = ""


# The fields that name a row of the player's.
SUBJECTS = frozenset({"sanction", "note", "decision", "recommendation", "leave", "exemption"})
MISSING = {
    "amount": "amount: say how many points, as 12.5 or -3.",
    "rank": "rank: say which rank.",
    "text": "text: a note says something.",
    "last": "last: say the last day, as 2030-01-31.",
}


def check_rank(name: str) -> str:
    """Return the name if the rank can be given manually. Raises Refused."""
    policy = active()
    if name not in policy.rank_ids:
        raise Refused(
            f"rank: there is no rank {name!r}. The ranks are: {', '.join(policy.rank_ids)}."
        )
    if policy.bundle.by_name[name].is_punishment:
        raise Refused("rank: nobody is given that by hand; suspend them instead.")
    return name


CHECKS: dict[str, Callable[[Any], Any]] = {
    "evidence": lambda links: tuple(check_evidence(links)),
    "until": check_moment,
    "amount": adjustments.check_amount,
    "text": notes.check_text,
    "rank": check_rank,
}


def parse[P: Params](shape: type[P], given: Mapping[str, Any]) -> P:
    """Return the parameters among `given`, ignoring other keys. Raises Refused naming the field."""
    names = [name for name in shape.__struct_fields__ if given.get(name) is not None]
    for field in msgspec.structs.fields(shape):
        if field.required and field.name not in names:
            raise Refused(MISSING.get(field.name, f"{field.name}: it is required."))
    checked = {name: CHECKS.get(name, _as_it_is)(given[name]) for name in names}
    return msgspec.convert(checked, shape)


def subject_of(shape: type[Params]) -> str:
    """Return the field that names the row which the act concerns, or "" for the player."""
    return next((name for name in shape.__struct_fields__ if name in SUBJECTS), "")


def _as_it_is(value: Any) -> Any:
    return value
