"""Only what Discord signed, lately, for our application, is looked at."""

import json
import time
from typing import Any

import pytest
from nacl.signing import SigningKey

from discord.interactions import signature
from discord.models import PendingInteraction
from tests.discord.interactions.signed import Discord, interaction


def ping() -> bytes:
    return json.dumps(interaction()).encode()


def test_a_ping_is_answered(discord: Discord) -> None:
    answer = discord.post(ping())
    assert (answer.status_code, answer.json()) == (200, {"type": 1})


def test_discord_checks_that_bad_signatures_are_refused(discord: Discord) -> None:
    body = ping()
    good = discord.headers(body)
    other = SigningKey.generate()
    forged = other.sign(good["X-Signature-Timestamp"].encode() + body).signature.hex()
    wrong: list[dict[str, str]] = [
        {},
        good | {"X-Signature-Ed25519": forged},
        good | {"X-Signature-Ed25519": ""},
        good | {"X-Signature-Ed25519": "zz" * 64},
        good | {"X-Signature-Ed25519": good["X-Signature-Ed25519"][:-2]},
        good | {"X-Signature-Timestamp": str(int(time.time()) + 1)},
        good | {"X-Signature-Timestamp": ""},
        good | {"X-Signature-Timestamp": "١٢٣"},
    ]
    assert [discord.post(body, headers).status_code for headers in wrong] == [401] * len(wrong)
    assert discord.post(body + b" ", good).status_code == 401


def test_a_body_is_not_parsed_before_it_is_verified(discord: Discord) -> None:
    body = b"{not json"
    assert discord.post(body, {}).status_code == 401
    assert discord.post(body).status_code == 400


@pytest.mark.parametrize("off", [-61, 61])
def test_an_old_or_future_signature_is_refused(discord: Discord, off: int) -> None:
    body = ping()
    headers = discord.headers(body, str(int(time.time()) + off))
    answer = discord.post(body, headers)
    assert answer.status_code == 401
    assert "clock" in answer.json()["detail"]


def test_a_long_body_is_refused_though_it_is_signed(discord: Discord) -> None:
    body = json.dumps(interaction(padding="x" * signature.LARGEST_BODY)).encode()
    assert discord.post(body).status_code == 401


def test_without_a_public_key_interactions_are_closed(discord: Discord, settings: Any) -> None:
    settings.DISCORD_PUBLIC_KEY = ""
    answer = discord.post(ping())
    assert answer.status_code == 401
    assert "DISCORD_PUBLIC_KEY" in answer.json()["detail"]


def test_knowing_the_public_key_signs_nothing(discord: Discord) -> None:
    body = ping()
    headers = discord.headers(body)
    headers["X-Signature-Ed25519"] = discord.public_key * 2
    assert discord.post(body, headers).status_code == 401


def test_another_application_is_refused(discord: Discord) -> None:
    assert discord.send(application_id="1").status_code == 403


@pytest.mark.parametrize("guild", ["1", None])
def test_another_server_and_direct_messages_get_no_answer(
    discord: Discord, guild: str | None
) -> None:
    answer = discord.answer(1, type=2, guild_id=guild, data={"name": "leaderboard"})
    assert "own server" in answer["data"]["content"]


@pytest.mark.parametrize(
    "changes",
    [{"type": 9}, {"type": "2"}, {"id": "x"}, {"token": ""}, {"data": []}, {"member": {}}],
)
def test_an_unknown_form_is_refused(discord: Discord, changes: dict[str, Any]) -> None:
    assert discord.send(**changes).status_code == 400


def test_a_read_is_answered_once(discord: Discord) -> None:
    body = json.dumps(interaction(type=2, data={"name": "leaderboard"})).encode()
    headers = discord.headers(body)
    assert [discord.post(body, headers).status_code for _ in range(2)] == [200, 409]


def test_strangers_store_nothing(discord: Discord) -> None:
    answer = discord.command(77, "warn", player="1", reason="x")
    assert "not linked" in answer["data"]["content"]
    assert not PendingInteraction.objects.exists()


def test_asking_very_often_is_refused(discord: Discord) -> None:
    found = [discord.command(1, "leaderboard")["data"]["content"] for _ in range(31)]
    assert "wait" in found[-1]
    assert "wait" not in found[-2]
    assert "wait" not in discord.command(2, "leaderboard")["data"]["content"]
