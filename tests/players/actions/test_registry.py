"""The table of acts is complete: what an entry names exists, and every entry is used."""

import typing
from argparse import ArgumentParser
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from console.actions.forms import FORMS
from players.actions import preconditions
from players.actions.facts import facts_for
from players.actions.params import SUBJECTS
from players.actions.registry import ACTIONS, BY_NAME, INVERSES
from players.actions.staff_action import StaffAction
from players.api.schemas import CommandIn
from players.bulk.actions import ACTIONS as BULK_ACTIONS
from players.discipline.sanctions import MEASURES, warn
from players.management.commands.player import ARGUMENTS
from players.management.commands.player import Command as PlayerCommand
from players.models import Approval, Player, Sanction
from players.moderation.actors import at_the_shell, officer
from players.moderation.command import Command
from players.policy.permissions import Act
from tests.console.people import owner_client
from tests.matrix.doors import RULES
from tests.players.discipline.conftest import MARSHAL, make
from webhooks.messages.sentences import SENTENCES

INTERNAL = {"withdraw-recommendation", "reopen"}  # only undo performs them
# Rows of the matrix that try an act under another name.
MATRIX = {"adjust": "adjust a little", "rank": "promote"}
# Acts that the matrix tries through another act: by the decided rank, or the given points.
TRIED_AS = {
    "approve": "rank",
    "reject": "rank",
    "withdraw": "note",
    "award": "adjust",
    "extend-leave": "grant-leave",
    "end-leave": "grant-leave",
    "approve-leave": "grant-leave",
    "turn-down-leave": "grant-leave",
    "unlock-promotions": "lock-promotions",
    "allow-rank": "deny-rank",
    "end-exemption": "exempt",
}


def named(actions: typing.Iterable[StaffAction]) -> list[str]:
    return sorted(action.name for action in actions)


def test_no_two_acts_have_one_name() -> None:
    assert len(BY_NAME) == len(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_event_of_an_act_has_a_sentence(action: StaffAction) -> None:
    assert set(action.events) <= set(SENTENCES)
    # These record the events of `propose`, `grant-leave` and `extend-leave`.
    assert action.events or action.name in {"reopen", "approve-leave"}


def test_every_inverse_is_an_act() -> None:
    assert {inverse.action for inverse in INVERSES.values()} <= set(BY_NAME)


def test_every_act_is_reached_somehow() -> None:
    undoing = {inverse.action for inverse in INVERSES.values()}
    reached = {
        action.name
        for action in ACTIONS
        if action.dialog or action.bulk or action.in_game or action.command_line
    }
    assert set(BY_NAME) - reached == INTERNAL
    assert undoing >= INTERNAL


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_act_is_tried_by_the_matrix(action: StaffAction) -> None:
    name = TRIED_AS.get(action.name, action.name)
    assert MATRIX.get(name, name) in RULES or action.name in INTERNAL


@pytest.mark.parametrize("action", [one for one in ACTIONS if one.dialog], ids=lambda one: one.name)
def test_a_dialog_has_a_form(action: StaffAction) -> None:
    assert action.params in FORMS


def test_a_bulk_act_finds_the_row_that_it_is_about() -> None:
    assert named(BULK_ACTIONS.values()) == named(action for action in ACTIONS if action.bulk)
    assert {action.name for action in ACTIONS if action.bulk and action.subject_field} == {
        "pardon",
        "approve",
        "reject",
    }


def test_games_may_send_exactly_the_acts_that_are_in_game() -> None:
    kinds: Any = {field.name: field.type for field in msgspec.structs.fields(CommandIn)}["kind"]
    assert sorted(typing.get_args(kinds)) == named(action for action in ACTIONS if action.in_game)


def test_the_command_line_has_a_subcommand_for_each_of_its_acts() -> None:
    parser = ArgumentParser()
    PlayerCommand().add_arguments(parser)
    (acts,) = [one for one in parser._actions if one.dest == "act"]
    assert acts.choices is not None
    expected = named(action for action in ACTIONS if action.command_line)
    assert sorted(set(acts.choices) - {"erase"}) == expected


@pytest.mark.parametrize(
    "action", [one for one in ACTIONS if one.command_line], ids=lambda one: one.name
)
def test_every_parameter_has_an_argument(action: StaffAction) -> None:
    assert set(action.params.__struct_fields__) - {"text"} <= set(ARGUMENTS)  # a note's reason


@pytest.mark.parametrize("act", MEASURES)
def test_the_rule_asks_the_same_precondition(act: Act) -> None:
    action = BY_NAME[str(act)]
    assert MEASURES[act].precondition is action.precondition
    assert MEASURES[act].shape is action.params


@pytest.mark.django_db
@pytest.mark.parametrize("action", [one for one in ACTIONS if one.dialog], ids=lambda one: one.name)
def test_a_dialog_has_an_address(bootstrapped: None, action: StaffAction) -> None:
    make(1, "Captain I")
    suffix = "999/" if action.subject_field in SUBJECTS else ""
    answer = owner_client().get(f"/admin/acts/{action.name}/1/{suffix}")
    assert answer.status_code == (404 if suffix else 200)


@pytest.mark.django_db
@pytest.mark.parametrize("warnings", range(9))
def test_a_warning_does_what_its_dialog_says(bootstrapped: None, warnings: int) -> None:
    now, marshal = timezone.now(), MARSHAL
    player = make(1, "Captain I")
    make(marshal, "Stormmarshal")
    for _ in range(warnings):
        _add(player, Sanction.Kind.WARNING)
    said = BY_NAME["warn"].consequence(facts_for(player, officer(marshal), now))
    warn(1, Command(by=officer(marshal), reason="seen it", now=now))
    suspended = Sanction.objects.filter(kind="suspension").exists()
    asked = Approval.objects.filter(act="ban").exists()
    assert ("a ban is asked for" in said) == asked
    assert ("it suspends them" in said) == (suspended and not asked)


@pytest.mark.django_db
def test_senseless_acts_are_refused_as_in_the_preview(bootstrapped: None) -> None:
    player, now = make(1, "Captain I"), timezone.now()
    facts = facts_for(player, at_the_shell(), now)
    assert preconditions.lift(facts, None) == "They are not suspended."
    done = BY_NAME["suspend"].perform(
        1, BY_NAME["suspend"].params(), Command(by=at_the_shell(), reason="x", now=now)
    )
    assert done.sanction is not None
    facts = facts_for(Player.objects.get(pk=player.pk), at_the_shell(), now)
    assert preconditions.suspend(facts, None) == "They are suspended already."


def _add(player: Player, kind: Sanction.Kind) -> None:
    Sanction.objects.create(
        player=player,
        kind=kind,
        source="staff",
        reason="x",
        issued_by="staff:0",
        starts_at=timezone.now(),
    )
