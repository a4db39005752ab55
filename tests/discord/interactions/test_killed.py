"""A worker that is killed by the system after the act: the act counts once, the answer arrives."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db.models.functions import Now

from common.environment import BASE_DIR
from discord.interactions import pending
from discord.models import PendingInteraction
from players.models import Sanction
from tests.conftest import database_url
from tests.discord.interactions.people import linked, player
from tests.discord.interactions.receiver import Receiver
from tests.discord.interactions.signed import APPLICATION, GUILD, Discord

PATIENCE = 90  # seconds


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_repeats_no_act(
    discord: Discord, receiver: Receiver, settings: Any
) -> None:
    person, _ = linked(1, "Imperator"), player(2)
    discord.command(person, "warn", player="2", reason="x")
    receiver.hang = True
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DISCORD_API_URL": receiver.url,
        "DISCORD_APPLICATION_ID": str(APPLICATION),
        "DISCORD_GUILD_ID": str(GUILD),
        "LOG_LEVEL": "ERROR",
    }
    code = "from discord import tasks; tasks.answer()"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=BASE_DIR, env=environment
    )
    deadline = time.monotonic() + PATIENCE
    while not receiver.calls and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    receiver.hang = False
    assert Sanction.objects.count() == 1
    assert PendingInteraction.objects.get().finished_at is None
    PendingInteraction.objects.update(lease_until=Now(), retry_at=Now())
    assert pending.step() == 1
    assert Sanction.objects.count() == 1
    assert len(receiver.calls) == 2
    assert receiver.texts()[0] == receiver.texts()[1] != ""
