"""A worker that is killed while it gives roles: the next one finishes, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db.models.functions import Now

from common.environment import BASE_DIR
from discord import links
from discord.models import RoleMirror
from discord.roles import runner
from tests import first_start
from tests.conftest import database_url
from tests.discord.conftest import player
from tests.discord_world import (
    APPLICATION,
    GUILD,
    INITIATE,
    LINKED,
    OTHER,
    TOKEN,
    DiscordWorld,
)

PATIENCE = 90  # seconds


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_loses_no_roles(discord: DiscordWorld) -> None:
    first_start.bootstrap()
    accounts = range(1001, 1007)
    discord.join(*accounts, roles=[OTHER])
    for account in accounts:
        player(account - 1000)
        links.link(account - 1000, account)
    # The first change is made, but its answer never comes.
    hanging = {"kind": "timeoutAfter", "operations": ["members.addRole"]}
    discord.faults(hanging | {"count": 1, "seconds": 60})
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DISCORD_API_URL": discord.api,
        "DISCORD_APPLICATION_ID": str(APPLICATION),
        "DISCORD_BOT_TOKEN": TOKEN,
        "DISCORD_GUILD_ID": str(GUILD),
        "DISCORD_WRITES": "on",
        "DISCORD_ROLES": f"Initiate={INITIATE},linked={LINKED}",
        "LOG_LEVEL": "ERROR",
    }
    code = "from discord import tasks; tasks.push_roles()"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", code], cwd=BASE_DIR, env=environment
    )
    deadline = time.monotonic() + PATIENCE
    while not discord.get("audit-log") and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    discord.faults()
    assert RoleMirror.objects.exclude(status="confirmed").exists(), "it was killed too late"
    RoleMirror.objects.update(lease_until=Now(), retry_at=Now())  # as after the lease's time
    while runner.step():
        pass
    held = [discord.held(account) for account in accounts]
    assert held == [{OTHER, LINKED, INITIATE}] * len(accounts)
    assert set(RoleMirror.objects.values_list("status", flat=True)) == {"confirmed"}
