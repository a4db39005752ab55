"""The award of a hosted event: by everybody of the ladder, to every level, through every door."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from common.errors import Refused
from players.actions import undo
from players.hosted_events import awarding
from players.hosted_events.to_award import to_award
from players.models import Approval, HostedEvent, HostedEventAttendance, HostedEventHost
from players.moderation import approvals
from players.moderation.actors import at_the_shell, officer
from players.moderation.command import Command
from tests.console.people import client_as, owner_client
from tests.matrix.doors import ACTOR, FEW, console_staff, player_of, staff
from tests.matrix.ladder import ADJUST, ALLOWED, EARNS, HELD, ORDER, PEOPLE, REFUSED, WARN, Case
from tests.matrix.test_matrix import _set as set_rank
from tests.matrix.test_matrix import undone
from tests.players.discipline.conftest import make

HOSTS = WARN  # CMD, CCM and LDR host
AWARDED = 15  # points, to attendees and hosts
HOSTESS, FIRST = 150, 300  # user ids
LOWEST_HOST = "Tempest Major"
ATTENDING = ("Suspended", "Initiate", "Captain II", "Envoy", LOWEST_HOST, "Stormmarshal")
BELOW_CMD = 4  # of them


@dataclass(frozen=True)
class Award:
    """An award by a person: of their own event, or of one that they attended."""

    person: str
    attended: bool

    @property
    def case(self) -> Case:
        return Case(self.person, "award", "somebody below")

    @property
    def expected(self) -> str:
        it = self.case
        if it.bound and (it.sanctioned or it.rank not in HOSTS):
            return REFUSED
        if it.bound and self.attended and it.rank == LOWEST_HOST:
            return REFUSED  # an event of somebody of the same rank
        return HELD if it.bound and it.rank not in ADJUST else ALLOWED

    def gives(self, rank: str) -> int:
        """Return what an attendee of a rank gets."""
        below = not self.case.bound or ORDER.index(rank) < ORDER.index(self.case.rank)
        return AWARDED if rank in EARNS and below else 0


Door = Callable[[Award, HostedEvent, str], str]


def by_the_rule(award: Award, event: HostedEvent, api_key: str) -> str:
    try:
        command = Command(by=staff(award.case), reason="well done", now=timezone.now())
        return HELD if awarding.award(event.pk, command).approval else ALLOWED
    except Refused:
        return REFUSED


def by_a_game(award: Award, event: HostedEvent, api_key: str) -> str:
    """Report with an order to award. By its bounds, the experience acts on nobody from CMD on."""
    event.attendances.filter(player__user_id__gte=FIRST + BELOW_CMD).delete()
    body = {
        "id": str(event.game_id),
        "revision": 0,
        "kind": "training",
        "hostUserId": event.host.user_id,
        "startedAt": timezone.now().isoformat(),
        "attendees": [],
        "award": {"byUserId": ACTOR, "reason": "well done"},
    }
    answer = Client(headers={"x-grps-api-key": api_key}).post(
        "/roblox/hosted-events", json.dumps(body), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    return {"awarded": ALLOWED, "waiting": HELD}.get(answer.json()["state"], REFUSED)


def on_the_console(award: Award, event: HostedEvent, api_key: str) -> str:
    browser = client_as(player_of(ACTOR)) if award.case.bound else owner_client("olga")
    browser.post(f"/admin/events/{event.pk}/award/", {"reason": "well done"})
    event.refresh_from_db()
    held = Approval.objects.filter(act=awarding.AWARD, status="waiting").exists()
    return ALLOWED if event.status == "awarded" else HELD if held else REFUSED


def at_a_shell(award: Award, event: HostedEvent, api_key: str) -> str:
    try:
        call_command(
            "hosted_event", "award", str(event.pk), "--reason", "well done", stdout=StringIO()
        )
    except CommandError:
        return REFUSED
    return ALLOWED


def by_approval(award: Award, event: HostedEvent, api_key: str) -> str:
    """Let the person approve the request of the event's host, a Tempest Major."""
    by = console_staff(award.case)
    asked = awarding.award(
        event.pk, Command(by=officer(event.host.user_id), reason="well done", now=timezone.now())
    ).approval
    assert asked is not None
    try:
        assert by is not None
        approvals.approve(asked.pk, by=by, reason="fine", now=timezone.now())
    except (Refused, AssertionError):
        return REFUSED
    return ALLOWED


DOORS: dict[str, tuple[Door, tuple[str, ...]]] = {
    "rule": (by_the_rule, PEOPLE),
    "game": (by_a_game, FEW),
    "console": (on_the_console, (*FEW, "an owner without a rank")),
    "shell": (at_a_shell, ("the operator",)),
}


