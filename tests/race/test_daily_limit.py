"""An officer's daily limit covers all ways to move points, also parallel and unfinished ones."""

import datetime as dt
import json
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum
from django.db.models.functions import Abs
from django.test import Client
from django.utils import timezone

from common.errors import NotAllowed, Refused
from common.leases import claim
from console.accounts.permissions import of_roblox
from players.actions import undo
from players.bulk import previews, row_executor
from players.bulk.row_executor import BULK_JOBS
from players.mass_adjustments import chunk_executor, file_previews, lifecycle, row_checks
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, Approval, LedgerEntry, Player, Rank, Spending
from players.moderation import approvals, daily_limit
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from players.points import adjustments
from roblox import keys
from roblox.models import Experience
from tests import first_start
from tests.conftest import TESTER
from tests.console.people import client_as, signed_in
from tests.players.discipline.conftest import ADMIRAL, make
from tests.race.together import Attempt, at_once
from tests.race.world import (
    COLONEL,
    GENERAL,
    OTHER,
    TARGET,
    adjusted,
    order,
    owner,
    player,
    populate,
)

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT, MOST = (
    100,
    60,
)  # points: a colonel's daily limit, and the amount of each way; two exceed the limit


@pytest.fixture(autouse=True)
def _people() -> None:
    first_start.bootstrap()
    populate()


def colonel() -> Staff:
    found = of_roblox(COLONEL).staff
    assert found is not None
    return found


def console() -> Attempt:
    browser = client_as(player(COLONEL))
    sent = {"token": str(uuid.uuid4()), "words": "seen it", "amount": str(MOST)}
    return lambda: browser.post(f"/admin/acts/adjust/{TARGET}/", sent).status_code


def wire() -> Attempt:
    raw = keys.create(Experience.objects.get(key="nexus"), actor=TESTER)[1]
    body = {
        "id": str(uuid.uuid4()),
        "actorUserId": COLONEL,
        "userId": TARGET,
        "kind": "adjust",
        "amount": MOST,
    }
    body |= {"reason": "seen it", "occurredAt": timezone.now().isoformat()}
    game = Client(headers={"x-grps-api-key": raw})
    return lambda: game.post(
        "/roblox/sanctions", json.dumps(body), content_type="application/json"
    ).json()["status"]


def bulk() -> Attempt:
    by = colonel()
    job = previews.preview("adjust", [TARGET, OTHER], {"amount": MOST * 50}, Command(**order(by)))
    return lambda: BULK_JOBS.start(job.pk, by=by, now=timezone.now())


def file() -> Attempt:
    by = colonel()
    rows = [FileRow(2, TARGET, MOST * 50), FileRow(3, OTHER, -MOST * 50)]
    made = file_previews.preview(rows, by=by, reason="a test", now=timezone.now())
    return lambda: ADJUSTMENTS.start(made.pk, by=by, now=timezone.now())


def taking_back() -> Attempt:
    event, by = adjusted(-MOST * 100), colonel()
    return lambda: undo.revert(event, Command(**order(by)))


def mass_undo() -> Attempt:
    event, by = adjusted(-MOST * 100), colonel()
    at = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), timezone.now() + dt.timedelta(days=1)
    job = previews.preview_revert((("staff", "shell"),), at, Command(**order(by)))
    assert job.lines.filter(subject=event, status="pending").exists()
    return lambda: BULK_JOBS.start(job.pk, by=by, now=timezone.now())


WAYS: dict[str, Callable[[], Attempt]] = {
    "console": console,
    "wire": wire,
    "bulk": bulk,
    "file": file,
    "undo": taking_back,
    "mass undo": mass_undo,
}


def finish() -> None:
    row_executor.run_due()
    chunk_executor.run_due()


def moved() -> Decimal:
    """Return the sum of the colonel's changes, without signs."""
    rows = LedgerEntry.objects.filter(actor__user_id=COLONEL)
    return rows.aggregate(moved=Sum(Abs("awarded")))["moved"] or Decimal(0)


@pytest.mark.parametrize("way", WAYS)
def test_of_three_equal_acts_at_once_one_is_within_the_limit(way: str) -> None:
    made = (
        [WAYS[way]() for _ in range(3)] if way != "mass undo" else [WAYS[way](), console(), file()]
    )
    at_once(*made)
    finish()
    assert moved() == MOST
    assert daily_limit.taken(colonel(), timezone.now()).spent == MOST * 100


