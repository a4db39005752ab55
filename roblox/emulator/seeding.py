"""Players in bulk, in the two formats in which games store points, and changes to some of them."""

import random
from typing import Any, Literal

import msgspec

from roblox.emulator import entries, ordered
from roblox.emulator.clock import MICROS
from roblox.emulator.entries import Content, EntryId
from roblox.emulator.store import Connection, Store

BATCH = 20_000  # players per transaction, so that calls are served between two
MOST = 500_000  # the most hundredths of a point that a player starts with
SEASON = 1_700_000_000  # when the seeded sessions were saved, in seconds since 1970
INDEX_SCOPE = "global"

_PUT = """
INSERT INTO entries
    (store, scope, key, value, created, revised, since, number, active, users, attributes)
VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, '[]', '{}')
ON CONFLICT (store, scope, key) DO UPDATE SET number = number + 1, revised = excluded.revised,
    since = CASE active WHEN 1 THEN since ELSE excluded.since END, active = 1,
    value = excluded.value, users = '[]', attributes = '{}'
"""


Format = Literal["legacy", "grps"]


class Seed(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Players to create. With `change_fraction` above 0: the share of them that earns."""

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
    """Write all players of a seed. Equal seeds write equal players."""
    with store.write() as db:
        db.execute("INSERT OR IGNORE INTO universes VALUES (?, ?, ?)", (seed.universe_id, 0, ""))
        row = (seed.universe_id, seed.store, seed.scope, seed.key_format, seed.index, seed.format)
        sizes = (seed.players, seed.first_user_id)
        db.execute("INSERT OR REPLACE INTO seeds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, *sizes))
        entries.make_store(db, seed.universe_id, seed.store)
    chance = random.Random(seed.seed)
    make = _legacy if seed.format == "legacy" else _grps
    last = seed.first_user_id + seed.players
    for start in range(seed.first_user_id, last, BATCH):
        made = [(user, *make(user, chance)) for user in range(start, min(start + BATCH, last))]
        with store.write() as db:
            _write(db, seed, made)


def _write(db: Connection, seed: Seed, players: list[tuple[int, str, int]]) -> None:
    """Write (user id, value, total) as entries and, if the seed has one, into the index."""
    store = entries.store_id(db, seed.universe_id, seed.store)
    times = (db.now, db.now, db.now)
    rows = ((store, seed.scope, seed.key(user), value, *times) for user, value, _ in players)
    db.executemany(_PUT, rows)
    if seed.index:
        index = ordered.make_store(db, seed.universe_id, seed.index)
        points = ((index, INDEX_SCOPE, str(user), total) for user, _, total in players)
        db.executemany("INSERT OR REPLACE INTO ordered VALUES (?, ?, ?, ?)", points)


def change(store: Store, seed: Seed, chance: random.Random) -> list[int]:
    """Let a share of the players earn, in entry and index. Returns their user ids."""
    count = min(seed.players, max(1, round(seed.players * seed.change_fraction)))
    everybody = range(seed.first_user_id, seed.first_user_id + seed.players)
    chosen = sorted(chance.sample(everybody, count))
    changed: list[int] = []
    for start in range(0, count, BATCH):
        with store.write() as db:
            changed += [
                user for user in chosen[start : start + BATCH] if _earn(db, seed, user, chance)
            ]
    return changed


def change_some(store: Store, chance: random.Random) -> list[int]:
    """Let about three players of one seeded universe earn. Returns their user ids."""
    columns = "universe, store, scope, key_format, index_store, format, players, first_user"
    rows = store.read().execute(f"SELECT {columns} FROM seeds WHERE players > 0").fetchall()
    if not rows:
        return []
    universe, name, scope, key_format, index, form, players, first = chance.choice(rows)
    seed = Seed(
        universe, players, name, form, first, scope, key_format, index, change_fraction=3 / players
    )
    return change(store, seed, chance)


def _legacy(user: int, chance: random.Random) -> tuple[str, int]:
    total = int(MOST * chance.random() ** 4)
    kills = total // 40
    points = _points(total)
    text = (
        f'{{"points":{points},"kos":{kills},"wos":{kills // 3},"rank":"Initiate",'
        f'"username":"citizen_{user}"}}'
    )
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


def _earn(db: Connection, seed: Seed, user: int, chance: random.Random) -> bool:
    store = entries.store_id(db, seed.universe_id, seed.store)
    entry = entries.find(db, EntryId(store, seed.scope, seed.key(user)))
    if entry is None or entry.value is None:
        return False
    value: dict[str, Any] = msgspec.json.decode(entry.value)
    more = chance.randrange(25, 500, 25)
    legacy = seed.format == "legacy"
    total = _more_legacy(value, more) if legacy else _more_grps(value, more, db.now)
    content = Content(msgspec.json.encode(value).decode(), entry.users, entry.attributes)
    entries.put(db, EntryId(store, seed.scope, entry.key), content)
    if seed.index:
        index = ordered.make_store(db, seed.universe_id, seed.index)
        ordered.put(db, EntryId(index, INDEX_SCOPE, str(user)), total)
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
    session["savedAt"] = now // MICROS
    folded = value.get("folded", {}).get("total", 0)
    return int(folded) + sum(int(one["total"]) for one in value["sessions"].values())


def _points(total: int) -> str:
    return str(total // 100) if total % 100 == 0 else repr(total / 100)
