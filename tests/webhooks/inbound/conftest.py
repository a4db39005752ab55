"""Roblox as the sender of notifications, beside the emulated Roblox."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.syncs.conftest import _world, community, game, nexus, player, pull, world
from webhooks.inbound.notifications import signature

__all__ = ["_world", "community", "game", "nexus", "player", "pull", "world"]
SECRET = "grps-test-secret"


class Sender:
    """Sends to `POST /webhooks/roblox` as Roblox does."""

    def __init__(self) -> None:
        self.client = Client()

    def send(
        self, body: bytes, *, secret: str = SECRET, at: float | None = None, **headers: str
    ) -> Any:
        moment = str(int(time.time() if at is None else at))
        proof = f"t={moment},v1={signature(secret, moment, body).decode()}"
        sent = {"roblox-signature": proof} | headers
        return self.client.post(
            "/webhooks/roblox", body, content_type="application/json", headers=sent
        )

    def notify(self, type_: str, payload: Any, id_: str = "") -> Any:
        return self.send(notification(type_, payload, id_))

    def erase(self, user_id: int, id_: str = "") -> Any:
        answer = self.notify(
            "RightToErasureRequest", {"UserId": user_id, "GameIds": [1234, 2345]}, id_
        )
        assert answer.status_code == 200, answer.content
        return answer


def notification(type_: str, payload: Any, id_: str = "") -> bytes:
    body = {
        "NotificationId": id_ or str(uuid4()),
        "EventType": type_,
        "EventTime": "2026-03-01T12:00:00Z",
    }
    return json.dumps(body | {"EventPayload": payload}).encode()


@pytest.fixture
def roblox(settings: Any) -> Sender:
    settings.ROBLOX_WEBHOOK_SECRET = SECRET
    settings.ROBLOX_WEBHOOK_SECRET_PREVIOUS = ""
    return Sender()
