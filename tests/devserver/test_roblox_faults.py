"""Random processes are killed while points are pulled from Roblox and roles are pushed to it."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import httpx
import psycopg

from common.environment import BASE_DIR
from devserver.emulator import GROUP, KEY
from grps_site.http import request_signing
from tests.devserver.conftest import Up

LONG = bool(os.environ.get("GRPS_LONG"))
PLAYERS, KILLS = (10_000, 60) if LONG else (150, 5)
PROMOTED = PLAYERS // 3
FIRST, UNIVERSE, CAPTAIN = 2_000_000, 5001, 70_014
VICTIMS = ["sync-worker", "postgres", "web", "valkey", "beat", "sync-worker"]
PATIENCE = 1800 if LONG else 300  # seconds

PROMOTE = """
from django.utils import timezone
from audits.record import Actor
from common.errors import Refused
from players.moderation.actors import Staff
from players.moderation.command import Command
from players.ranks import decisions
by = Staff(Actor("staff", "1", "Olga", "staff:1"), rank=None, bypasses_second_person=True)
wanted = range({first}, {first} + {count})
for user_id in wanted:
    try:
        command = Command(by=by, reason="deserved", now=timezone.now())
        decisions.set_rank(user_id, "Captain I", command)
    except Refused:
        pass  # by the try before, which a kill of the database cut off
"""


def test_kills_change_nothing_in_a_pull_and_a_push(up: Up) -> None:
    up.environment |= {
        "GRPS_EMULATOR": "on",
        "OPEN_CLOUD_BUDGETS": ",".join(f"{name}=off" for name in UNLIMITED),
    }
    ready = up.start()
    roblox = httpx.Client(base_url=ready["openCloud"]["url"], timeout=120)
    _make_community(roblox)
    killed: list[str] = []
    over = threading.Event()
    killer = threading.Thread(target=_kill_at_random, args=(up, over, killed))
    killer.start()
    try:
        _ask(ready, {"activity": "points", "experience": "nexus", "full": True})
        _until(lambda: _count(ready, f"players WHERE user_id >= {FIRST}") == PLAYERS)
        _ask(ready, {"activity": "members"})
        members = f"players WHERE user_id >= {FIRST} AND member = 'member'"
        _until(lambda: _count(ready, members) == PROMOTED)
        _promote(up)
        captains = "mirrors WHERE aspect = 'role' AND status = 'confirmed' AND confirmed->>'rank' = 'Captain I'"
        _until(lambda: _count(ready, captains) >= PROMOTED)
        _until(lambda: len(killed) >= 3)  # the work may end earlier on a fast machine
    finally:
        over.set()
        killer.join()
    up.wait_for(up.everything_is_up)
    _check(up, ready, roblox)


UNLIMITED = (
    "dataStoreRead",
    "dataStoreWrite",
    "dataStoreList",
    "orderedList",
    "orderedWrite",
    "groupRead",
)
UNLIMITED += ("groupWrite", "messages", "users")


def _make_community(roblox: httpx.Client) -> None:
    def tell(path: str, **body: Any) -> None:
        roblox.post(f"/_emulator/{path}", json=body).raise_for_status()

    tell("limits", all=None)
    dice = random.Random(3)
    # One entry at a time: players of a bulk seed continue to earn, which would change the sums
    # below.
    for n in range(PLAYERS):
        user_id, total = FIRST + n, dice.randrange(1, 200_000)
        session = {
            "sequence": dice.randrange(1, 50),
            "total": total,
            "kos": n % 7,
            "savedAt": 1_700_000_000,
        }
        value = {
            "grps": 1,
            "userId": user_id,
            "username": f"citizen_{user_id}",
            "sessions": {"4": session},
        }
        tell(
            "act",
            act="setEntry",
            universeId=UNIVERSE,
            store="GRPS_Points",
            scope="global",
            key=f"player:{user_id}",
            value=value,
            index={"store": "GRPS_Points_Index", "id": str(user_id), "value": total},
        )
    members = [
        {"userId": FIRST + n, "username": f"citizen_{FIRST + n}", "roles": []}
        for n in range(PROMOTED)
    ]
    tell("members", groupId=int(GROUP), members=members)


def _kill_at_random(up: Up, over: threading.Event, killed: list[str]) -> None:
    dice = random.Random(int(os.environ.get("GRPS_SEED", "11")))
    victims = list(reversed(VICTIMS))
    while not over.wait(dice.uniform(1, 4)) and len(killed) < KILLS:
        victim = victims.pop() if victims else dice.choice(VICTIMS)
        up.kill(victim)
        killed.append(victim)
        up.wait_for(up.everything_is_up)


def _ask(ready: dict[str, Any], body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()

    def asked() -> bool:
        headers = request_signing.sign(ready["signatureSecret"], "POST", "/sync/roblox", content)
        answer = httpx.post(
            f"{ready['url']}/sync/roblox",
            content=content,
            headers=headers | {"Content-Type": "application/json"},
        )
        return answer.status_code in {
            202,
            409,
        }  # 409: a scheduled pull of the same members runs already

    _until(asked)


def _promote(up: Up) -> None:
    code = PROMOTE.format(first=FIRST, count=PROMOTED)

    def done() -> bool:
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        return (
            subprocess.run(
                command, cwd=BASE_DIR, env=up.environment, capture_output=True
            ).returncode
            == 0
        )

    _until(done)


def _until(condition: Any) -> None:
    """Wait for a condition, and retry while a killed service is unavailable."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except (httpx.TransportError, psycopg.Error):
            time.sleep(0.2)
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _count(ready: dict[str, Any], what: str) -> int:
    return int(_rows(ready, f"SELECT count(*) FROM {what}")[0][0])


