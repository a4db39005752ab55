"""Odd input to the console: never a 500, and never past a missing permission."""

import pytest
from django.test import Client
from django.utils import timezone

from audits.actions import Action
from audits.record import Actor, Target, record
from console.models import SeenUpTo
from players.models import Claim
from syncs import jobs
from syncs.models import SyncJob
from tests.conftest import TESTER
from tests.console.conftest import Make
from tests.console.people import client_as

pytestmark = pytest.mark.django_db
DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "wanted", ["0", "a\0b", "9999-12-31T23:59", "console:nothing", "NaN", "https://elsewhere.test/"]
)
def test_a_way_back_that_is_no_address_here_leads_to_the_queue(owner: Client, wanted: str) -> None:
    for path in ("/admin/queue/act/", "/admin/queue/take/decisions/1/"):
        answer = owner.post(path, {"next": wanted})
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")


@pytest.mark.parametrize("wanted", ["0", "a\0b", "9999-12-31T23:59", "console:nothing"])
def test_a_foreign_return_address_leads_to_the_case_file(
    owner: Client, player: Make, wanted: str
) -> None:
    player(1)
    asked = {"next": wanted, "token": "6f2d4c1e-8f7b-4a4e-9d0c-2f1f5a6b7c8d", "words": "spam"}
    answer = owner.post("/admin/acts/warn/1/", asked)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/players/1/")


@pytest.mark.parametrize(
    "path",
    [
        f"/admin/players/?after={DIGITS}.1",
        f"/admin/players/?before={DIGITS}.1",
        "/admin/players/?after=1.1e-999999",
        "/admin/appeals/?status=a%00b",
    ],
)
def test_a_list_takes_what_it_cannot_read_for_its_beginning(
    owner: Client, player: Make, path: str
) -> None:
    player(1)
    assert owner.get(path).status_code == 200


@pytest.mark.parametrize("item", ["decisions/a%00b", "decisions/" + "9" * 100, "x" * 30 + "/1"])
@pytest.mark.parametrize("verb", ["take", "release"])
def test_an_item_that_cannot_be_is_not_taken(owner: Client, item: str, verb: str) -> None:
    answer = owner.post(f"/admin/queue/take/{item}/", {"verb": verb}, follow=True)
    assert "There is no such item in the queue" in answer.content.decode()
    assert not Claim.objects.exists()


def denial() -> int:
    target = Target("player", "1", "player_1", "player:1")
    actor = Actor("staff", "1", "player_1", "player:1")
    return record(
        Action.CLAIM_DENIED, actor=actor, target=target, reason="not me", experience="nexus"
    )


def test_someone_who_may_not_see_it_takes_nothing(owner: Client, player: Make) -> None:
    officer = client_as(player(7, rank="Tempest Major"))
    event = denial()
    assert officer.post(f"/admin/queue/seen/denials/{event}/").status_code == 403
    assert "data-open" in owner.get("/admin/?kind=denials").content.decode()
    owner.post(f"/admin/queue/seen/denials/{event}/")
    assert "data-open" not in owner.get("/admin/?kind=denials").content.decode()


def test_what_is_still_to_come_is_not_taken_off_the_queue(owner: Client) -> None:
    event = denial()
    for kind, number in (
        ("denials", 2**63 - 1),
        ("denials", event + 1),
        ("mismatches", event),
        ("decisions", event),
    ):
        assert owner.post(f"/admin/queue/seen/{kind}/{number}/").status_code == 404, kind
    assert not SeenUpTo.objects.exists()


def test_a_failed_pull_is_not_resumed_beside_another(owner: Client) -> None:
    first, _ = jobs.request("members", None, actor=TESTER)
    SyncJob.objects.filter(pk=first.pk).update(status="failed", finished_at=timezone.now())
    jobs.request("members", None, actor=TESTER)
    answer = owner.post(f"/admin/sync/jobs/{first.pk}/resume/", follow=True)
    assert "Another job of the same kind is under way" in answer.content.decode()
    first.refresh_from_db()
    assert first.status == "failed"
