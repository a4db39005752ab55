"""Discord's emulator in its own process, and changes that tests make in it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import redis
from django.conf import settings

from common.environment import BASE_DIR
from devserver.state import free_port
from grps_site.integrations import DiscordRoles

GUILD, CHANNEL, APPLICATION, TOKEN = 77, 770, 9001, "emulator-bot-token"
LINKED, INITIATE, TROOPER, CAPTAIN, OFFICER, SUSPENDED, OTHER = 701, 702, 703, 704, 705, 706, 799
MANAGED = DiscordRoles(
    ranks={
        "Initiate": INITIATE,
        "Shock Trooper I": TROOPER,
        "Captain I": CAPTAIN,
        "Suspended": SUSPENDED,
    },
    levels={"CMD": OFFICER},
    linked=LINKED,
)
BOT_ROLE = 790
MANAGE_ROLES = 1 << 28
START_PATIENCE = 60  # seconds


class DiscordWorld:
    """The emulator's control interface."""

    def __init__(self, url: str) -> None:
        self.url, self.http = url, httpx.Client(base_url=url, trust_env=False, timeout=30)

    @property
    def api(self) -> str:
        return f"{self.url}/api/v10"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which GRPS reads and writes this Discord server."""
        return {
            "DISCORD_API_URL": self.api,
            "DISCORD_APPLICATION_ID": APPLICATION,
            "DISCORD_BOT_TOKEN": TOKEN,
            "DISCORD_GUILD_ID": GUILD,
            "DISCORD_WRITES": True,
            "DISCORD_ROLES": MANAGED,
        }

    def post(self, what: str, body: Any) -> Any:
        answer = self.http.post(f"/_emulator/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, what: str) -> Any:
        answer = self.http.get(f"/_emulator/{what}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def begin(self) -> None:
        """Forget everything, and make a guild whose bot may give all roles. No limits."""
        self.post("reset", {})
        names = {
            LINKED: "Linked",
            INITIATE: "Initiate",
            TROOPER: "Trooper",
            CAPTAIN: "Captain",
            OFFICER: "Officer",
            SUSPENDED: "Suspended",
            OTHER: "Artist",
        }
        roles = [
            {"id": role, "name": name, "position": place}
            for place, (role, name) in enumerate(names.items(), start=1)
        ]
        self.bot = {"id": BOT_ROLE, "name": "GRPS", "position": 50, "permissions": MANAGE_ROLES}
        self.roles = [*roles, self.bot]
        self.post(
            "guilds",
            {
                "id": GUILD,
                "name": "Nation",
                "roles": self.roles,
                "channels": [CHANNEL],
                "botRoles": [BOT_ROLE],
            },
        )
        self.post("limits", {"all": None})
        with redis.Redis.from_url(settings.REDIS_URL) as client:
            for key in client.scan_iter("grps:discord:*"):
                client.delete(key)

    def join(self, *discord_ids: int, roles: list[int] | None = None) -> None:
        members = [
            {"id": one, "username": f"member_{one}", "roles": roles or []} for one in discord_ids
        ]
        self.post("members", {"guildId": GUILD, "members": members})

    def leave(self, discord_id: int) -> None:
        assert self.http.delete(f"/_emulator/members/{GUILD}/{discord_id}").status_code == 200

    def held(self, discord_id: int) -> set[int]:
        """Return the roles of a member."""
        return {int(role) for role in self.get(f"members/{GUILD}/{discord_id}")["roles"]}

    def change_roles(self, **changes: dict[str, Any]) -> None:
        """Change roles of the guild, by their name."""
        changed = [role | changes.get(str(role["name"]), {}) for role in self.roles]
        self.post("roles", {"guildId": GUILD, "roles": changed})

    def faults(self, *faults: dict[str, Any]) -> None:
        self.post("faults", {"faults": list(faults)})

    def calls(self, operation: str = "") -> Any:
        counted = self.get("calls")
        return counted["calls"].get(operation, {}) if operation else counted["total"]


@contextmanager
def emulated() -> Iterator[DiscordWorld]:
    """Run an emulator until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "discord.emulator", f"--port={port}"],
        cwd=BASE_DIR,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    world = DiscordWorld(f"http://127.0.0.1:{port}")
    try:
        _wait(world, process)
        yield world
    finally:
        process.terminate()
        process.wait(START_PATIENCE)


def _wait(world: DiscordWorld, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the emulator ended before it served"
        try:
            world.get("health")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the emulator did not serve in time")
