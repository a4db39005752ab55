"""From the emulated Discord over HTTP to a running server, and back to Discord by a worker."""

from collections.abc import Callable
from typing import Any

from discord import bot
from discord.interactions import pending, queue_messages
from discord.models import PendingInteraction
from players.models import Approval, Player, Sanction
from tests.conftest import WITHOUT_LIMITS
from tests.discord.interactions.people import linked, player
from tests.discord.interactions.signed import PATH
from tests.discord_world import APPLICATION, CHANNEL, GUILD, TOKEN, DiscordWorld


def send(world: DiscordWorld, url: str, person: int, **changes: Any) -> dict[str, Any]:
    sign = {name: changes.pop(name) for name in ("wrongSignature", "secondsAgo") if name in changes}
    member = {"user": {"id": str(person)}}
    body = {"guild_id": str(GUILD), "member": member} | changes
    found: dict[str, Any] = world.post("interactions", {"url": url + PATH, "body": body} | sign)
    return found


def command(name: str, **options: Any) -> dict[str, Any]:
    given = [{"name": one, "type": 3, "value": value} for one, value in options.items()]
    return {"type": 2, "data": {"name": name, "options": given}}


def test_discord_and_a_server_agree(
    transactional_db: None,
    bootstrapped: None,
    serve: Callable[..., str],
    _discord: DiscordWorld,  # noqa: PT019 - its value is used
    settings: Any,
) -> None:
    world = _discord
    world.begin()
    settings.DISCORD_API_URL, settings.DISCORD_BOT_TOKEN = world.api, TOKEN
    settings.DISCORD_APPLICATION_ID, settings.DISCORD_GUILD_ID = APPLICATION, GUILD
    settings.DISCORD_WRITES, settings.DISCORD_QUEUE_CHANNEL = True, CHANNEL
    bot._client.cache_clear()
    url = serve(
        **WITHOUT_LIMITS,
        DISCORD_PUBLIC_KEY=world.get("application")["publicKey"],
        DISCORD_APPLICATION_ID=str(APPLICATION),
        DISCORD_GUILD_ID=str(GUILD),
    )
    officer, owner, _ = linked(1, "Electro Colonel"), linked(3, "Imperator"), player(2)

    assert send(world, url, 0, type=1)["body"] == {"type": 1}
    for wrong in ({"wrongSignature": True}, {"secondsAgo": 120}):
        assert send(world, url, officer, **command("rank"), **wrong)["status"] == 401
    assert "player\\_1" in send(world, url, officer, **command("rank"))["body"]["data"]["content"]

    sent = send(world, url, officer, **command("warn", player="2", reason="spam"))
    assert sent["body"]["type"] == 5
    assert pending.step() == 1
    answer = world.get(f"interactions/{sent['token']}")["answer"]
    assert "player\\_2" in answer["content"]
    assert Sanction.objects.get().player.user_id == 2

    amount = command("adjust", player="2", points=600, reason="a prize")
    send(world, url, officer, **amount)
    assert pending.step() == 1
    queue_messages.discover()
    assert queue_messages.step() == 1
    (message,) = world.get(f"messages/{CHANNEL}")
    custom_id = message["components"][0]["components"][0]["custom_id"]
    dialog = send(world, url, owner, type=3, data={"custom_id": custom_id})["body"]
    assert dialog["type"] == 9
    text = {"type": 4, "custom_id": "reason", "value": "well earned"}
    rows = [{"type": 1, "components": [text]}]
    filled = {"custom_id": dialog["data"]["custom_id"], "components": rows}
    assert send(world, url, owner, type=5, data=filled)["body"]["type"] == 5
    assert [pending.step(), queue_messages.step()] == [1, 1]
    assert Approval.objects.get().status == "approved"
    assert Player.objects.get(user_id=2).points == 600
    (message,) = world.get(f"messages/{CHANNEL}")
    assert "well earned" in message["content"]
    assert message["components"] == []
    assert not PendingInteraction.objects.filter(finished_at=None).exists()
