"""The emulator in its own process, and changes that tests make in it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import redis
from django.conf import settings

from common.environment import BASE_DIR
from roblox.open_cloud.operations import BUDGETS
from tests.conftest import START_PATIENCE, free_port

KEY, GROUP, NEXUS, TRAINING = "tests-key", 7001, 5001, 5002
OWNER_OF_KEY, OWNER_OF_GROUP = 9001, 9002
# The rank and the id of a role differ, as they do on Roblox.
ROLES = {
    "Suspended": 2,
    "Initiate": 1,
    "Shock Trooper I": 4,
    "Shock Trooper II": 5,
    "Volt Specialist I": 6,
    "Captain I": 14,
    "Envoy": 17,
    "Tempest Major": 20,
    "Supreme Council": 27,
    "Imperator": 255,
}
# The variables that name the key and the universes.
VARIABLES = {
    "ROBLOX_OPEN_CLOUD_API_KEY": KEY,
    "ROBLOX_UNIVERSE_ID": str(NEXUS),
    "ROBLOX_TRAINING_UNIVERSE_ID": str(TRAINING),
}
EVENT_HOST = 70_003  # a role that the policy does not know


def role_id(rank: str) -> int:
    return 70_000 + ROLES[rank]


class World:
    """Changes of the emulated Roblox through its control interface."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=120)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings with which GRPS reads and writes this Roblox, without limits."""
        return {
            "OPEN_CLOUD_URL": self.url,
            "OPEN_CLOUD_BUDGETS": dict.fromkeys(BUDGETS),
            "ROBLOX_GROUP_ID": GROUP,
            "ROBLOX_WRITES": True,
        }

    def control(self, what: str, /, **body: Any) -> Any:
        answer = self.http.post(f"/_emulator/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float) -> None:
        """Let time pass in the emulator."""
        self.control("clock", advance=seconds)

    def begin(self) -> None:
        """Reset Roblox to two universes, the group, and a key that may do everything."""
        self.control("reset")
        _forget(httpx.URL(self.url).netloc.decode())
        for universe in (NEXUS, TRAINING):
            self.control(
                "universes", universeId=universe, rootPlaceId=universe + 1000, name=str(universe)
            )
        roles = [
            {"id": role_id(name), "rank": rank, "displayName": name} for name, rank in ROLES.items()
        ]
        roles.append({"id": EVENT_HOST, "rank": 3, "displayName": "Event Host"})
        self.control(
            "groups", groupId=GROUP, name="The group", ownerUserId=OWNER_OF_GROUP, roles=roles
        )
        self.control(
            "keys", key=KEY, name="tests", ownerUserId=OWNER_OF_KEY, scopes=["*"], enabled=True
        )
        self.join(OWNER_OF_KEY, "Supreme Council")
        self.control("limits", all=None)

    def join(self, user_id: int, *ranks: str, also: tuple[int, ...] = ()) -> None:
        """Add a member or replace their roles, without an entry in the group's log."""
        member = {
            "userId": user_id,
            "username": f"citizen_{user_id}",
            "roles": [*(role_id(rank) for rank in ranks), *also],
        }
        self.control("members", groupId=GROUP, members=[member])

    def leave(self, user_id: int) -> None:
        assert self.http.delete(f"/_emulator/members/{GROUP}/{user_id}").status_code == 200

    def set_roles(self, user_id: int, *ranks: str, also: tuple[int, ...] = ()) -> None:
        """Change a member's roles by hand on Roblox."""
        self.act(
            "setRoles",
            groupId=GROUP,
            userId=user_id,
            roles=[*(role_id(rank) for rank in ranks), *also],
        )

    def put_role(
        self, role: int, number: int, name: str, permissions: list[str] | None = None
    ) -> None:
        """Create a role, or change its rank, name or permissions."""
        body = {"id": role, "rank": number, "displayName": name, "permissions": permissions}
        self.act("putRole", groupId=GROUP, role=body)

    def remove_role(self, role: int) -> None:
        self.act("removeRole", groupId=GROUP, roleId=role)

    def own_the_group_with_the_key(self) -> None:
        """Give the key to the group's owner, who can read every role's permissions."""
        self.control(
            "keys", key=KEY, name="tests", ownerUserId=OWNER_OF_GROUP, scopes=["*"], enabled=True
        )

    def roles(self, user_id: int) -> set[int]:
        """Return the ids of a member's roles, without the base role."""
        answer = self.http.get(
            f"/cloud/v2/groups/{GROUP}/memberships",
            params={"maxPageSize": 1, "filter": f"user == 'users/{user_id}'"},
            headers={"x-api-key": KEY},
        ).json()
        found = answer["groupMemberships"][0]["roles"]
        return {int(role.rpartition("/")[2]) for role in found} - {role_id("Initiate")}

    def act(self, act: str, /, **body: Any) -> Any:
        return self.control("act", act=act, **body)

    def save(self, user_id: int, value: Any, index: int | None, universe: int = NEXUS) -> None:
        """Write a player's entry and its index, as a game server does."""
        there = (
            {"store": "GRPS_Points_Index", "id": str(user_id), "value": index}
            if index is not None
            else None
        )
        self.act(
            "setEntry",
            universeId=universe,
            store="GRPS_Points",
            scope="global",
            key=f"player:{user_id}",
            value=value,
            index=there,
        )

    def entry(self, store: str, key: str, universe: int = NEXUS) -> Any:
        answer = self.http.get(
            "/_emulator/entry",
            params={"universeId": universe, "store": store, "scope": "global", "key": key},
        )
        return answer.json() if answer.status_code == 200 else None

    def messages(self, universe: int = NEXUS) -> list[dict[str, Any]]:
        found = self.http.get("/_emulator/messages", params={"universeId": universe}).json()
        rows: list[dict[str, Any]] = found if isinstance(found, list) else found["messages"]
        return rows

    def seed(self, players: int, **options: Any) -> Any:
        body = {
            "universeId": NEXUS,
            "players": players,
            "firstUserId": 1000,
            "store": "GRPS_Points",
            "scope": "global",
            "keyFormat": "player:{userId}",
            "index": "GRPS_Points_Index",
            "format": "legacy",
            "seed": 1,
        }
        return self.control("seed", **body | options)

    def faults(self, *faults: dict[str, Any], seed: int = 7) -> None:
        self.control("faults", faults=list(faults), seed=seed)

    def calls(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self.http.get("/_emulator/calls").json()["calls"]
        return found

    def restriction(self, user_id: int, universe: int = NEXUS) -> dict[str, Any]:
        answer = self.http.get(
            f"/cloud/v2/universes/{universe}/user-restrictions/{user_id}",
            headers={"x-api-key": KEY},
        ).json()
        found: dict[str, Any] = answer["gameJoinRestriction"]
        return found


def _forget(realm: str) -> None:
    """Delete what earlier tests learnt of this Roblox: limits and failures."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter(f"grps:open-cloud:{realm}:*"):
            client.delete(key)


@contextmanager
def emulated() -> Iterator[World]:
    """Run an emulator until the block ends."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "roblox.emulator",
                f"--port={port}",
                f"--state={Path(folder) / 'state'}",
            ],
            cwd=BASE_DIR,
            env={**os.environ, "LOG_LEVEL": "ERROR"},
            start_new_session=True,
        )
        world = World(f"http://127.0.0.1:{port}")
        try:
            _wait(world, process)
            yield world
        finally:
            process.terminate()
            process.wait(START_PATIENCE)


def _wait(world: World, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "the emulator ended before it served"
        try:
            world.calls()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the emulator did not serve in time")
