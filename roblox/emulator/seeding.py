"""Communities to try things on: any number of players, the demo of `make up`, and a little life."""

import json
import random
import threading
import time
from pathlib import Path
from typing import Any

from roblox.emulator.store import Store

CHUNK = 20_000
GROUP, KEY_OWNER, OWNER = 7001, 9001, 1
UNIVERSES = {5001: ("Nexus", 6001, "grps"), 5002: ("Training Site", 6002, "legacy")}
PLAYERS, MEMBERS, FIRST = 300, 200, 1000
STORE, INDEX = "GRPS_Points", "GRPS_Points_Index"
PUT = "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, 'ACTIVE')"


def seed(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """Fill a universe with players; with `changeFraction` let some of those there have earned more.

    Raises KeyError for what is missing.
    """
    if body.get("changeFraction"):
        return {"changed": _change(store, body)}
    players, first = int(body["players"]), int(body["firstUserId"])
    for start in range(first, first + players, CHUNK):
        users = range(start, min(start + CHUNK, first + players))
        with store.atomic():
            _chunk(store, body, users)
    return {"changed": []}


def _chunk(store: Store, body: dict[str, Any], users: range) -> None:
    now = time.time()
    where = int(body["universeId"]), body["store"], body.get("scope") or "global"
    entries, index = [], []
    for user in users:
        dice = random.Random(int(body.get("seed", 1)) * 1_000_003 + user)
        value, total = _grps(user, dice) if body.get("format") == "grps" else _legacy(user, dice)
        key = body["keyFormat"].replace("{userId}", str(user))
        entries.append((*where, key, json.dumps(value, separators=(",", ":")), f'["users/{user}"]', "{}", now, now))
        index.append((where[0], body.get("index"), "global", str(user), total))
    store.write_many(PUT, entries)
    if body.get("index"):
        store.write_many("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?, ?)", index)
    store.write_many(
        "INSERT OR IGNORE INTO users VALUES (?, ?, ?)",
        [(user, f"citizen_{user}", f"Citizen {user}") for user in users],
    )


def _legacy(user: int, dice: random.Random) -> tuple[dict[str, Any], int]:
    total = dice.randrange(0, 120_000)
    value = {"points": total / 100, "kos": dice.randrange(200), "wos": dice.randrange(200), "rank": "Initiate"}
    return value | {"username": f"citizen_{user}"}, total


def _grps(user: int, dice: random.Random) -> tuple[dict[str, Any], int]:
    sessions = {
        str(epoch): {
            "sequence": dice.randrange(1, 60),
            "total": dice.randrange(0, 4_000),
            "kos": dice.randrange(20),
            "wos": dice.randrange(20),
            "savedAt": 1_700_000_000 + epoch,
        }
        for epoch in range(10, 10 + dice.randrange(1, 4))
    }
    folded = {"through": 9, "total": dice.randrange(0, 100_000), "kos": dice.randrange(100), "wos": dice.randrange(100)}
    value = {"grps": 1, "userId": user, "username": f"citizen_{user}", "displayName": f"Citizen {user}"}
    total = folded["total"] + sum(session["total"] for session in sessions.values())
    return value | {"sessions": sessions, "folded": folded}, total


def _change(store: Store, body: dict[str, Any]) -> list[int]:
    players, first = int(body["players"]), int(body["firstUserId"])
    dice = random.Random(time.time_ns())
    users = sorted(dice.sample(range(first, first + players), max(1, round(players * float(body["changeFraction"])))))
    where = int(body["universeId"]), body["store"], body.get("scope") or "global"
    with store.atomic():
        for user in users:
            key = body["keyFormat"].replace("{userId}", str(user))
            earn(store, where, key, body.get("index"), user, dice.randrange(1, 20) * 25)
    return users


def earn(store: Store, where: tuple[int, str, str], key: str, index: str | None, user: int, amount: int) -> None:
    """A player earns so many hundredths in the game: entry and index together."""
    row = store.row("SELECT value FROM entries WHERE universe = ? AND store = ? AND scope = ? AND id = ?", *where, key)
    if row is None:
        return
    value = json.loads(row[0])
    if "sessions" in value:
        epoch = max(value["sessions"], key=int)
        session = value["sessions"][epoch]
        session["sequence"] += 1
        session["total"] += amount
        session["savedAt"] = int(time.time())
    else:
        value["points"] = round(value["points"] * 100 + amount) / 100
    store.write(
        "UPDATE entries SET value = ?, revision = revision + 1, updated = ?"
        " WHERE universe = ? AND store = ? AND scope = ? AND id = ?",
        *(json.dumps(value, separators=(",", ":")), time.time(), *where, key),
    )
    if index:
        store.write(
            "UPDATE ordered SET value = value + ? WHERE universe = ? AND store = ? AND id = ?",
            *(amount, where[0], index, str(user)),
        )


def seed_demo(store: Store, roles_file: str) -> None:
    """The community of `make up`: a group with the ladder's roles, two universes, a key. Made once."""
    if store.row("SELECT 1 FROM groups WHERE id = ?", GROUP):
        return
    ranks = json.loads(Path(roles_file).read_text(encoding="utf-8"))["ranks"]
    with store.atomic():
        store.write("INSERT INTO groups VALUES (?, ?, ?)", GROUP, "The Storm", OWNER)
        rows = [(GROUP, 70_000 + rank["role"], rank["role"], rank["name"]) for rank in ranks]
        store.write_many("INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?)", [*rows, (GROUP, 70_003, 3, "Event Host")])
        key = {"name": "emulator", "ownerUserId": KEY_OWNER, "scopes": ["*"], "enabled": True}
        store.write("INSERT INTO api_keys VALUES (?, ?)", "emulator-key", json.dumps(key))
        for universe, (name, place, form) in UNIVERSES.items():
            store.write("INSERT INTO universes VALUES (?, ?, ?)", universe, place, name)
            seed(store, _community(universe, form))
        _join_members(store, ranks)


def _community(universe: int, form: str) -> dict[str, Any]:
    return {
        "universeId": universe,
        "players": PLAYERS,
        "firstUserId": FIRST,
        "store": STORE,
        "scope": "global",
        "keyFormat": "player:{userId}",
        "index": INDEX,
        "format": form,
        "seed": universe,
    }


def _join_members(store: Store, ranks: list[dict[str, Any]]) -> None:
    ladder = [rank for rank in ranks if not rank["isPunishment"] and not rank["ignored"] and not rank["privileged"]]
    now = time.time()
    members = [(GROUP, KEY_OWNER, json.dumps([70_027]), now, now)]
    for user in range(FIRST, FIRST + MEMBERS):
        total = sum(row[0] for row in store.rows("SELECT value FROM ordered WHERE id = ?", str(user))) / 100
        rank = max((one for one in ladder if one["minPoints"] <= total), key=lambda one: one["minPoints"])
        roles = [70_000 + rank["role"]] if rank["role"] != 1 else []
        members.append((GROUP, user, json.dumps(roles), now, now))
    store.write_many("INSERT INTO members VALUES (?, ?, ?, ?, ?)", members)
    store.write("INSERT OR IGNORE INTO users VALUES (?, ?, ?)", KEY_OWNER, "grps_bot", "GRPS")


def live(store: Store, every: float) -> None:
    """Let a few players earn every so many seconds, for as long as the process lives."""

    def play() -> None:
        dice = random.Random()
        while True:
            time.sleep(every)
            for universe in UNIVERSES:
                user = dice.randrange(FIRST, FIRST + PLAYERS)
                with store.atomic():
                    earn(store, (universe, STORE, "global"), f"player:{user}", INDEX, user, dice.randrange(1, 60) * 25)

    threading.Thread(target=play, daemon=True, name="life").start()
