"""The emulator itself: permissions, order of roles, limits, and signed interactions."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from tests.discord_world import (
    APPLICATION,
    CAPTAIN,
    CHANNEL,
    GUILD,
    INITIATE,
    TOKEN,
    DiscordWorld,
)

HEADERS = {"authorization": f"Bot {TOKEN}", "user-agent": "DiscordBot (http://localhost, 1)"}


def call(world: DiscordWorld, method: str, path: str, body: Any = None, **headers: str) -> Any:
    answer = world.http.request(method, f"/api/v10{path}", json=body, headers=HEADERS | headers)
    code = answer.json().get("code") if answer.status_code >= 400 else None
    return answer.status_code, code


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/guilds/{GUILD}/members/1/roles/{CAPTAIN}", (204, None)),
        (f"/guilds/{GUILD}/members/5/roles/{CAPTAIN}", (404, 10007)),
        (f"/guilds/{GUILD}/members/1/roles/12345", (404, 10011)),
        (f"/guilds/{GUILD}/members/1/roles/{GUILD}", (403, 50013)),
        (f"/guilds/{GUILD}/members/1/roles/790", (403, 50013)),
        (f"/guilds/9/members/1/roles/{CAPTAIN}", (404, 10004)),
    ],
)
def test_giving_a_role(discord: DiscordWorld, path: str, expected: Any) -> None:
    discord.join(1)
    assert call(discord, "PUT", path) == expected


def test_without_the_permission_or_token(discord: DiscordWorld) -> None:
    discord.join(1)
    path = f"/guilds/{GUILD}/members/1/roles/{INITIATE}"
    assert call(discord, "PUT", path, authorization="Bot wrong") == (401, 0)
    assert call(discord, "PUT", path, **{"user-agent": "curl"}) == (403, 40333)
    discord.change_roles(GRPS={"permissions": 0})
    assert call(discord, "PUT", path) == (403, 50013)
    assert discord.get("invalid") == {"invalid": 3}


def test_limits_are_told_and_kept(discord: DiscordWorld) -> None:
    discord.post("limits", {"member": 1})
    discord.join(1)
    first = discord.http.get(f"/api/v10/guilds/{GUILD}/members/1", headers=HEADERS)
    assert first.headers["x-ratelimit-remaining"] == "0"
    second = discord.http.get(f"/api/v10/guilds/{GUILD}/members/1", headers=HEADERS)
    assert second.status_code == 429
    assert 0 < second.json()["retry_after"] <= 5
    discord.post("clock", {"advance": 5})
    third = discord.http.get(f"/api/v10/guilds/{GUILD}/members/1", headers=HEADERS)
    assert third.status_code == 200


def test_messages_and_commands_are_checked(discord: DiscordWorld) -> None:
    button = {"type": 2, "style": 1, "label": "Approve", "custom_id": "x" * 101}
    row = [{"type": 1, "components": [button]}]
    path = f"/channels/{CHANNEL}/messages"
    assert call(discord, "POST", path, {"components": row}) == (400, 50035)
    assert call(discord, "POST", path, {}) == (400, 50035)
    path = f"/applications/{APPLICATION}/guilds/{GUILD}/commands"
    rank = {"name": "rank", "description": "Show your rank"}
    assert call(discord, "PUT", path, [rank, rank]) == (400, 50035)
    assert call(discord, "PUT", path, [rank]) == (200, None)


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it gets, and answers as an application that defers."""

    got: list[tuple[dict[str, str], bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        content = b'{"type": 5}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.got.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_interactions_are_signed_as_pynacl_expects(discord: DiscordWorld, receiver: str) -> None:
    key = VerifyKey(bytes.fromhex(discord.get("application")["publicKey"]))
    sent = discord.post("interactions", {"url": receiver, "body": {"type": 2}})
    headers, body = Receiver.got[0]
    signature = bytes.fromhex(headers["x-signature-ed25519"])
    key.verify(headers["x-signature-timestamp"].encode() + body, signature)
    assert json.loads(body)["token"] == sent["token"]
    path = f"/webhooks/{APPLICATION}/{sent['token']}/messages/@original"
    assert call(discord, "PATCH", path, {"content": "done"}, authorization="") == (200, None)
    assert discord.get(f"interactions/{sent['token']}")["answer"]["content"] == "done"
    discord.post("clock", {"advance": 901})
    assert call(discord, "PATCH", path, {"content": "late"}, authorization="") == (401, 50027)


def test_a_wrong_signature_is_wrong(discord: DiscordWorld, receiver: str) -> None:
    key = VerifyKey(bytes.fromhex(discord.get("application")["publicKey"]))
    wanted = {"url": receiver, "body": {"type": 1}, "wrongSignature": True}
    discord.post("interactions", wanted)
    headers, body = Receiver.got[0]
    with pytest.raises(BadSignatureError):
        key.verify(
            headers["x-signature-timestamp"].encode() + body,
            bytes.fromhex(headers["x-signature-ed25519"]),
        )
