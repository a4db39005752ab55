"""Refused sign-ins write few rows, however many there are, and every sign-in address has a page."""

import datetime as dt
import secrets
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audits.models import AuditEvent, AuditPersonal
from common import database_clock
from console.accounts import audit_events
from tests.console.accounts.conftest import Roblox
from tests.console.conftest import Make
from tests.console.people import local_owner, owner_client

CALLBACK = "/admin/sign-in/with/{}/login/callback/?{}"
MANY = 300


def failed() -> list[Any]:
    return list(AuditEvent.objects.filter(action="staff.sign_in_failed").order_by("pk"))


def an_hour_later() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE refused_sign_ins SET told_at = told_at - interval '1 hour'")


@pytest.mark.parametrize(
    "query", ["code=x&state=made-up", "error=access_denied&state=made-up", "error=server_error", ""]
)
@pytest.mark.parametrize("from_many", [False, True])
def test_made_up_callbacks_are_counted_and_told_once_a_minute(
    roblox: Roblox, settings: Any, query: str, from_many: bool
) -> None:
    settings.TRUSTED_PROXIES = 1
    client = Client()
    for number in range(MANY):
        address = f"198.51.{number % 250}.{number // 250}" if from_many else "198.51.100.1"
        answer = client.get(CALLBACK.format("roblox", query), headers={"X-Forwarded-For": address})
        assert answer.status_code in {403, 429}
    (event,) = failed()
    assert event.details["times"] == 1
    assert AuditPersonal.objects.count() <= 3
    assert audit_events.tell_counted() == 0
    an_hour_later()
    assert audit_events.tell_counted() == 1
    assert [one.details["times"] for one in failed()] == [1, MANY - 1]
    an_hour_later()
    assert audit_events.tell_counted() == 0
    assert Session.objects.count() == 0


def test_one_address_is_told_to_wait(
    roblox: Roblox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_WRITE_PER_MINUTE = 20
    stopped = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)  # the count starts again each minute
    monkeypatch.setattr(database_clock, "now", lambda: stopped)
    client = Client(REMOTE_ADDR=f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::7")
    codes = [client.get(CALLBACK.format("roblox", "code=x&state=y")).status_code for _ in range(30)]
    assert codes[0] == 403
    assert codes[-1] == 429
    out = [
        client.post("/admin/sign-in/with/roblox/login/?process=login").status_code
        for _ in range(30)
    ]
    assert set(out) == {429}
    assert len(failed()) == 1


def test_errors_that_were_asked_for_are_counted_too(roblox: Roblox, player: Make) -> None:
    for _ in range(10):
        client = Client()
        state = roblox.asked(client).split("state=")[1].split("&")[0]
        assert (
            client.get(CALLBACK.format("roblox", f"error=access_denied&state={state}")).status_code
            == 403
        )
    assert len(failed()) == 1


def test_wrong_passwords_are_counted(settings: Any, bootstrapped: None) -> None:
    settings.LOCAL_LOGIN, settings.LOCAL_LOGIN_MFA, settings.ACCOUNT_RATE_LIMITS = (
        True,
        False,
        False,
    )
    local_owner()
    for _ in range(40):
        Client().post("/admin/sign-in/local/", {"login": "olga", "password": "not the password"})
    assert len(failed()) == 1
    an_hour_later()
    audit_events.tell_counted()
    assert sum(event.details["times"] for event in failed()) == 40


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("post", "/roblox/events", {"x-grps-api-key": "grps_12345678_wrong"}),
        ("post", "/roblox/sanctions", {"x-grps-api-key": "grps_12345678_wrong"}),
        (
            "post",
            "/sync/roblox",
            {"x-grps-timestamp": "1", "x-grps-nonce": "a" * 20, "x-grps-signature": "v1=0"},
        ),
        ("post", "/webhooks/roblox", {"roblox-signature": "t=1,v1=AAAA"}),
        ("post", "/appeals", {"cf-turnstile-response": "no"}),
        ("post", "/appeal", {}),
        ("get", "/appeals/no-token", {}),
        ("get", "/admin/", {}),
        ("get", "/admin/sign-in/", {}),
        ("post", "/admin/logout/", {}),
        ("post", "/admin/acts/ban/1/", {}),
        ("get", "/admin/no-such-page/", {}),
        ("post", "/turnstile/verify", {}),
    ],
)
def test_no_call_that_proves_nothing_leaves_a_row(
    client: Client,
    bootstrapped: None,
    settings: Any,
    method: str,
    path: str,
    headers: dict[str, str],
) -> None:
    settings.ROBLOX_WEBHOOK_SECRET = "a secret of this test, long enough"
    with CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            client.generic(
                method.upper(), path, "{}", content_type="application/json", headers=headers
            )
    assert [
        one["sql"]
        for one in queries
        if one["sql"].lstrip().upper().startswith(("INSERT", "UPDATE"))
    ] == []


@pytest.mark.parametrize("name", ["roblox", "discord"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_provider_that_is_not_set_up_answers_a_page(
    bootstrapped: None, name: str, method: str
) -> None:
    login = f"/admin/sign-in/with/{name}/login/?process=login"
    for path in (
        login,
        CALLBACK.format(name, "code=x&state=y"),
        CALLBACK.format(name, "error=access_denied"),
    ):
        answer = getattr(Client(), method)(path)
        if (method, path) == ("get", login):
            assert answer["Location"] == "/admin/sign-in/"
            continue
        assert answer.status_code == 404
        assert "is not set up here" in answer.content.decode()
    assert (
        owner_client().post(f"/admin/sign-in/with/{name}/login/?process=connect").status_code == 404
    )


NAMED_BY_ALLAUTH = (
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "mfa_index",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "socialaccount_connections",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "roblox_login",
    "roblox_callback",
    "discord_login",
    "discord_callback",
)


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("who", ["nobody", "owner", "officer"])
def test_every_address_that_allauth_leads_to_answers(
    roblox: Roblox, player: Make, settings: Any, local: bool, who: str
) -> None:
    settings.LOCAL_LOGIN, settings.LOCAL_LOGIN_MFA = local, False
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    for name in NAMED_BY_ALLAUTH:
        client = owner_client() if who == "owner" else Client()
        if who == "officer":
            roblox.sign_in(client, 501)
        for method in (client.get, client.post):
            answer = method(reverse(name))
            for _ in range(5):
                if answer.status_code != 302:
                    break
                answer = client.get(answer["Location"])
            assert answer.status_code in {200, 403, 404, 405}, (name, answer.status_code)
            assert answer.content or answer.status_code == 405


def test_somebody_whose_account_is_switched_off_reads_so(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    roblox.sign_in(Client(), 501)
    User.objects.update(is_active=False)
    client = Client()
    answer = client.get(roblox.sign_in(client, 501)["Location"])
    assert (answer.status_code, "switched off" in answer.content.decode()) == (200, True)