@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("then", ["console", "file", "bulk"])
def test_mixed_ways_of_adjusting_share_one_limit(first: str, then: str) -> None:
    one, other = WAYS[first](), WAYS[then]()
    one()
    other()
    finish()
    assert moved() == MOST
    assert Approval.objects.filter(status="waiting").count() == 1


def test_all_ways_at_once_stay_within_the_limit() -> None:
    at_once(*[way() for way in WAYS.values()])
    finish()
    assert moved() == MOST


def test_three_files_at_once_stay_within_the_limit_and_say_so() -> None:
    at_once(*[file() for _ in range(3)])
    assert sorted(Adjustment.objects.values_list("status", flat=True)) == [
        "applying",
        "waiting",
        "waiting",
    ]
    assert {one.cause for one in Approval.objects.all()} == {"limit"}


def test_an_approved_act_counts_for_who_asked() -> None:
    held = adjustments.adjust(TARGET, 150_00, Command(**order(colonel()))).approval
    assert held is not None
    assert daily_limit.taken(colonel(), timezone.now()).spent == 0
    general = officer(GENERAL)
    approvals.approve(held.pk, **order(general))
    assert daily_limit.taken(colonel(), timezone.now()).spent == 150_00
    assert daily_limit.taken(general, timezone.now()).spent == 0
    assert adjustments.adjust(TARGET, 1, Command(**order(colonel()))).approval is not None


def test_a_request_and_a_direct_act_at_once_are_both_counted() -> None:
    held = adjustments.adjust(TARGET, 150_00, Command(**order(colonel()))).approval
    assert held is not None
    general = officer(GENERAL)
    at_once(lambda: approvals.approve(held.pk, **order(general)), console())
    assert daily_limit.taken(colonel(), timezone.now()).spent == moved() * 100
    assert moved() in {Decimal(150), Decimal(150 + MOST)}


def test_the_limit_starts_again_at_midnight_utc() -> None:
    evening = timezone.now().astimezone(dt.UTC).replace(hour=23, minute=59, second=59)
    by = colonel()
    made = file_previews.preview(
        [FileRow(2, TARGET, LIMIT * 100)], by=by, reason="a test", now=evening
    )
    assert ADJUSTMENTS.start(made.pk, by=by, now=evening).status == "applying"
    assert (
        adjustments.adjust(TARGET, 1, Command(by=by, reason="more", now=evening)).approval
        is not None
    )
    morning = evening + dt.timedelta(seconds=2)
    assert (
        adjustments.adjust(
            TARGET, LIMIT * 100, Command(by=by, reason="a new day", now=morning)
        ).approval
        is None
    )
    assert Spending.objects.filter(person=by.person, spent=LIMIT).count() == 2


# --- files
def asked(by: Staff, points: int, *user_ids: int) -> Adjustment:
    rows = [
        FileRow(line, user_id, points * 100)
        for line, user_id in enumerate(user_ids or (TARGET,), start=2)
    ]
    made = file_previews.preview(rows, by=by, reason="a test", now=timezone.now())
    return ADJUSTMENTS.start(made.pk, by=by, now=timezone.now())


def test_the_approver_of_a_file_may_move_as_much() -> None:
    make(907, "Electro Colonel")
    waiting = asked(colonel(), 5_000_000)
    assert waiting.status == "waiting"
    with pytest.raises(NotAllowed, match="past your own limit of 100"):
        lifecycle.approve(waiting.pk, **order(officer(907)))
    assert lifecycle.approve(waiting.pk, **order(owner())).status == "applying"


@pytest.mark.parametrize(
    "change",
    [{"banned": True}, {"rank": "Suspended"}, {"rank": "Captain I"}, {"rank": "Tempest Major"}],
)
def test_a_file_of_a_former_officer_is_not_applied(change: dict[str, Any]) -> None:
    waiting = asked(colonel(), 500)
    _change(COLONEL, change)
    with pytest.raises(Refused, match="reject it"):
        lifecycle.approve(waiting.pk, **order(owner()))
    assert player().adjusted == 0
    assert lifecycle.reject(waiting.pk, **order(owner())).status == "rejected"


