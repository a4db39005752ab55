"""Leaves of absence: asked for, decided by whom the policy names, begun and ended by their days."""

import datetime as dt
import json
import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from common.errors import NotAllowed, Refused
from players.actions import undo
from players.leave import decisions, queries, requests, schedule
from players.leave.requests import Wish
from players.models import Leave, Player
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.policy.leave import DAY, LeaveDays, midnight
from tests.console.people import client_as
from tests.players.discipline.conftest import ADMIRAL, COMMAND, MAJOR, OPERATOR, order, player

Officers = Callable[[int], Staff]
NOW = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
TODAY = NOW.date()
Status = Leave.Status


def days(first: int, last: int) -> LeaveDays:
    """Return the days so many days from today."""
    return LeaveDays(TODAY + first * DAY, TODAY + last * DAY)


def ask(first: int = 0, last: int = 6, user_id: int = 1, now: dt.datetime = NOW) -> Leave:
    return requests.ask(user_id, Wish(days(first, last), "exams"), now=now)


def command(by: Staff, **changes: object) -> Command:
    return Command(**order(by, now=NOW) | changes)


def told() -> list[str]:
    return list(
        AuditEvent.objects.filter(action__startswith="leave.")
        .order_by("pk")
        .values_list("action", flat=True)
    )


def test_a_request_is_granted_begins_and_ends(people: Officers) -> None:
    leave = ask(1, 3)
    decisions.approve(leave.pk, command(people(ADMIRAL)))
    assert schedule.run(NOW) == 0
    assert queries.away([player().pk], TODAY) == {}
    begun = midnight(TODAY + DAY)
    assert schedule.run(begun) == 1
    assert queries.away([player().pk], TODAY + DAY)[player().pk] == leave
    assert schedule.run(begun + 2 * DAY) == 1  # the reminder, on the last day
    assert schedule.run(begun + 2 * DAY) == 0
    assert schedule.run(begun + 3 * DAY) == 1
    leave.refresh_from_db()
    assert (leave.status, leave.last_day) == (Status.ENDED, TODAY + 3 * DAY)
    assert told() == [
        *("leave.requested", "leave.granted", "leave.started", "leave.reminded", "leave.ended"),
    ]


def test_no_event_holds_the_reason_of_a_member(people: Officers) -> None:
    ask()
    event = AuditEvent.objects.get(action="leave.requested")
    assert "exams" not in str(event.details)
    assert not event.personal.filter(field="reason").exists()


@pytest.mark.parametrize("who", [MAJOR, 1])
def test_only_the_levels_of_the_policy_decide(people: Officers, who: int) -> None:
    leave = ask()
    with pytest.raises(NotAllowed):
        decisions.approve(leave.pk, command(people(who)))
    leave.refresh_from_db()
    assert leave.status == Status.ASKED


def test_nobody_decides_on_their_own(people: Officers) -> None:
    leave = ask(user_id=ADMIRAL)
    for who in (ADMIRAL, ADMIRAL - 1):  # themselves, and somebody below
        with pytest.raises(NotAllowed):
            decisions.approve(leave.pk, command(people(who)))
    decisions.turn_down(leave.pk, command(people(COMMAND), reason="there is an operation"))
    leave.refresh_from_db()
    assert (leave.status, leave.answer) == (Status.TURNED_DOWN, "there is an operation")


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        (-1, 3, "has passed"),
        (3, 1, "before the first day"),
        (400, 401, "days ahead"),
        (0, 60, "at most 60 days"),
        (4, 6, "extend it instead"),  # shares a day with the granted one
        (11, 12, "extend it instead"),  # begins on the day after it
    ],
)
def test_days_that_cannot_be(people: Officers, first: int, last: int, why: str) -> None:
    decisions.grant(1, days(5, 10), command(OPERATOR))
    with pytest.raises(Refused, match=why):
        ask(first, last)
    assert ask(12, 13).status == Status.ASKED


def test_one_request_at_a_time_and_few_a_day(people: Officers) -> None:
    leave = ask()
    with pytest.raises(Refused, match="already"):
        ask(30, 31)
    requests.withdraw(leave.pk, 1, NOW)
    for _ in range(requests.MOST_A_DAY - 1):
        requests.withdraw(ask().pk, 1, NOW)
    with pytest.raises(Refused, match="very often"):
        ask()


def test_nobody_touches_the_leave_of_somebody_else(people: Officers) -> None:
    leave = ask()
    for act in (requests.withdraw, requests.end):
        with pytest.raises(Refused, match="no such leave of yours"):
            act(leave.pk, MAJOR, NOW)


def test_more_days_are_asked_for_and_granted(people: Officers) -> None:
    leave = ask()
    decisions.approve(leave.pk, command(people(ADMIRAL)))
    requests.ask_for_more(leave.pk, 1, TODAY + 9 * DAY, "the exam was moved", NOW)
    decisions.approve(leave.pk, command(people(ADMIRAL)))
    leave.refresh_from_db()
    assert (leave.last_day, leave.extension_to) == (TODAY + 9 * DAY, None)
    requests.ask_for_more(leave.pk, 1, TODAY + 12 * DAY, "again", NOW)
    decisions.turn_down(leave.pk, command(people(ADMIRAL)))
    leave.refresh_from_db()
    assert (leave.status, leave.last_day) == (Status.APPROVED, TODAY + 9 * DAY)


