"""The client against the emulator: limits, refusals, and where the token goes."""

import logging
import threading
import time
from typing import Any

import httpx
import pytest
import structlog

from discord.bot import bot, client
from discord.rest import guilds, interactions, messages
from discord.rest.client import Discord, Request
from discord.rest.errors import DiscordError
from discord.rest.interactions import Interaction
from discord.rest.pacing import Pacer
from discord.rest.routes import ME, ROLES
from tests.discord_world import CHANNEL, GUILD, TOKEN, DiscordWorld


def test_calls_keep_to_a_bucket(discord: DiscordWorld) -> None:
    discord.post("limits", {"members": 3})
    began = time.monotonic()
    discord.post("clock", {"advance": 0})
    for _ in range(3):
        guilds.members(bot().client, GUILD)
    with pytest.raises(DiscordError, match="used up") as caught:
        guilds.members(bot(patience=1).client, GUILD)
    assert caught.value.retry_after is not None
    assert time.monotonic() - began < 9, "the call did not wait for a window of 10 seconds"
    assert discord.calls("members.list") == {"200": 3}, "Discord refused no call"


def test_processes_share_the_pace(discord: DiscordWorld, settings: Any) -> None:
    """Two clients, as two processes have, make no call above the limit together."""
    discord.post("limits", {"messages": 5})
    pacers = [Pacer(settings.REDIS_URL, discord.url, "bot") for _ in range(2)]
    clients = [Discord(discord.api, TOKEN, pacer, patience=0.5) for pacer in pacers]
    messages.create(clients[0], CHANNEL, {"content": "first"})

    def post(one: Discord) -> None:
        for _ in range(5):
            try:
                messages.create(one, CHANNEL, {"content": "hello"})
            except DiscordError:
                return

    threads = [threading.Thread(target=post, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert discord.calls("messages.create") == {"200": 5}


def test_a_global_429_stops_every_route(discord: DiscordWorld) -> None:
    discord.post("limits", {"global": 1})
    guilds.me(bot().client)
    first = bot().client
    first.pacer.register_answer(
        ME, "", 429, httpx.Headers({"x-ratelimit-global": "true"}), _limited(30)
    )
    assert first.pacer.paused_for() > 20
    with pytest.raises(DiscordError, match="pause"):
        guilds.roles(bot(patience=1).client, GUILD)


def _limited(seconds: float) -> DiscordError:
    from roblox.open_cloud.errors import RetryDecision

    return DiscordError(RetryDecision.WAIT, "limited", status=429, retry_after=seconds)


def test_a_refused_token_stops_all_calls(discord: DiscordWorld, settings: Any) -> None:
    settings.DISCORD_BOT_TOKEN = "another"
    with pytest.raises(DiscordError, match="DISCORD_BOT_TOKEN") as caught:
        guilds.me(bot().client)
    assert caught.value.about_bot
    for _ in range(3):
        with pytest.raises(DiscordError, match="pause"):
            guilds.roles(bot(patience=1).client, GUILD)
    assert discord.get("invalid") == {"invalid": 1}
    settings.DISCORD_BOT_TOKEN = TOKEN
    assert guilds.me(bot().client).bot, "a new token is tried at once"


def test_refused_calls_stop_far_below_the_ban(discord: DiscordWorld, settings: Any) -> None:
    pacer = Pacer(settings.REDIS_URL, discord.url, "bot", invalid_at_most=3)
    one = Discord(discord.api, TOKEN, pacer)
    discord.post("options", {"membersIntent": False})
    for _ in range(3):
        with pytest.raises(DiscordError, match="no access"):
            guilds.members(one, GUILD)
    with pytest.raises(DiscordError, match="Too many calls were refused"):
        guilds.members(one, GUILD)
    assert discord.calls("members.list") == {"403": 3}


def test_server_errors_are_tried_again(discord: DiscordWorld) -> None:
    guilds.roles(bot().client, GUILD)
    discord.faults({"kind": "500", "operations": ["guilds.roles"], "count": 2})
    assert guilds.roles(bot().client, GUILD)
    assert discord.calls("guilds.roles") == {"200": 2, "500": 2}


def test_a_refusal_that_cannot_be_read_is_no_final_one(discord: DiscordWorld) -> None:
    """Half of the answer that somebody is no member must not park their roles."""
    discord.faults({"kind": "truncate", "operations": ["members.get"], "count": 1})
    assert guilds.member(bot().client, GUILD, 12345) is None
    assert discord.calls("members.get") == {"404": 2}


def test_a_hanging_discord_is_given_up(discord: DiscordWorld) -> None:
    discord.faults({"kind": "timeoutAfter", "operations": ["guilds.roles"], "seconds": 2})
    with pytest.raises(DiscordError, match="in time"):
        guilds.roles(bot().client.at_once(1, 0.3), GUILD)


def test_many_failures_pause_the_calls(discord: DiscordWorld) -> None:
    guilds.roles(bot().client, GUILD)
    discord.faults({"kind": "503", "operations": ["*"]})
    for _ in range(3):
        with pytest.raises(DiscordError):
            guilds.roles(bot().client, GUILD)
    assert discord.calls("guilds.roles")["503"] == 8
    assert bot().client.pacer.paused_for() > 5


def test_the_token_is_never_shown(
    discord: DiscordWorld, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.DISCORD_BOT_TOKEN = "a-very-secret-token"
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        with pytest.raises(DiscordError) as caught:
            guilds.me(bot().client)
        with pytest.raises(DiscordError) as late:
            interactions.edit_answer(client(), Interaction(9001, "an-answer-token"), {})
    shown = [repr(bot()), str(caught.value), repr(late.value), repr(lines)]
    shown += [repr(Interaction(9001, "an-answer-token"))]
    said = " ".join([*shown, *(line.getMessage() for line in caplog.records if _ours(line))])
    assert "a-very-secret-token" not in said
    assert "an-answer-token" not in said


def _ours(line: logging.LogRecord) -> bool:
    return line.levelno >= logging.WARNING or not line.name.startswith(("httpx", "httpcore"))


def test_redirects_do_not_get_the_token(discord: DiscordWorld, settings: Any) -> None:
    """An answer that leads to another host is a refusal: the token goes to one host."""
    moved = httpx.MockTransport(lambda _: httpx.Response(302, headers={"location": "http://x/"}))
    pacer = Pacer(settings.REDIS_URL, "moved", "bot")
    one = Discord(
        "http://discord.invalid/api/v10",
        TOKEN,
        pacer,
        http=httpx.Client(transport=moved, base_url="http://discord.invalid/api/v10/"),
    )
    with pytest.raises(DiscordError):
        one.call(Request(ROLES, {"guild": 1}), list[guilds.Role])


def test_names_in_a_message_ping_nobody(discord: DiscordWorld) -> None:
    sent = messages.create(bot().client, CHANNEL, {"content": "@everyone"})
    messages.edit(bot().client, sent, {"content": "changed"})
    shown = discord.get(f"messages/{CHANNEL}")
    assert [(one["content"], one["allowed_mentions"]) for one in shown] == [
        ("changed", {"parse": []})
    ]
    messages.delete(bot().client, sent)
    assert discord.get(f"messages/{CHANNEL}") == []
