"""`manage.py discord check` and `sync`, against the emulator."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from players.models import Player
from tests.discord_world import INITIATE, LINKED, DiscordWorld

Linked = Callable[..., Player]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("discord", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def known(guild: DiscordWorld, settings: Any) -> DiscordWorld:
    """Return a server whose application's public key is configured."""
    settings.DISCORD_PUBLIC_KEY = guild.get("application")["publicKey"]
    return guild


def test_a_whole_set_up_passes(known: DiscordWorld) -> None:
    text = run("check")
    assert "PROBLEM" not in text
    assert "Captain I: Captain" in text


def test_each_gap_is_named(known: DiscordWorld, settings: Any) -> None:
    settings.DISCORD_PUBLIC_KEY = "00" * 32
    settings.DISCORD_WRITES = False
    settings.DISCORD_ROLES = type(settings.DISCORD_ROLES)(ranks={"Kapitan": 703})
    known.change_roles(Trooper={"position": 60})
    known.post("options", {"membersIntent": False})
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("discord", "check", stdout=out)
    problems = [line for line in out.getvalue().splitlines() if line.startswith("PROBLEM")]
    assert [line.split("  ", 1)[1][:20] for line in problems] == [
        "DISCORD_PUBLIC_KEY i",
        "Discord does not lis",
        "Kapitan: Trooper sta",
        "The policy in force ",
        "Nothing is written: ",
    ]


def test_sync_shows_then_makes_the_changes(known: DiscordWorld, linked: Linked) -> None:
    linked(1)
    assert "Discord account 1001: give Linked, give Initiate" in run("sync")
    assert known.held(1001) == set()
    text = run("sync", "--read", "--push", "--retry-parked")
    assert "2 members were read" in text
    assert known.held(1001) == {LINKED, INITIATE}


def test_sync_refuses_while_off(known: DiscordWorld, linked: Linked, settings: Any) -> None:
    settings.DISCORD_WRITES = False
    with pytest.raises(CommandError, match="DISCORD_WRITES is off"):
        run("sync", "--push")