def test_a_request_of_a_former_owner_is_not_executed() -> None:
    waiting = asked(owner("olga"), 5_000)
    held = adjustments.adjust(TARGET, 5_000_00, Command(**order(owner("olga")))).approval
    assert held is not None
    User.objects.filter(username="olga").update(is_active=False)
    for attempt in (
        lambda: lifecycle.approve(waiting.pk, **order(owner("sven"))),
        lambda: approvals.approve(held.pk, **order(owner("sven"))),
    ):
        with pytest.raises(Refused, match="may not act any more"):
            attempt()
    assert player().adjusted == 0


@pytest.mark.parametrize(
    ("change", "note"), [({"banned": True}, "GONE"), ({"rank": "Captain I"}, "GONE")]
)
def test_between_two_chunks_whoever_asked_is_judged_anew(
    change: dict[str, Any], note: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        chunk_executor, "PENDING", chunk_executor.PENDING.replace("LIMIT 2000", "LIMIT 1")
    )
    made = asked(colonel(), 10, TARGET, OTHER)
    held = claim(Adjustment.objects.filter(pk=made.pk), 1)[0]
    assert chunk_executor.step(held)
    _change(COLONEL, change)
    while chunk_executor.step(held):
        pass
    assert [player(TARGET).adjusted, player(OTHER).adjusted] == [10, 0]
    made.refresh_from_db()
    assert (made.status, made.applied, made.skipped, made.reserved) == ("done", 1, 1, 0)
    assert made.lines.get(status="skipped").note == getattr(row_checks, note)
    assert Spending.objects.get(person=made.requested_by).spent == 10


def test_between_two_chunks_a_lower_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        chunk_executor, "PENDING", chunk_executor.PENDING.replace("LIMIT 2000", "LIMIT 1")
    )
    made = asked(officer(GENERAL), 90, TARGET, OTHER)
    held = claim(Adjustment.objects.filter(pk=made.pk), 1)[0]
    chunk_executor.step(held)
    _change(GENERAL, {"rank": "Electro Colonel"})
    while chunk_executor.step(held):
        pass
    assert made.lines.get(status="skipped").note == row_checks.LIMITED
    assert player(OTHER).adjusted == 0


def test_the_guard_holds_a_file_and_counts_its_rows() -> None:
    by = officer(ADMIRAL)
    for number in range(30, 47):
        make(number, "Initiate")
    assert asked(by, 1, *range(30, 47)).status == "applying"
    assert asked(by, 1, TARGET, OTHER, 30).status == "applying"
    assert asked(by, 1, TARGET).status == "waiting"
    assert Approval.objects.get().cause == "velocity"


def test_a_file_of_more_players_than_one_may_change_alone_waits() -> None:
    for number in range(30, 51):
        make(number, "Initiate")
    waiting = asked(officer(ADMIRAL), 1, *range(30, 51))
    assert waiting.status == "waiting"
    assert Approval.objects.get().cause == "second"


def test_a_file_that_nobody_decides_on_is_closed_after_a_week() -> None:
    waiting = asked(colonel(), 500)
    late = timezone.now() + dt.timedelta(days=8)
    assert approvals.expire(late) == 1
    waiting.refresh_from_db()
    assert waiting.status == "rejected"
    with pytest.raises(Refused, match="does not wait"):
        lifecycle.approve(waiting.pk, by=owner(), reason="late", now=late)


def test_a_file_may_be_decided_on_among_the_requests_too() -> None:
    waiting = asked(colonel(), 500)
    approval = Approval.objects.get()
    browser = signed_in(User.objects.get(username="olga"))
    page = browser.get(f"/admin/approvals/{approval.pk}/").content.decode()
    assert f"/admin/adjustments/{waiting.pk}/" in page
    browser.post(f"/admin/approvals/{approval.pk}/", {"verb": "approve", "words": "agreed"})
    waiting.refresh_from_db()
    assert waiting.status == "applying"


def _change(user_id: int, change: dict[str, Any]) -> None:
    fields = {
        name: Rank.objects.get(name=value) if name == "rank" else value
        for name, value in change.items()
    }
    Player.objects.filter(user_id=user_id).update(**fields)
