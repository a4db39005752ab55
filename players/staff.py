"""Who acts, when a person does: the name for the audit log, and the rank that says what they may do."""

from dataclasses import dataclass

from audits.record import Actor
from players.policy.bundle import Rank


class Refused(Exception):
    """An act that is not allowed or makes no sense; the text says why, for the person who asked."""


@dataclass(frozen=True)
class Staff:
    """A person who acts. `rank` is their present rank on the ladder; None is an owner, whom no rank binds."""

    actor: Actor
    rank: Rank | None
    user_id: int | None = None

    @property
    def name(self) -> str:
        return f"{self.actor.kind}:{self.actor.id}"
