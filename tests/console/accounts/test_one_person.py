"""A local owner and the linked Roblox account count as one person for the second-person rule."""

import time
from html import unescape
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from audits.queries import events_by_id
from common.errors import NotAllowed
from console.accounts.permissions import rights_of
from console.decorators import SIGNED_IN_AT
from console.models import RoleGrant, StaffAccount
from players.discipline import sanctions
from players.models import Approval, Decision, Player, StaffAct
from players.moderation import approvals
from players.moderation.actors import Staff, officer
from players.moderation.approval_types import ApprovalRequest
from players.moderation.command import Command
from players.ranks import decisions
from tests.console.accounts.conftest import Roblox
from tests.console.conftest import Make
from tests.console.people import client_as, client_with_role, local_owner, owner_client
from webhooks.messages import payloads

ASK = {"user_id": 900, "role": "integrator", "reason": "connects the games", "verb": "grant"}
APPROVE = {"verb": "approve", "words": "agreed"}
OUT = "/admin/sign-in/with/roblox/login/?process=connect&next=/admin/sessions/"


def linked(name: str = "olga", user_id: int = 7) -> None:
    call_command("staff", "link", name, str(user_id), "--reason", "is the same person")


def local(name: str = "olga") -> Staff:
    found = rights_of(local_owner(name)).staff
    assert found is not None
    return found


@pytest.fixture
def olga(player: Make) -> tuple[Client, Client]:
    """Return the browsers of one person: as a local owner, and as an owner through Roblox."""
    player(900, rank="Captain I")
    return owner_client("olga"), client_with_role(player(7, rank="Supreme Command"), "owner")


def test_who_asked_by_one_account_does_not_approve_by_the_other(
    olga: tuple[Client, Client],
) -> None:
    here, there = olga
    here.post("/admin/access/", ASK)
    linked()
    pk = Approval.objects.get().pk
    page = there.get(f"/admin/approvals/{pk}/").content.decode()
    assert "You asked for it yourself" in page
    there.post(f"/admin/approvals/{pk}/", APPROVE)
    assert not RoleGrant.objects.filter(user_id=900).exists()
    owner_client("dora").post(f"/admin/approvals/{pk}/", APPROVE)
    assert RoleGrant.objects.filter(user_id=900).exists()


def test_nor_the_other_way_round(olga: tuple[Client, Client]) -> None:
    here, there = olga
    linked()
    there.post("/admin/access/", ASK)
    pk = Approval.objects.get().pk
    here.post(f"/admin/approvals/{pk}/", APPROVE)
    assert Approval.objects.get().status == "waiting"
    here.post(f"/admin/approvals/{pk}/", {"verb": "withdraw", "words": "no longer"})
    assert Approval.objects.get().status == "withdrawn"


def test_until_they_are_linked_every_approval_says_unlinked(olga: tuple[Client, Client]) -> None:
    here, there = olga
    here.post("/admin/access/", ASK)
    pk = Approval.objects.get().pk
    for path in ("/admin/approvals/", f"/admin/approvals/{pk}/", "/admin/", "/admin/access/"):
        assert "unlinked" in unescape(there.get(path).content.decode()), path
    event = AuditEvent.objects.get(action="approval.requested")
    assert event.details["unlinked"] is True
    (told,) = payloads.for_events(events_by_id([event.pk]).values()).values()
    assert "olga (unlinked)" in told.message
    owner_client("dora").post(f"/admin/approvals/{pk}/", APPROVE)
    assert AuditEvent.objects.get(action="approval.approved").details["unlinked"] is True
    linked()
    assert "unlinked" not in unescape(there.get(f"/admin/approvals/{pk}/").content.decode())


