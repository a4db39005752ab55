"""Players in bulk, in the two formats that games keep points in, and changes to a share of them."""

import random
import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from roblox.emulator import entries, ordered
from roblox.emulator.calls import micros
from roblox.emulator.entries import Content
from roblox.emulator.store import Store

BATCH = 20_000  # players of one transaction, so that calls get through meanwhile
MOST = 500_000  # hundredths of a point that a player starts with
SEASON = 1_700_000_000  # seconds since 1970: when the seeded sessions were saved
INDEX_SCOPE = "global"

_PUT = """
INSERT INTO entries (store, scope, key, created, number, revised, since, active, value, users, attributes)
VALUES (?, ?, ?, ?, 1, ?, ?, 1, ?, '[]', '{}')
ON CONFLICT (store, scope, key) DO UPDATE SET number = number + 1, revised = excluded.revised,
    since = CASE active WHEN 1 THEN since ELSE excluded.since END, active = 1, value = excluded.value,
    users = '[]', attributes = '{}'
"""


Format = Literal["legacy", "grps"]


class Seed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Players to make, or, with a `change_fraction` above 0, the share of them that goes on
    earning.
    """

    universe_id: int
    players: int
    store: str
    format: Format
    first_user_id: int = 1000
    scope: str = "global"
    key_format: str = "player:{userId}"
    index: str | None = None
    seed: int = 1
    change_fraction: float = 0

    def key(self, user: int) -> str:
        return self.key_format.replace("{userId}", str(user))


def plant(store: Store, seed: Seed) -> None:
    """Write all players of a seed; the same seed writes the same."""
    with store.write() as db:
        db.execute("INSERT OR IGNORE INTO universes VALUES (?, ?, ?)", (seed.universe_id, 0, ""))
        kept = (seed.universe_id, seed.store, seed.scope, seed.key_format, seed.index, seed.format)
        sizes = (seed.players, seed.first_user_id)
        db.execute("INSERT OR REPLACE INTO seeds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*kept, *sizes))
        home = entries.make_store(db, seed.universe_id, seed.store, micros())
        index = ordered.make_store(db, seed.universe_id, seed.index) if seed.index else 0
    chance = random.Random(seed.seed)
    make = _legacy if seed.format == "legacy" else _grps
    last = seed.first_user_id + seed.players
    for start in range(seed.first_user_id, last, BATCH):
        made = [(user, *make(user, chance)) for user in range(start, min(start + BATCH, last))]
        now = micros()
        with store.write() as db:
            db.executemany(_PUT, _entries(seed, home, made, now))
            if index:
                points = ((index, INDEX_SCOPE, str(user), total) for user, _, total in made)
                db.executemany("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?)", points)


def change(store: Store, seed: Seed, chance: random.Random) -> list[int]:
    """Let a share of the players earn, entry and index together; answers who did."""
    count = min(seed.players, max(1, round(seed.players * seed.change_fraction)))
    everybody = range(seed.first_user_id, seed.first_user_id + seed.players)
    chosen = sorted(chance.sample(everybody, count))
    changed = []
    for start in range(0, count, BATCH):
        with store.write() as db:
            home = entries.store_id(db, seed.universe_id, seed.store)
            changed += [
                user
                for user in chosen[start : start + BATCH]
                if _earn(db, seed, home, user, chance)
            ]
    return changed


def live_on(store: Store, chance: random.Random) -> list[int]:
    """A few players of one seeded universe earn; answers who did."""
    names = "universe, store, scope, key_format, index_store, format, players, first_user"
    rows = store.read().execute(f"SELECT {names} FROM seeds WHERE players > 0").fetchall()
    if not rows:
        return []
    universe, name, scope, key_format, index, form, players, first = chance.choice(rows)
    seed = Seed(
        universe, players, name, form, first, scope, key_format, index, change_fraction=3 / players
    )
    return change(store, seed, chance)


def _entries(
    seed: Seed, home: int, made: list[tuple[int, str, int]], now: int
) -> Iterator[tuple[Any, ...]]:
    return ((home, seed.scope, seed.key(user), now, now, now, value) for user, value, _ in made)


def _legacy(user: int, chance: random.Random) -> tuple[str, int]:
    total = int(MOST * chance.random() ** 4)
    kills = total // 40
    points = _points(total)
    text = f'{{"points":{points},"kos":{kills},"wos":{kills // 3},"rank":"Initiate","username":"citizen_{user}"}}'
    return text, total


def _grps(user: int, chance: random.Random) -> tuple[str, int]:
    total = int(MOST * chance.random() ** 4)
    last = 1 + user % 5
    folded = total // 2 if last > 3 else 0
    recent = total - folded
    kills = recent // 40
    counts = f'"sequence":{1 + kills},"total":{recent},"kos":{kills},"wos":{kills // 3}'
    session = f'"{last}":{{{counts},"savedAt":{SEASON + user}}}'
    fold = (
        f',"folded":{{"through":{last - 1},"total":{folded},"kos":{folded // 40},"wos":0}}'
        if folded
        else ""
    )
    text = (
        f'{{"grps":1,"userId":{user},"username":"citizen_{user}","displayName":"Citizen {user}",'
        f'"sessions":{{{session}}}{fold}}}'
    )
    return text, total


def _earn(db: sqlite3.Connection, seed: Seed, home: int, user: int, chance: random.Random) -> bool:
    entry = entries.find(db, home, seed.scope, seed.key(user))
    if entry is None or entry.value is None:
        return False
    value: dict[str, Any] = msgspec.json.decode(entry.value)
    more = chance.randrange(25, 500, 25)
    now = micros()
    total = _more_legacy(value, more) if seed.format == "legacy" else _more_grps(value, more, now)
    written = Content(msgspec.json.encode(value).decode(), entry.users, entry.attributes)
    entries.put(db, home, seed.scope, entry.key, written, now)
    if seed.index:
        index = ordered.make_store(db, seed.universe_id, seed.index)
        ordered.put(db, index, INDEX_SCOPE, str(user), total)
    return True


def _more_legacy(value: dict[str, Any], more: int) -> int:
    total = round(float(value["points"]) * 100) + more
    value["points"] = total // 100 if total % 100 == 0 else total / 100
    value["kos"] += 1
    return total


def _more_grps(value: dict[str, Any], more: int, now: int) -> int:
    session = value["sessions"][max(value["sessions"], key=int)]
    session["sequence"] += 1
    session["total"] += more
    session["kos"] += 1
    session["savedAt"] = now // 1_000_000
    folded = value.get("folded", {}).get("total", 0)
    return int(folded) + sum(int(one["total"]) for one in value["sessions"].values())


def _points(total: int) -> str:
    return str(total // 100) if total % 100 == 0 else repr(total / 100)
