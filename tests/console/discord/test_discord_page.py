"""The page Discord: what it shows, and what its buttons do."""

from html import unescape
from typing import Any

from django.test import Client
from django.utils import timezone

from discord import links
from discord.models import Guild, RoleMirror
from grps_site.integrations import DiscordRoles
from tests.console.conftest import Make
from tests.console.people import client_as

ADDRESS = "/admin/discord/"


def seen(client: Client) -> str:
    response = client.get(ADDRESS)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_says_what_is_off_and_how_to_switch_it_on(owner: Client, bootstrapped: None) -> None:
    text = seen(owner)
    assert "Discord is not set up (docs/discord.md)." in text
    assert "No rank has a Discord role" in text
    assert "manage.py discord check" in text


def test_shows_links_parked_and_drift(owner: Client, player: Make, settings: Any) -> None:
    settings.DISCORD_GUILD_ID = 77
    settings.DISCORD_ROLES = DiscordRoles(ranks={"Captain I": 5})
    role = {"id": 5, "name": "Captains", "position": 9, "managed": False}
    Guild.objects.create(guild_id=77, roles=[role], bot={"position": 3}, checked_at=timezone.now())
    one, two = player(1), player(2)
    links.link(1, 1001, "one_on_discord")
    links.link(2, 1002)
    RoleMirror.objects.filter(user_id=1).update(status="parked", reason="Move the role up.")
    drift = {"missing": [5], "extra": []}
    RoleMirror.objects.filter(user_id=2).update(drift=drift, drift_at=timezone.now())
    text = seen(owner)
    assert "Captains stands above the bot's role" in text
    assert text.count(one.username) == 2, "parked and linked"
    assert "Move the role up." in text
    assert "one_on_discord" in text
    assert two.username in text
    case = unescape(owner.get("/admin/players/1/").content.decode())
    assert "one_on_discord" in case
    assert "roles: parked" in case
    queue = unescape(owner.get("/admin/?kind=discord").content.decode())
    assert "Discord roles of 1 accounts cannot be set" in queue
    owner.post("/admin/discord/retry/")
    assert RoleMirror.objects.get(user_id=1).status == "pending"
    Guild.objects.update(read_at=timezone.now())
    owner.post("/admin/discord/read/")
    assert Guild.objects.get().read_at is None


def test_only_staff_who_see_the_sync_open_it(player: Make) -> None:
    assert client_as(player(1)).get(ADDRESS).status_code in {302, 403}