def staged(award: Award) -> HostedEvent:
    """Create an ended training with an attendee of each kind, bypassing the rules."""
    if award.case.bound:
        set_rank(ACTOR, award.case.rank, suspended=award.case.sanctioned, banned=False)
    own = award.case.bound and not award.attended
    event = HostedEvent.objects.create(
        kind="training",
        experience="nexus",
        host=player_of(ACTOR if own else HOSTESS),
        status="ended",
        at_once=True,
        started_at=timezone.now(),
        ended_at=timezone.now(),
        last_report_at=timezone.now(),
        game_id=uuid.uuid4(),
    )
    HostedEventHost.objects.create(event=event, player=event.host)
    attending = [*range(FIRST, FIRST + len(ATTENDING)), *([ACTOR] if award.attended else [])]
    for user_id in attending:
        HostedEventAttendance.objects.create(
            event=event, player=player_of(user_id), attended=True, seconds=1
        )
    return event


def given(event: HostedEvent) -> dict[int, Any]:
    """Return the points that everybody at the event holds now, by user id."""
    rows = [*event.hosts.select_related("player"), *event.attendances.select_related("player")]
    return {row.player.user_id: row.player.points for row in rows}


def wanted(award: Award, event: HostedEvent, by: Award) -> dict[int, int]:
    """Return the points that everybody should hold. `by`: in whose name the award is given."""
    if award.expected != ALLOWED:
        return dict.fromkeys(given(event), 0)
    found = {FIRST + place: by.gives(rank) for place, rank in enumerate(ATTENDING)}
    found |= {ACTOR: 0, event.host.user_id: AWARDED}  # nobody awards themselves
    return {user_id: found[user_id] for user_id in given(event)}


@pytest.fixture
def hall(api_key: str) -> str:
    for user_id in (ACTOR, HOSTESS):
        make(user_id, LOWEST_HOST, days=1)
    for place, rank in enumerate(ATTENDING):
        make(FIRST + place, rank, days=1)
    return api_key


def awards(people: tuple[str, ...]) -> list[Award]:
    outside = {"an owner without a rank", "the operator"}
    both = [Award(person, attended) for person in people for attended in (False, True)]
    return [one for one in both if not (one.attended and one.person in outside)]


@pytest.mark.parametrize("name", DOORS)
def test_an_award_is_given_exactly_where_the_rules_say(hall: str, name: str) -> None:
    door, people = DOORS[name]
    wrong = {}
    for award in awards(people):
        with undone():
            event = staged(award)
            found = door(award, event, hall), given(event)
            expected = award.expected, wanted(award, event, award)
            if found != expected:
                wrong[award] = f"{found}, expected {expected}"
    assert wrong == {}


def test_a_second_person_approves_an_award_in_the_rules(hall: str) -> None:
    wrong = {}
    for person in (*FEW, "an owner without a rank"):
        award = Award(person, attended=True)
        asked_by = Award(LOWEST_HOST, attended=False)
        with undone():
            event = staged(award)
            found = by_approval(award, event, hall), given(event)
            expected = award.expected, wanted(award, event, asked_by)
            if found != expected:
                wrong[person] = f"{found}, expected {expected}"
    assert wrong == {}


def test_an_award_is_undone_where_it_could_be_given(hall: str) -> None:
    wrong = {}
    for person in FEW:
        award = Award(person, attended=False)
        with undone():
            event = staged(award)
            awarding.award(
                event.pk, Command(by=at_the_shell(), reason="well done", now=timezone.now())
            )
            event.refresh_from_db()
            by = console_staff(award.case)
            found = REFUSED
            try:
                if by is not None and event.award_event is not None:
                    command = Command(by=by, reason="a mistake", now=timezone.now())
                    found = HELD if undo.revert(event.award_event, command).approval else ALLOWED
            except Refused:
                pass
            left = sum(given(event).values())
            if (found, left == 0) != (award.expected, award.expected == ALLOWED):
                wrong[person] = f"{found} with {left} points, expected {award.expected}"
    assert wrong == {}


def test_the_queue_lists_what_somebody_may_award(hall: str) -> None:
    wrong = {}
    for award in awards((*FEW, "an owner without a rank")):
        with undone():
            event = staged(award)
            by = console_staff(award.case)
            listed = by is not None and to_award(by).filter(pk=event.pk).exists()
            if listed != (award.expected != REFUSED):
                wrong[award] = listed
    assert wrong == {}
