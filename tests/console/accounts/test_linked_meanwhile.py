"""Accounts that are linked during an approval get a clear refusal. Unlinking shows everywhere."""

import threading
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from console.accounts.permissions import rights_of
from console.models import RoleGrant
from players.models import Adjustment, Approval, BulkJob, Decision, Player
from players.moderation.actors import Staff, officer
from players.moderation.command import Command
from players.ranks import decisions
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role, local_owner, owner_client

APPROVE = {"verb": "approve", "words": "agreed"}
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return unescape(answer.content.decode())


def local(name: str) -> Staff:
    found = rights_of(local_owner(name)).staff
    assert found is not None
    return found


def while_linking(client: Client, path: str, locked: Callable[[], Any]) -> Any:
    """Return the response to an approval if the accounts are linked after the approver is read."""
    answers: list[Any] = []

    def send() -> None:
        try:
            answers.append(client.post(path, APPROVE))
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        locked()
        sending = threading.Thread(target=send)
        sending.start()
        for _ in range(100_000):
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(WAITS)
            if cursor.fetchone()[0] or not sending.is_alive():
                break
        call_command("staff", "link", "olga", "7", "--reason", "is the same person")
    sending.join(60)
    return answers[0]


@pytest.mark.django_db(transaction=True)
def test_linking_while_approving_is_refused(player: Make) -> None:
    player(900, rank="Captain I")
    here, there = owner_client("olga"), client_with_role(player(7, rank="Supreme Command"), "owner")
    there.post(
        "/admin/access/",
        {"user_id": 900, "role": "integrator", "reason": "connects the games", "verb": "grant"},
    )
    pk = Approval.objects.get().pk
    answer = while_linking(
        here, f"/admin/approvals/{pk}/", lambda: Approval.objects.select_for_update().get(pk=pk)
    )
    assert answer.status_code == 200
    assert "another account of yours" in unescape(answer.content.decode())
    assert Approval.objects.get().status == "waiting"
    assert not RoleGrant.objects.filter(user_id=900).exists()


@pytest.mark.django_db(transaction=True)
def test_linking_while_giving_a_proposed_rank_is_refused(
    player: Make,
) -> None:
    player(900, rank="Captain I"), player(7, rank="Supreme Command")
    here = owner_client("olga")
    pk = decisions.propose(
        900, "Captain II", Command(by=officer(7), reason="seen", now=timezone.now())
    ).pk
    answer = while_linking(
        here, f"/admin/decisions/{pk}/", lambda: Decision.objects.select_for_update().get(pk=pk)
    )
    assert answer.status_code == 200
    assert "another account of yours" in unescape(answer.content.decode())
    assert Decision.objects.get().status == "proposed"
    assert Player.objects.get(user_id=900).rank.name == "Captain I"


@pytest.mark.django_db
def test_files_and_jobs_of_an_unlinked_owner_are_marked(
    player: Make,
) -> None:
    for user_id in (1, 2):
        player(user_id)
    olga, dora = owner_client("olga"), owner_client("dora")
    body = SimpleUploadedFile("a.csv", b"userId,amount\n1,5000\n2,3\n")
    olga.post(
        "/admin/adjustments/new/", {"file": body, "reason": "an event", "token": str(uuid.uuid4())}
    )
    file = Adjustment.objects.get()
    olga.post(f"/admin/adjustments/{file.pk}/start/")
    bulk = {
        "act": "adjust",
        "selected": "1,2",
        "amount": "5000",
        "words": "an event",
        "preview": "1",
    }
    olga.post("/admin/bulk/", bulk | {"token": str(uuid.uuid4())})
    job = BulkJob.objects.get()
    pages = ["/admin/bulk/", f"/admin/bulk/{job.pk}/"]
    for path in pages:
        assert "unlinked" in text(dora, path), path
    olga.post(f"/admin/bulk/{job.pk}/start/")
    file.refresh_from_db(), job.refresh_from_db()
    assert (file.status, job.status) == ("waiting", "waiting")
    pages += ["/admin/?kind=adjustments", "/admin/?kind=requests", "/admin/adjustments/"]
    for path in [*pages, f"/admin/adjustments/{file.pk}/"]:
        assert "unlinked" in text(dora, path), path


@pytest.mark.django_db
def test_a_rank_that_an_unlinked_owner_proposed_says_so(player: Make) -> None:
    player(900, rank="Captain I")
    dora = client_as(player(7, rank="Supreme Command"))
    pk = decisions.propose(
        900, "Captain II", Command(by=local("olga"), reason="seen", now=timezone.now())
    ).pk
    assert "olga (local owner, unlinked)" in text(dora, f"/admin/decisions/{pk}/")
    assert "unlinked local owner" in text(dora, "/admin/?kind=decisions")
    player(8, rank="Supreme Command")
    call_command("staff", "link", "olga", "8", "--reason", "is the same person")
    for path in (f"/admin/decisions/{pk}/", "/admin/?kind=decisions"):
        assert "unlinked" not in text(dora, path), path
    assert "player_8" in text(dora, f"/admin/decisions/{pk}/")
