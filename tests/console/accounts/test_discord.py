"""Discord as a second sign-in: linked by its owner, unlinked by them or by a site owner.

Both are notified.
"""

import time
from html import unescape
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.test import Client

from audits.models import AuditEvent, AuditPersonal
from audits.queries import events_by_id
from console.decorators import SIGNED_IN_AT
from tests.console.accounts.discord import LOGIN, Discord
from tests.console.conftest import Make
from tests.console.people import client_as, owner_client
from webhooks.messages import payloads


def stale(client: Client) -> Client:
    session = client.session
    session[SIGNED_IN_AT] = int(time.time()) - 3600
    session.save()
    return client


@pytest.fixture
def officer(player: Make) -> Client:
    player(502)
    return client_as(player(501, rank="Supreme Command"))


def linked(discord: Discord, client: Client, user_id: int = 9001, name: str = "Tom#1") -> Any:
    discord.knows(user_id, name)
    return discord.comes_back(client, user_id, "connect")


def test_linking_is_announced_to_person_and_owners(discord: Discord, officer: Client) -> None:
    answer = linked(discord, officer)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/sessions/")
    page = unescape(officer.get("/admin/sessions/").content.decode())
    assert "Tom#1 of Discord is linked" in page
    assert "Tom#1 signs in as you too" in page
    event = AuditEvent.objects.get(action="staff.linked")
    (told,) = payloads.for_events(events_by_id([event.pk]).values()).values()
    assert "linked an account of discord (Tom#1)" in told.message
    assert str(told.severity) == "critical"
    assert {"targetName", "address"} <= set(
        AuditPersonal.objects.filter(event_id=event.pk).values_list("field", flat=True)
    )


def test_linking_needs_a_recent_sign_in_at_its_start(discord: Discord, officer: Client) -> None:
    answer = discord.asked(stale(officer), "connect")
    assert answer["Location"].startswith("/admin/sign-in/")
    assert not SocialAccount.objects.exists()


def test_and_at_the_way_back(discord: Discord, officer: Client) -> None:
    discord.knows(9001, "Tom#1")
    back = discord.consents(discord.asked(officer, "connect")["Location"], 9001)
    answer = stale(officer).get(back)
    assert answer["Location"].startswith("/admin/sign-in/")
    assert not SocialAccount.objects.exists()
    assert not AuditEvent.objects.filter(action="staff.linked").exists()


def test_linking_needs_a_present_sign_in(discord: Discord, officer: Client) -> None:
    assert discord.asked(Client(), "connect")["Location"] == "/admin/sign-in/"
    discord.knows(9001, "Tom#1")
    back = discord.consents(discord.asked(officer, "connect")["Location"], 9001)
    officer.post("/admin/logout/")
    assert officer.get(back).status_code == 403
    assert not SocialAccount.objects.exists()


def test_a_local_owner_links_no_discord(discord: Discord) -> None:
    owner = owner_client()
    answer = linked(discord, owner)
    assert answer["Location"] == "/admin/sessions/"
    assert "sign in with Roblox first" in owner.get("/admin/sessions/").content.decode()
    assert not SocialAccount.objects.exists()


def test_one_discord_account_belongs_to_one_person(
    discord: Discord, officer: Client, player: Make
) -> None:
    linked(discord, officer)
    other = client_as(player(503, rank="Supreme Command"))
    linked(discord, other)
    assert "linked to somebody else" in other.get("/admin/sessions/").content.decode()
    linked(discord, officer, 9002, "Tom#2")
    assert "unlink that one first" in officer.get("/admin/sessions/").content.decode()
    assert SocialAccount.objects.get().uid == "9001"
    assert AuditEvent.objects.filter(action="staff.linked").count() == 1


def test_discord_signs_in_but_proves_nothing(discord: Discord, officer: Client) -> None:
    linked(discord, officer)
    client = Client()
    assert discord.comes_back(client, 9001, "login").status_code == 302
    page = unescape(client.get("/admin/players/502/").content.decode())
    assert "was linked with your account" in page
    grave = client.get("/admin/acts/ban/502/")
    assert grave.status_code == 302
    ways = client.get(grave["Location"]).content.decode()
    assert "Sign in with Discord" not in ways
    assert (
        client.get("/admin/sign-in/factor/totp/activate/").status_code == 302
    )  # and it sets up no second factor


def test_unlinking_is_told_and_ends_the_sessions_that_it_began(
    discord: Discord, officer: Client
) -> None:
    linked(discord, officer)
    client = Client()
    discord.comes_back(client, 9001, "login")
    stale(officer).post("/admin/sessions/", {"verb": "unlink"})
    assert "Tom#1 of Discord is unlinked" in officer.get("/admin/sessions/").content.decode()
    assert client.get("/admin/players/502/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert AuditEvent.objects.filter(action="staff.unlinked").count() == 1
    assert discord.comes_back(Client(), 9001, "login").status_code == 403
    officer.post("/admin/sessions/", {"verb": "unlink"})
    assert "No Discord account is linked" in officer.get("/admin/sessions/").content.decode()


def test_an_owner_unlinks_the_account_of_somebody_else(discord: Discord, officer: Client) -> None:
    linked(discord, officer)
    owner, user = owner_client(), SocialAccount.objects.get().user_id
    assert "Tom#1" in owner.get("/admin/access/").content.decode()
    owner.post("/admin/access/", {"verb": "unlink", "user": user, "reason": ""})
    assert SocialAccount.objects.exists()
    owner.post(
        "/admin/access/", {"verb": "unlink", "user": user, "reason": "their Discord was stolen"}
    )
    assert not SocialAccount.objects.exists()
    assert not UserSession.objects.filter(user=user).exists()
    assert (
        officer.post("/admin/access/", {"verb": "unlink", "user": user, "reason": "x"}).status_code
        == 403
    )


def test_an_answer_of_discord_that_says_nobody_is_a_page(discord: Discord, officer: Client) -> None:
    for claims in ({"id": None}, {"id": "x"}, {"id": ["1"]}, {"id": "9" * 30}):
        discord.knows(9001, "Tom#1", **claims)
        answer = discord.comes_back(officer, 9001, "connect")
        assert answer.status_code == 403
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("process", ["redirect", "signup", "", "login&process=redirect"])
@pytest.mark.parametrize("name", ["roblox", "discord"])
def test_only_signing_in_and_linking_are_processes(
    discord: Discord, name: str, process: str
) -> None:
    answer = Client().post(f"/admin/sign-in/with/{name}/login/?process={process}")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/sign-in/")


def test_a_get_begins_no_sign_in(discord: Discord) -> None:
    assert Client().get(LOGIN)["Location"] == "/admin/sign-in/"
