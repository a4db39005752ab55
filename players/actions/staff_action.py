"""The shape of an act of staff on a player."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from players.actions import consequences, preconditions
from players.actions.consequences import Consequence
from players.actions.facts import Facts
from players.actions.inverses import Inverse
from players.actions.params import Params, subject_of
from players.moderation.actors import Staff
from players.moderation.command import ActionResult, Command
from players.policy.permissions import Act

Precondition = Callable[[Facts, Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffAction:
    """An act of staff on a player.

    `title` labels its button, and `phrase` precedes the player's name. `right`: the right that its
    pages require. `permission`: the act that the rules judge. `perform` is called with the player's
    Roblox user id. `events`: the audit events that it records, each with its inverse, if there is
    one. `subject` finds the row that it concerns if the caller named none. `needs_officer`: only an
    officer may do it, so the operator must name one. `severe`: its button warns.
    """

    name: str
    title: str
    phrase: str
    right: str
    permission: Act
    perform: Callable[[int, Any, Command], ActionResult]
    params: type[Params] = Params
    precondition: Precondition = preconditions.always
    consequence: Consequence = consequences.unsaid
    events: Mapping[str, Inverse | None] = field(default_factory=dict)
    subject: Callable[[Facts], int | None] = lambda facts: None
    check_actor: Callable[[Staff], object] = lambda by: None
    needs_officer: bool = False
    fresh_sign_in: bool = False
    severe: bool = False
    dialog: bool = True
    bulk: bool = True
    in_game: bool = True
    command_line: bool = True

    @property
    def subject_field(self) -> str:
        """The parameter that names the row which the act concerns, or "" for the player."""
        return subject_of(self.params)

    @property
    def on_player(self) -> bool:
        """Whether its dialog needs only the player."""
        return self.dialog and not self.subject_field
