"""Signing in with Roblox, against a real OpenID Connect provider."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent, AuditPersonal
from console.accounts.roblox_oauth.provider import NONCE
from console.models import RoleGrant, StaffAccount
from players.discipline import sanctions
from players.models import Player, Rank
from players.moderation.command import Command
from players.privacy import erasure
from tests.console.accounts.conftest import Roblox
from tests.console.conftest import Make
from tests.players.conftest import OWNER


def failures() -> list[str]:
    return [
        event.details["why"]
        for event in AuditEvent.objects.filter(action="staff.sign_in_failed").order_by("pk")
    ]


def test_an_officer_signs_in_and_is_known_by_their_id(roblox: Roblox, player: Make) -> None:
    officer = player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client = Client()
    response = roblox.sign_in(client, 501)
    assert (response.status_code, response["Location"]) == (302, "/admin/")
    assert client.get("/admin/players/501/").status_code == 200
    account = StaffAccount.objects.select_related("user").get()
    assert (account.roblox_id, account.user.first_name) == (501, "Major_Tom")
    event = AuditEvent.objects.get(action="staff.signed_in")
    assert (event.actor_id, event.details["way"]) == (str(officer.pk), "roblox")
    assert not SocialToken.objects.exists()


def test_a_sign_in_request_has_challenge_state_and_nonce(roblox: Roblox, player: Make) -> None:
    first, second = (parse_qs(urlsplit(roblox.asked(Client())).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert sorted(first["scope"][0].split()) == ["openid", "profile"]
    for name in ("code_challenge", "state", "nonce"):
        assert len(first[name][0]) >= 10
        assert first[name] != second[name]


def test_a_changed_name_is_the_same_person(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    for name in ("Old_Name", "New_Name"):
        roblox.knows(501, name)
        roblox.sign_in(Client(), 501)
    assert (
        StaffAccount.objects.count() == User.objects.count() == SocialAccount.objects.count() == 1
    )
    assert User.objects.get().first_name == "New_Name"


@pytest.mark.parametrize(
    ("rank", "words"),
    [
        ("Captain II", "rank gives no access"),
        ("Envoy", "rank gives no access"),
        (None, "no access"),
    ],
)
def test_nobody_registers(roblox: Roblox, player: Make, rank: str | None, words: str) -> None:
    if rank is not None:
        player(502, rank=rank)
    roblox.knows(502, "Curious")
    client = Client()
    response = roblox.sign_in(client, 502)
    assert response.status_code == 403
    assert words in response.content.decode()
    assert not User.objects.exists()
    assert client.get("/admin/players/502/").status_code == 302
    assert words in failures()[0]
    assert AuditPersonal.objects.filter(value="Curious").exists()
    assert "Curious" not in str([event.details for event in AuditEvent.objects.all()])


def test_whoever_is_suspended_or_banned_does_not_get_in(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    sanctions.suspend(501, Command(by=OWNER, reason="under investigation", now=timezone.now()))
    roblox.knows(501, "Major_Tom")
    response = roblox.sign_in(Client(), 501)
    assert response.status_code == 403
    assert "suspended" in response.content.decode()


def test_a_demotion_ends_the_session_with_the_next_page(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client = Client()
    roblox.sign_in(client, 501)
    assert client.get("/admin/players/501/").status_code == 200
    Player.objects.filter(user_id=501).update(rank=Rank.objects.get(name="Captain I"))
    response = client.get("/admin/players/501/")
    assert response.status_code == 403
    assert "rank gives no access" in response.content.decode()
    assert client.get("/admin/players/501/").status_code == 302
    assert AuditEvent.objects.filter(action="session.ended").count() == 1


def test_another_nonce_is_refused(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client = Client()
    back = roblox.consents(roblox.asked(client), 501)
    session = client.session
    session[NONCE] = "of another sign-in"
    session.save()
    response = client.get(back)
    assert response.status_code == 403
    assert "nonce" in response.content.decode()
    assert "nonce" in failures()[0]


def test_a_code_opens_once(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client, other = Client(), Client()
    back = roblox.consents(roblox.asked(client), 501)
    assert client.get(back).status_code == 302
    roblox.asked(other)
    stolen = other.get(back)
    assert stolen.status_code >= 400
    assert other.get("/admin/players/501/").status_code == 302


def test_an_answer_that_nobody_asked_for_is_refused(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    response = Client().get("/admin/sign-in/with/roblox/login/callback/?code=x&state=y")
    assert response.status_code in {401, 403}
    assert "Back to the sign-in" in response.content.decode()


def test_somebody_who_changes_their_mind_is_told_so(roblox: Roblox, player: Make) -> None:
    client = Client()
    state = parse_qs(urlsplit(roblox.asked(client)).query)["state"][0]
    response = client.get(
        f"/admin/sign-in/with/roblox/login/callback/?error=access_denied&state={state}"
    )
    assert response.status_code == 403
    assert failures()


def test_a_provider_that_is_away_is_a_page_and_not_an_error(
    roblox: Roblox, settings: Any, player: Make
) -> None:
    client = Client()
    back = roblox.asked(client)
    settings.SOCIALACCOUNT_PROVIDERS["roblox"]["APPS"][0]["settings"]["server_url"] = (
        "http://127.0.0.1:1/"
    )
    state = parse_qs(urlsplit(back).query)["state"][0]
    response = client.get(f"/admin/sign-in/with/roblox/login/callback/?code=x&state={state}")
    assert response.status_code == 403
    assert client.post("/admin/sign-in/with/roblox/login/?process=login").status_code == 403


def test_a_role_lets_somebody_in_whose_rank_does_not(roblox: Roblox, player: Make) -> None:
    player(503, rank="Captain I")
    RoleGrant.objects.create(
        user_id=503, role="auditor", granted_by="player:1", approved_by="player:2"
    )
    roblox.knows(503, "Auditor")
    client = Client()
    roblox.sign_in(client, 503)
    assert client.get("/admin/audits/auditevent/").status_code == 200
    assert client.get("/admin/acts/warn/503/").status_code == 403


def test_signing_in_again_asks_roblox_to_ask_again(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    asked = parse_qs(
        urlsplit(
            roblox.asked(Client(), "/admin/sign-in/with/roblox/login/?process=login&again=1")
        ).query
    )
    assert asked["prompt"] == ["login"]


def test_nobody_is_led_away_after_signing_in(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client = Client()
    path = "/admin/sign-in/with/roblox/login/?process=login&next=https://evil.example/"
    response = client.get(roblox.consents(roblox.asked(client, path), 501))
    assert "evil" not in response["Location"]


def test_an_erased_person_leaves_no_account(roblox: Roblox, player: Make) -> None:
    player(501, rank="Tempest Major")
    roblox.knows(501, "Major_Tom")
    client = Client()
    roblox.sign_in(client, 501)
    erasure.erase(501, by=OWNER, reason="an order", now=timezone.now())
    assert not User.objects.exists()
    assert not SocialAccount.objects.exists()
    assert client.get("/admin/").status_code == 302


def test_the_provider_says_what_roblox_says(provider: str) -> None:
    found = httpx.get(f"{provider}/.well-known/openid-configuration").json()
    assert found["issuer"].endswith("/")
