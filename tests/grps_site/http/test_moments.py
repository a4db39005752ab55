"""Times at the edges of the calendar are refused by every entry point, and nothing is stored."""

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from common import time
from common.errors import Refused
from players.discipline import sanctions
from players.models import Sanction
from players.moderation.command import Command
from tests.console.conftest import Make, owner, player  # noqa: F401 - fixtures
from tests.players.conftest import OWNER

EDGES = [
    "9999-12-31T23:59:59-23:59",  # the year 10000 in UTC
    "0001-01-01T00:00:00+23:59",  # before the year 1 in UTC
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
]


def post(api_key: str, path: str, body: dict[str, Any]) -> Any:
    client = Client(headers={"x-grps-api-key": api_key})
    return client.post(path, json.dumps(body), content_type="application/json")


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("field", ["until", "occurredAt"])
def test_a_command_with_a_bad_time_names_the_field(api_key: str, edge: str, field: str) -> None:
    body = {"id": "s-1", "actorUserId": 5, "userId": 6, "kind": "suspend", "reason": "spam"}
    body |= {"occurredAt": timezone.now().isoformat(), field: edge}
    answer = post(api_key, "/roblox/sanctions", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("edge", EDGES)
def test_a_line_of_a_games_log_does_too(api_key: str, edge: str) -> None:
    line = {"id": "l-1", "at": edge, "kind": "chat", "text": "hello"}
    answer = post(api_key, "/roblox/audits", {"lines": [line]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "lines[0].at")


@pytest.mark.parametrize("edge", EDGES)
def test_an_event_with_such_a_moment_gets_a_verdict_of_its_own(api_key: str, edge: str) -> None:
    event = {
        "userId": 1,
        "username": "a",
        "session": 1,
        "sequence": 1,
        "type": "ko",
        "awarded": 0.25,
        "total": 0.25,
    }
    body = {"server": {"placeId": 1, "jobId": "x"}, "events": [event | {"occurredAt": edge}]}
    answer = post(api_key, "/roblox/events", body)
    assert answer.status_code == 200
    assert answer.json()["rejected"][0]["code"] in {"OCCURRED_AT", "TOO_EARLY"}


@pytest.mark.parametrize("edge", EDGES)
def test_the_consoles_dialog_shows_the_fault(owner: Client, player: Make, edge: str) -> None:  # noqa: F811
    player(1)
    page = owner.get("/admin/acts/suspend/1/")
    token = page.context["form"]["token"].value()
    given = {"duration": "own", "own_end": edge, "words": "spam", "token": token}
    answer = owner.post("/admin/acts/suspend/1/", given)
    assert (answer.status_code, "own_end" in answer.context["form"].errors) == (200, True)
    assert not Sanction.objects.exists()


def test_the_rule_and_the_database_hold_the_bounds_too(player: Make) -> None:  # noqa: F811
    made = player(1)
    beyond = dt.datetime(
        9999, 12, 31, 23, 59, tzinfo=dt.timezone(-dt.timedelta(hours=23, minutes=59))
    )
    with pytest.raises(Refused, match="until: it is out of bounds"):
        sanctions.suspend(1, Command(by=OWNER, reason="spam", now=timezone.now()), until=beyond)
    now = timezone.now()
    with pytest.raises(IntegrityError, match="sanctions_end_within_bounds"), transaction.atomic():
        Sanction.objects.create(
            player=made,
            kind="suspension",
            source="staff",
            reason="x",
            issued_by="x",
            starts_at=now,
            ends_at=time.LATEST,
        )


def test_so_many_days_that_no_calendar_holds_them_are_refused(player: Make) -> None:  # noqa: F811
    player(1)
    for days in ("2912000", "99999999999"):
        with pytest.raises(CommandError):
            call_command("player", "suspend", "1", "--days", days, "--reason", "spam")
    assert not Sanction.objects.exists()


@pytest.mark.parametrize("edge", EDGES)
def test_the_audit_explorer_and_a_mass_undo_show_the_fault(owner: Client, edge: str) -> None:  # noqa: F811
    assert owner.get("/admin/audit/", {"since": edge}).status_code == 200
    answer = owner.post(
        "/admin/bulk/revert/", {"actor": "1", "since": edge, "until": edge, "words": "x"}
    )
    assert (answer.status_code, "since" in answer.context["form"].errors) == (200, True)


@pytest.mark.parametrize("edge", EDGES)
def test_one_parser_reads_texts(edge: str) -> None:
    with pytest.raises(time.BadMoment):
        time.parse(edge)
    assert time.parse("2030-01-31T18:00:00+02:00") == dt.datetime(2030, 1, 31, 16, tzinfo=dt.UTC)
    with pytest.raises(time.BadMoment, match="time zone"):
        time.parse("2030-01-31T18:00")
    with pytest.raises(time.BadMoment, match="no moment"):
        time.parse("tomorrow")


def test_an_end_beyond_every_calendar_is_none() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert time.after(start, 60) == start + dt.timedelta(minutes=1)
    assert time.after(start, 10**15) is None
    assert time.after(start, 8000 * 366 * 86400) is None
