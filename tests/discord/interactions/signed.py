"""Interactions as Discord sends them, signed by PyNaCl, which GRPS does not use."""

import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from nacl.signing import SigningKey

APPLICATION, GUILD = 555_000_000_000_000_001, 555_000_000_000_000_002
CHANNEL = 555_000_000_000_000_003
PATH = "/discord/interactions"
IDS = itertools.count(600_000_000_000_000_001)
EPHEMERAL = 64


@dataclass
class Discord:
    """Discord's side: signs and posts interactions of people in the guild."""

    key: SigningKey = field(default_factory=SigningKey.generate)
    client: Any = field(default_factory=Client)
    request_id: str = ""  # of the last request

    @property
    def public_key(self) -> str:
        return self.key.verify_key.encode().hex()

    def headers(self, body: bytes, timestamp: str = "") -> dict[str, str]:
        timestamp = timestamp or str(int(time.time()))
        signature = self.key.sign(timestamp.encode() + body).signature.hex()
        return {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": timestamp}

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> Any:
        """Post a body with these headers, by default with the right ones."""
        given = self.headers(body) if headers is None else headers
        answer = self.client.post(PATH, body, content_type="application/json", headers=given)
        self.request_id = answer.headers["X-Request-ID"]
        return answer

    def send(self, **changes: Any) -> Any:
        return self.post(json.dumps(interaction(**changes)).encode())

    def command(self, person: int, name: str, **options: Any) -> dict[str, Any]:
        """Give a command as a member of the guild. Returns GRPS's answer."""
        given = [{"name": one, "value": value, "type": 3} for one, value in options.items()]
        return self.answer(person, type=2, data={"name": name, "options": given})

    def typed(self, person: int, name: str, option: str, text: str) -> list[dict[str, str]]:
        """Return the offers while a person types an option."""
        options = [{"name": option, "value": text, "type": 3, "focused": True}]
        found = self.answer(person, type=4, data={"name": name, "options": options})
        assert found["type"] == 8
        return found["data"]["choices"]

    def press(self, person: int, custom_id: str) -> dict[str, Any]:
        return self.answer(person, type=3, data={"custom_id": custom_id, "component_type": 2})

    def fill(self, person: int, custom_id: str, reason: str) -> dict[str, Any]:
        """Send a dialog with a reason."""
        text = {"type": 4, "custom_id": "reason", "value": reason}
        rows = [{"type": 1, "components": [text]}]
        return self.answer(person, type=5, data={"custom_id": custom_id, "components": rows})

    def answer(self, person: int, **changes: Any) -> dict[str, Any]:
        found = self.send(member={"user": {"id": str(person)}}, **changes)
        assert found.status_code == 200, found.content
        return found.json()


def interaction(**changes: Any) -> dict[str, Any]:
    """Return the body of a new interaction, by default a ping."""
    found = {
        "id": str(next(IDS)),
        "application_id": str(APPLICATION),
        "type": 1,
        "token": "a token",
        "version": 1,
        "guild_id": str(GUILD),
        "locale": "de",
    }
    return found | changes


def text_of(answer: dict[str, Any]) -> str:
    return answer["data"]["content"]


def is_private(answer: dict[str, Any]) -> bool:
    return answer["data"].get("flags") == EPHEMERAL