def test_an_early_end_gives_the_other_days_back(people: Officers) -> None:
    leave = ask(0, 9)
    decisions.approve(leave.pk, command(people(ADMIRAL)))
    later = NOW + 2 * DAY
    schedule.run(later)
    requests.end(leave.pk, 1, later)
    found = queries.leaves_in([player().pk], TODAY - DAY, TODAY + 30 * DAY)
    assert found == {player().pk: [(TODAY, TODAY + 3 * DAY)]}
    assert queries.leaves_in([player().pk], TODAY + 3 * DAY, TODAY + 30 * DAY) == {}


def test_a_leave_that_did_not_begin_counts_nothing(people: Officers) -> None:
    decisions.grant(1, days(5, 10), command(OPERATOR))
    decisions.end(1, command(OPERATOR))
    assert queries.leaves_in([player().pk], TODAY, TODAY + 30 * DAY) == {}


def test_each_act_of_staff_is_undone(people: Officers) -> None:
    by = people(COMMAND)

    def undone(event: int | None) -> None:
        assert event is not None
        undo.revert(event, command(by))

    granted = decisions.grant(1, days(0, 9), command(by))
    moved = decisions.extend(1, TODAY + 20 * DAY, command(by))
    undone(moved.event)
    assert Leave.objects.get(status=Status.APPROVED).last_day == TODAY + 9 * DAY
    ended = decisions.end(1, command(by))
    undone(ended.event)
    assert Leave.objects.get(status=Status.APPROVED).last_day == TODAY + 9 * DAY
    with pytest.raises(Refused, match="over"):
        undone(granted.event)
    decisions.end(1, command(by))
    down = decisions.turn_down(ask(30, 32).pk, command(by))
    undone(down.event)
    again = Leave.objects.get(status=Status.APPROVED)
    assert (again.first_day, again.last_day) == (TODAY + 30 * DAY, TODAY + 32 * DAY)


def test_who_left_gets_no_leave(people: Officers) -> None:
    leave = ask()
    Player.objects.filter(user_id=1).update(member="left", listed=False)
    with pytest.raises(Refused, match="Only members"):
        requests.ask_for_more(leave.pk, 1, TODAY + 9 * DAY, "x", NOW)
    with pytest.raises(Refused, match="no member"):
        decisions.approve(leave.pk, command(people(ADMIRAL)))


def test_a_game_asks_for_a_member(people: Officers, api_key: str) -> None:
    client = Client(headers={"x-grps-api-key": api_key})

    def post(**changes: object) -> dict[str, str]:
        body = {"userId": 1, "days": 7, "reason": "exams"} | changes
        answer = client.post(
            "/roblox/leave-requests", json.dumps(body), content_type="application/json"
        )
        assert answer.status_code == 200, answer.content
        found: dict[str, str] = answer.json()
        return found

    assert post()["status"] == "asked"
    leave = Leave.objects.get()
    assert (leave.source, leave.player.user_id, leave.reason) == ("game", 1, "exams")
    assert post() == {
        "status": "refused",
        "detail": "You asked for a leave already; withdraw that request first.",
    }
    assert post(userId=7)["status"] == post(days=61)["status"] == "refused"


def test_games_cannot_flood_the_queue(people: Officers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_FROM_GAMES", 1)
    requests.ask(1, Wish(days(0, 1), "exams", Leave.Source.GAME), now=NOW)
    with pytest.raises(Refused, match="on the website"):
        requests.ask(MAJOR, Wish(days(0, 1), "exams", Leave.Source.GAME), now=NOW)
    assert ask(user_id=MAJOR).status == Status.ASKED


def test_staff_see_it_in_queue_list_and_case_file(people: Officers) -> None:
    ask()
    admiral, major = client_as(player(ADMIRAL)), client_as(player(MAJOR))
    waiting = admiral.get("/admin/?kind=leaves").content.decode()
    assert "approve-leave/1/" in waiting
    assert "exams" in admiral.get("/admin/leave/?state=waiting").content.decode()
    assert "exams" in major.get("/admin/players/1/").content.decode()  # sees, but may not decide
    pk = Leave.objects.get().pk
    form = {"token": uuid.uuid4(), "words": "enjoy it"}
    assert major.post(f"/admin/acts/approve-leave/1/{pk}/", form).status_code == 403
    assert admiral.post(f"/admin/acts/approve-leave/1/{pk}/", form).status_code == 302
    for address in ("/admin/leave/", "/admin/players/?state=away", "/admin/players/1/"):
        assert "player_1" in admiral.get(address).content.decode()
    assert "on leave until" in admiral.get("/admin/players/").content.decode()
