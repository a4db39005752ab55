"""The command palette: its results by typed text and by user."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from audits.models import AuditEvent
from discord.models import DiscordLink
from players.discipline import sanctions
from players.models import Player, Rank
from players.moderation.actors import at_the_shell
from players.moderation.command import Command
from tests.console.staff import owner_client, plain_client

TOKEN = "6a1e1d4e-5d0c-4f0e-9b52-2f7f4b0f7a11"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bootstrapped")]


@pytest.fixture(autouse=True)
def _players(bootstrapped: None) -> None:
    now = timezone.now()
    for number, name in enumerate(("Anna", "andy", "Bob"), 1):
        rank = Rank.objects.get(name="Initiate")
        Player.objects.create(
            user_id=number, username=name, rank=rank, rank_since=now, named_at=now
        )


def offered(client: Client, q: str) -> list[str]:
    answer = client.get("/admin/palette/", {"q": q})
    assert answer.status_code == 200
    return [
        words.strip()
        for words in re.findall(r"(?s)role=\"option\".*?>([^<]+)<", answer.content.decode())
    ]


def test_players_are_found_by_how_their_name_begins() -> None:
    assert offered(owner_client(), "AN")[:2] == ["andy", "Anna"]


def test_a_page_is_found_by_how_its_title_begins() -> None:
    assert "Players" in offered(owner_client(), "pla")


def test_parts_of_titles_and_acts_are_found() -> None:
    owner = owner_client()
    assert "Players" in offered(owner, "layer")
    assert "Suspend Anna" in offered(owner, "pend ann")
    found = offered(owner, "pend bob")
    assert found[0] == "Suspend Bob"
    first = offered(owner, "ban bob")  # "ban" begins what it names; "unban" only holds it
    assert first[0] == "Ban Bob"


def test_a_linked_discord_id_finds_the_player() -> None:
    DiscordLink.objects.create(user_id=2, discord_id=987654321012345678, name="andy#1")
    assert offered(owner_client(), "987654321012345678") == ["andy"]
    assert "Warn andy" in offered(owner_client(), "warn 987654321012345678")
    assert offered(owner_client(), "987654321012345679") == []


def test_nothing_typed_offers_the_pages() -> None:
    assert {"Players", "Queue"} <= set(offered(owner_client(), ""))


def test_nothing_found_says_what_to_type() -> None:
    page = owner_client().get("/admin/palette/", {"q": "<script>"}).content.decode()
    assert "Nothing is called" in page
    assert "<script>" not in page


def test_someone_without_rights_is_offered_no_players() -> None:
    client = plain_client()
    assert offered(client, "an") == []
    assert "Players" not in offered(client, "")


def test_it_is_for_staff_alone() -> None:
    assert Client().get("/admin/palette/").status_code == 302


def test_only_what_can_be_done_is_offered() -> None:
    owner, anna = owner_client(), Player.objects.get(username="Anna")
    assert not [one for one in offered(owner, "lift ann") if one.startswith("Lift")]
    assert not offered(owner, "recommend ann")  # a local owner is no player, so cannot recommend
    command = Command(by=at_the_shell(), reason="team killing", now=timezone.now())
    sanctions.suspend(anna.user_id, command, until=command.now + dt.timedelta(days=3))
    assert "Lift the suspension of Anna" in offered(owner, "lift ann")
    case = owner.get(f"/admin/players/{anna.user_id}/").content.decode()
    assert "/admin/acts/recommend/" not in case
    answer = owner.post(f"/admin/acts/recommend/{anna.user_id}/", {"words": "good", "token": TOKEN})
    assert "only an officer who is a player" in answer.content.decode()
    assert AuditEvent.objects.filter(action="act.refused").exists()
    told = owner.get(f"/admin/players/{anna.user_id}/").context["timeline"].entries
    assert "act.refused" not in [one.event.action for one in told if one.event]