def _rows(ready: dict[str, Any], query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(ready["databaseUrl"]) as database:
        return database.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def _check(up: Up, ready: dict[str, Any], roblox: httpx.Client) -> None:
    """Check that balances equal the data store, rows are unique, and roles changed once each."""
    points = dict(
        _rows(
            ready, f"SELECT user_id, (points * 100)::bigint FROM players WHERE user_id >= {FIRST}"
        )
    )
    assert points == {FIRST + n: _total(roblox, FIRST + n) for n in range(PLAYERS)}
    doubles = "(SELECT player_id, origin, session, sequence FROM ledger GROUP BY 1, 2, 3, 4 HAVING count(*) > 1) d"
    assert _count(ready, doubles) == 0
    held = {FIRST + n: _roles(roblox, FIRST + n) for n in range(PROMOTED)}
    assert held == {FIRST + n: {CAPTAIN, 70_001} for n in range(PROMOTED)}
    changes = _changes(roblox)
    assert {changes[FIRST + n] for n in range(PROMOTED)} == {1}
    verified = subprocess.run(
        [sys.executable, "manage.py", "ledger", "verify"],
        cwd=BASE_DIR,
        env=up.environment,
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stderr


def _total(roblox: httpx.Client, user_id: int) -> int:
    where: dict[str, str | int] = {
        "universeId": UNIVERSE,
        "store": "GRPS_Points",
        "key": f"player:{user_id}",
    }
    entry = roblox.get("/_emulator/entry", params={**where, "scope": "global"}).json()
    return sum(session["total"] for session in entry["sessions"].values())


def _roles(roblox: httpx.Client, user_id: int) -> set[int]:
    answer = roblox.get(
        f"/cloud/v2/groups/{GROUP}/memberships",
        params={"maxPageSize": 1, "filter": f"user == 'users/{user_id}'"},
        headers={"x-api-key": KEY},
    ).json()
    return {int(role.rpartition("/")[2]) for role in answer["groupMemberships"][0]["roles"]}


def _changes(roblox: httpx.Client) -> Counter[int]:
    """Count the role changes of each user in the group's log."""
    changes: Counter[int] = Counter()
    cursor = ""
    while True:
        page = roblox.get(
            f"/legacy-groups/v1/groups/{GROUP}/audit-log",
            params={"actionType": "ChangeRank", "limit": 100, "cursor": cursor},
            headers={"x-api-key": KEY},
        ).json()
        changes.update(int(line["description"]["TargetId"]) for line in page["data"])
        cursor = page["nextPageCursor"] or ""
        if not cursor:
            return changes
