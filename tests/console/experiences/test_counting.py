"""Two owners decide when more of an experience counts. Counting less applies at once."""

import json
from html import unescape
from typing import Any

import msgspec
from django.core.management import call_command
from django.test import Client

from players.models import Approval, Player
from players.points.recounting import apply_due
from tests.console.conftest import Make
from tests.console.people import client_with_role
from tests.players.conftest import Game

LIST = "/admin/experiences/"


def configure(settings: Any, **what: bool) -> None:
    found = settings.INTEGRATIONS
    changed = tuple(
        msgspec.structs.replace(one, counts=msgspec.structs.replace(one.counts, **what))
        if one.key == "nexus"
        else one
        for one in found.experiences
    )
    settings.INTEGRATIONS = msgspec.structs.replace(found, experiences=changed)
    call_command("bootstrap", quiet=True)


def send(game: Game, sequence: int, **changes: Any) -> Any:
    body = {"server": {"placeId": 1, "jobId": "job", "privateServer": True}}
    body["events"] = [game.event(1, sequence, **changes)]  # type: ignore[assignment]
    answer = game.client.post(
        "/roblox/events", json.dumps(body), content_type="application/json"
    ).json()
    return answer["players"][0]["points"]


def test_private_servers_count_once_two_owners_let_them(
    api_key: str, owner: Client, deputy: Client, player: Make, settings: Any
) -> None:
    game = Game(api_key)
    configure(settings, private_servers=True)
    assert send(game, 1) == 0
    assert "on private servers. It needs the approval of two owners" in unescape(
        owner.get(LIST).content.decode()
    )
    stranger = client_with_role(player(77), "integrator")
    assert stranger.post(f"{LIST}nexus/counts/", {"reason": "please"}).status_code in (302, 403)
    assert not Approval.objects.exists()
    owner.post(f"{LIST}nexus/counts/", {"reason": "a community of friends"})
    asked = Approval.objects.get()
    owner.post(f"/admin/approvals/{asked.pk}/", {"verb": "approve", "words": "myself"})
    assert send(game, 2, total=30) == 0
    deputy.post(f"/admin/approvals/{asked.pk}/", {"verb": "approve", "words": "agreed"})
    assert send(game, 1, session=2) == 15
    assert "on private servers: counts" in " ".join(
        unescape(owner.get(LIST).content.decode()).split()
    ).replace("<strong>", "")


def test_two_owners_let_a_test_experience_count(
    api_key: str, owner: Client, deputy: Client, settings: Any
) -> None:
    game = Game(api_key)
    game.send(game.event(1, 1))
    configure(settings, points=False)
    assert game.send(game.event(1, 2))["players"][0]["points"] == 30  # until the worker has run
    apply_due()
    assert Player.objects.get().points == 0
    configure(settings, points=True)
    apply_due()
    assert Player.objects.get().points == 0
    owner.post(f"{LIST}nexus/counts/", {"reason": "it is tested"})
    deputy.post(
        f"/admin/approvals/{Approval.objects.get().pk}/", {"verb": "approve", "words": "agreed"}
    )
    apply_due()
    assert Player.objects.get().points == 30