def test_the_database_knows_both_accounts_for_one_person(olga: tuple[Client, Client]) -> None:
    here, _ = olga
    here.post("/admin/access/", ASK)
    Approval.objects.update(expires_at=timezone.now())
    here.post("/admin/access/", ASK)
    olga_here, olga_there = local().person, Player.objects.get(user_id=7).subject
    StaffAccount.objects.filter(user__username="olga").update(
        same_as=7
    )  # a link that was made without renaming the requests
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.update(status="approved", decided_by=olga_there, decided_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleGrant.objects.create(
            user_id=901, role="owner", granted_by=olga_there, approved_by=f"staff:{_pk('olga')}"
        )
    assert olga_here.startswith("staff:")


def _pk(name: str) -> int:
    return int(StaffAccount.objects.get(user__username=name).user_id)


def test_the_database_refuses_proposing_and_giving_alone(player: Make) -> None:
    player(900, rank="Captain I"), player(7, rank="Supreme Command")
    local_owner("olga")
    proposed = decisions.propose(
        900, "Captain II", Command(by=local(), reason="seen", now=timezone.now())
    )
    StaffAccount.objects.filter(user__username="olga").update(same_as=7)
    with pytest.raises(NotAllowed, match="proposed it yourself"):
        decisions.approve(proposed.pk, by=officer(7), reason="fine", now=timezone.now())
    name = f"staff:{Player.objects.get(user_id=7).pk}"
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(pk=proposed.pk).update(
            status="applied", decided_by=name, decided_at=timezone.now()
        )


def test_a_linked_owner_does_nothing_to_themselves(olga: tuple[Client, Client]) -> None:
    linked()
    with pytest.raises(NotAllowed, match="themselves"):
        sanctions.warn(7, Command(by=local(), reason="x", now=timezone.now()))
    held = approvals.request_approval(
        ApprovalRequest("ban", player=Player.objects.get(user_id=7), arguments={}),
        Command(by=local("dora"), reason="seen", now=timezone.now()),
    )
    assert "about you" in approvals.may_decide(held, local())


def test_whom_the_guard_counts_is_the_person(olga: tuple[Client, Client]) -> None:
    sanctions.warn(900, Command(by=local(), reason="spam", now=timezone.now()))
    linked()
    sanctions.warn(900, Command(by=local(), reason="spam", now=timezone.now()))
    sanctions.warn(900, Command(by=officer(7), reason="spam", now=timezone.now()))
    assert set(StaffAct.objects.values_list("person", flat=True)) == {
        Player.objects.get(user_id=7).subject
    }


def test_a_local_owner_proves_their_roblox_account(
    roblox: Roblox, olga: tuple[Client, Client]
) -> None:
    here, _ = olga
    roblox.knows(7, "Olga_R")
    assert "shows you as unlinked" in here.get("/admin/sessions/").content.decode()
    answer = here.get(roblox.consents(roblox.asked(here, OUT), 7))
    assert (answer.status_code, answer["Location"]) == (302, "/admin/sessions/")
    assert StaffAccount.objects.get(user__username="olga").same_as == 7
    assert "shows you as unlinked" not in here.get("/admin/sessions/").content.decode()
    event = AuditEvent.objects.get(action="staff.linked")
    assert event.details["account"] == f"staff:local-{_pk('olga')}"
    assert (
        roblox.sign_in(Client(), 7)["Location"] == "/admin/"
    )  # the Roblox account is still an account by itself


@pytest.mark.parametrize("when", ["start", "callback"])
def test_showing_it_needs_a_fresh_sign_in(
    roblox: Roblox, olga: tuple[Client, Client], when: str
) -> None:
    here, _ = olga
    roblox.knows(7, "Olga_R")
    back = roblox.consents(roblox.asked(here, OUT), 7)
    session = here.session
    session[SIGNED_IN_AT] = int(time.time()) - 3600
    session.save()
    answer = here.post(OUT) if when == "start" else here.get(back)
    assert answer["Location"].startswith("/admin/sign-in/?next=")
    if when == "callback":  # the callback's address contains Roblox's code
        assert answer["Location"] == "/admin/sign-in/?next=/admin/sessions/"
    assert StaffAccount.objects.get(user__username="olga").same_as is None


def test_nobody_who_is_no_local_owner_links_a_roblox_account(roblox: Roblox, player: Make) -> None:
    player(8, rank="Supreme Command")
    client = client_as(player(7, rank="Supreme Command"))
    roblox.knows(8, "Other")
    assert client.get(roblox.consents(roblox.asked(client, OUT), 8)).status_code == 403
    assert not StaffAccount.objects.exclude(same_as=None).exists()


def test_only_the_operator_makes_two_persons_of_one(
    olga: tuple[Client, Client], capsys: Any
) -> None:
    here, _ = olga
    linked()
    with pytest.raises(CommandError, match="linked already"):
        linked(user_id=900)
    call_command("staff", "list")
    assert "local owner olga, Roblox user 7" in capsys.readouterr().out
    here.post("/admin/sessions/", {"verb": "unlink"})
    assert StaffAccount.objects.get(user__username="olga").same_as == 7
    call_command("staff", "unlink", "olga", "--reason", "it was a mistake")
    assert StaffAccount.objects.get(user__username="olga").same_as is None
    assert AuditEvent.objects.filter(action="staff.unlinked").count() == 1
