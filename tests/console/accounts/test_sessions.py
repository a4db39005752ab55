"""The local sign-in, the length of sessions, and roles granted by two owners."""

import time
from html import unescape
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from console.middleware.staff import BEGAN_AT, IDLE, SEEN_AT
from console.models import RoleGrant
from grps_site.ops import checks
from players.models import Approval
from tests.console.conftest import Make
from tests.console.people import PASSWORD, client_with_role, local_owner, owner_client

LOCAL = "/admin/sign-in/local/"


def local(client: Client, name: str = "olga", password: str = PASSWORD) -> Any:
    return client.post(LOCAL, {"login": name, "password": password})


@pytest.fixture
def on(settings: Any, bootstrapped: None) -> Any:
    settings.LOCAL_LOGIN, settings.LOCAL_LOGIN_MFA = True, False
    settings.ACCOUNT_RATE_LIMITS = False
    return settings


def test_the_local_way_is_not_there_unless_it_is_switched_on(
    settings: Any, bootstrapped: None
) -> None:
    local_owner()
    settings.LOCAL_LOGIN = False
    client = Client()
    assert local(client).status_code == 404
    assert "Local sign-in" not in client.get("/admin/sign-in/").content.decode()


def test_a_local_owner_signs_in_loudly_and_out_again(on: Any) -> None:
    local_owner()
    client = Client()
    assert local(client).status_code == 302
    assert client.get("/admin/approvals/").status_code == 200
    assert AuditEvent.objects.get(action="staff.signed_in").details["way"] == "local"
    client.post("/admin/logout/")
    assert client.get("/admin/approvals/").status_code == 302
    assert AuditEvent.objects.filter(action="staff.signed_out").exists()


def test_a_wrong_password_is_told(on: Any) -> None:
    local_owner()
    client = Client()
    assert local(client, password="not the password").status_code == 200
    assert client.get("/admin/approvals/").status_code == 302
    assert AuditEvent.objects.get(action="staff.sign_in_failed").details["way"] == "local"


def test_without_a_second_factor_only_its_setup_is_shown(on: Any) -> None:
    on.LOCAL_LOGIN_MFA = True
    local_owner()
    client = Client()
    local(client)
    response = client.get("/admin/approvals/")
    assert (response.status_code, response["Location"]) == (
        302,
        "/admin/sign-in/factor/totp/activate/",
    )
    assert client.get(response["Location"]).status_code == 200


def test_an_account_without_a_role_or_rank_is_nobody(bootstrapped: None) -> None:
    user = local_owner("mo")
    user.is_superuser = user.is_staff = True
    user.save()
    user.account.delete()
    client = Client()
    client.force_login(user, backend="console.accounts.backends.SignInBackend")
    assert client.get("/admin/approvals/").status_code == 403


def age(client: Client, key: str, seconds: int) -> None:
    session = client.session
    session[key] = int(time.time()) - seconds
    session.save()


@pytest.mark.parametrize(("key", "seconds"), [(SEEN_AT, IDLE + 5), (BEGAN_AT, 12 * 3600 + 5)])
def test_a_session_ends_when_idle_or_after_half_a_day(
    bootstrapped: None, key: str, seconds: int
) -> None:
    client = owner_client()
    assert client.get("/admin/approvals/").status_code == 200
    age(client, key, seconds - 30)
    assert client.get("/admin/approvals/").status_code == 200
    age(client, key, seconds)
    assert client.get("/admin/approvals/").status_code == 302
    assert AuditEvent.objects.filter(action="session.ended").exists()


def test_sessions_are_listed_and_ended(on: Any) -> None:
    local_owner()
    here, there = Client(), Client()
    local(here), local(there)
    text = unescape(here.get("/admin/sessions/").content.decode())
    assert "this one" in text
    assert UserSession.objects.count() == 2
    here.post("/admin/sessions/", {"session": "others"})
    assert there.get("/admin/approvals/").status_code == 302
    assert here.get("/admin/approvals/").status_code == 200


def test_a_role_is_given_by_two_owners_and_never_by_one(player: Make) -> None:
    player(7, rank="Captain I")
    olga, dora = owner_client("olga"), owner_client("dora")
    ask = {"user_id": 7, "role": "integrator", "reason": "connects the games", "verb": "grant"}
    olga.post("/admin/access/", ask)
    approval = Approval.objects.get()
    decide = {"verb": "approve", "words": "agreed"}
    olga.post(f"/admin/approvals/{approval.pk}/", decide)
    assert not RoleGrant.objects.exists()
    dora.post(f"/admin/approvals/{approval.pk}/", decide)
    grant = RoleGrant.objects.get()
    assert (grant.user_id, grant.role, grant.granted_by != grant.approved_by) == (
        7,
        "integrator",
        True,
    )
    event = AuditEvent.objects.filter(action="access.granted").order_by("-pk")[0]
    assert event.details == {"role": "integrator"}


def test_the_database_refuses_a_role_of_one_owner(bootstrapped: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleGrant.objects.create(
            user_id=7, role="owner", granted_by="player:1", approved_by="player:1"
        )


def test_an_integrator_gives_no_roles(player: Make) -> None:
    integrator = client_with_role(player(7, rank="Captain I"), "integrator")
    assert integrator.get("/admin/access/").status_code == 403
    assert integrator.get("/admin/experiences/").status_code == 200


def test_the_operator_gives_a_role_alone(
    bootstrapped: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("staff", "grant", "7", "owner", "--reason", "the first owner")
    call_command("staff", "list")
    assert "owner" in capsys.readouterr().out
    assert RoleGrant.objects.get().granted_by.startswith("shell:")
    call_command("staff", "revoke", "7", "owner", "--reason", "left the community")
    assert RoleGrant.objects.get().revoked_at is not None
    assert timezone.now() >= RoleGrant.objects.get().granted_at


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ({"LOCAL_LOGIN": False, "LOCAL_LOGIN_MFA": False}, set()),
        ({"LOCAL_LOGIN": True, "LOCAL_LOGIN_MFA": True}, {"grps.E005"}),
        ({"LOCAL_LOGIN": True, "LOCAL_LOGIN_MFA": False}, {"grps.E004", "grps.E005"}),
        (
            {
                "LOCAL_LOGIN": True,
                "LOCAL_LOGIN_MFA": True,
                "TURNSTILE_SECRET": "own",
                "TURNSTILE_SITEKEY": "own",
            },
            set(),
        ),
    ],
)
def test_production_is_told_of_an_easy_way_in(
    settings: Any, changes: dict[str, Any], ids: set[str]
) -> None:
    settings.TURNSTILE_SECRET = settings.TURNSTILE_SITEKEY = ""
    for name, value in changes.items():
        setattr(settings, name, value)
    assert {one.id for one in checks.check_local_login()} == ids


def test_no_code_stays_in_the_address_when_the_session_ended(
    bootstrapped: None,
) -> None:
    owner = owner_client("olga")
    session = owner.session
    session[SEEN_AT] = int(time.time()) - 7200
    session.save()
    answer = owner.get("/admin/sign-in/with/roblox/login/callback/?code=a-secret&state=another")
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/admin/sign-in/?next=/admin/sessions/",
    )
