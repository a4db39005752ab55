"""Pulls from the emulator: number of calls, pace and peak memory."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.results import Result
from common.environment import BASE_DIR
from devserver.emulator import KEY, UNIVERSES
from devserver.state import free_port

PLAYERS, LARGE, SMALL, PACED = 100_000, 1_000_000, 10_000, 400
CHANGED = 0.01
PAGE = 100  # values of an ordered listing
DOCUMENTED = 300  # reads a minute that a universe has with nobody online
FIRST = 1000
UNIVERSE = int(UNIVERSES[0])
HEADERS = {"x-api-key": KEY}
PLAYER_ROWS = (
    "COPY players (id, user_id, username, rank_id, rank_since, earned, named_at) FROM STDIN"
)
PART_ROWS = (
    "COPY sessions (player_id, origin, session, sequence, total, count, awarded, confirmed, started_at, last_at)"
    " FROM STDIN"
)


def sync(small: Mapping[str, str]) -> Iterator[Result]:
    """Compare and measure pulls.

    `small`: the environment of another database of the server. The cases create their own.
    """
    with _emulator() as roblox:
        yield _calls(small, roblox)
        yield from _pace(small, roblox)
        peaks = [_peak(small, roblox, players) for players in (SMALL, LARGE)]
        yield Result(
            "pull of 1,000,000 / 10,000 entries (peak memory)", peaks[1] / peaks[0], 1.2, "lower"
        )


def _calls(small: Mapping[str, str], roblox: httpx.Client) -> Result:
    """Compare the calls of a pull with the listing and the reads of changed players."""
    values = _prepare(small, roblox, PLAYERS, "legacy")
    _insert_known(values["DATABASE_URL"], roblox, PLAYERS)
    changed = len(_seed(roblox, PLAYERS, "legacy", CHANGED)["changed"])
    _post(roblox, "calls/reset")
    _manage(values, "sync", "points", "nexus")
    needed = -(-PLAYERS // PAGE) + changed
    return Result(
        "calls of a pull / listing and changed reads",
        _calls_made(roblox)["total"] / needed,
        1.1,
        "lower",
    )


def _pace(small: Mapping[str, str], roblox: httpx.Client) -> Iterator[Result]:
    """Measure a full pull at the documented limits: its share of them, and refused calls."""
    values = _prepare(small, roblox, PACED, "grps")
    _post(roblox, "limits", dataStoreRead=DOCUMENTED, dataStoreList=DOCUMENTED)
    _post(roblox, "calls/reset")
    _manage(
        values | {"OPEN_CLOUD_BUDGETS": f"dataStoreRead={DOCUMENTED},dataStoreList={DOCUMENTED}"},
        *FULL,
    )
    _post(roblox, "limits", all=None)
    with psycopg.connect(values["DATABASE_URL"]) as database:
        row = database.execute(
            "SELECT extract(epoch FROM finished_at - started_at), counters->>'read', status FROM sync_jobs"
        ).fetchone()
    if row is None or row[2] != "done":
        raise RuntimeError(f"the pull did not succeed: {row}")
    yield Result(
        "pace of a full pull / allowed",
        int(row[1]) / (float(row[0]) / 60 * DOCUMENTED),
        0.95,
        "higher",
    )
    refused = sum(counts.get("429", 0) for counts in _calls_made(roblox)["calls"].values())
    yield Result("refused calls of a full pull", refused, 0, "lower")


FULL = ("sync", "points", "nexus", "--full")


def _peak(small: Mapping[str, str], roblox: httpx.Client, players: int) -> float:
    """Return the peak resident memory of a pull of known players."""
    values = _prepare(small, roblox, players, "legacy")
    _insert_known(values["DATABASE_URL"], roblox, players)
    output = _manage(values, "sync", "points", "nexus", peak=True)
    return float(output.rpartition("peak ")[2])


@contextmanager
def _emulator() -> Iterator[httpx.Client]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "roblox.emulator",
            f"--port={port}",
            f"--state={Path(folder) / 'state'}",
        ]
        process = subprocess.Popen(
            command, cwd=BASE_DIR, stdout=subprocess.DEVNULL, start_new_session=True
        )
        roblox = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600)
        try:
            _wait(roblox)
            yield roblox
        finally:
            process.terminate()
            process.wait()


def _wait(roblox: httpx.Client) -> None:
    for _ in range(300):
        try:
            _calls_made(roblox)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the emulator did not serve in time")


def _prepare(
    small: Mapping[str, str], roblox: httpx.Client, players: int, form: str
) -> dict[str, str]:
    """Create an empty database and an emulator with players; return the environment for both."""
    _post(roblox, "reset")
    _post(roblox, "limits", all=None)
    _post(roblox, "keys", key=KEY, name="bench", ownerUserId=1, scopes=["*"], enabled=True)
    _seed(roblox, players, form)
    values = {
        **small,
        "DATABASE_URL": f"{small['DATABASE_URL'].rpartition('/')[0]}/bench_sync",
        "AUDIT_SEAL_FILE": f"{small['AUDIT_SEAL_FILE']}.sync",
        "OPEN_CLOUD_URL": str(roblox.base_url),
        "OPEN_CLOUD_BUDGETS": "dataStoreRead=off,dataStoreList=off,orderedList=off,users=off",
        "ROBLOX_OPEN_CLOUD_API_KEY": KEY,
        "ROBLOX_UNIVERSE_ID": str(UNIVERSE),
    }
    Path(values["AUDIT_SEAL_FILE"]).unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "-m", "bench.prepare", "0"],
        check=True,
        env={**os.environ, **values},
        cwd=BASE_DIR,
    )
    return values


def _seed(roblox: httpx.Client, players: int, form: str, changed: float = 0) -> Any:
    body: dict[str, Any] = {
        "store": "GRPS_Points",
        "scope": "global",
        "keyFormat": "player:{userId}",
    }
    body |= {"universeId": UNIVERSE, "players": players, "firstUserId": FIRST, "format": form}
    return _post(roblox, "seed", **body, index="GRPS_Points_Index", seed=1, changeFraction=changed)


def _insert_known(url: str, roblox: httpx.Client, players: int) -> None:
    """Insert the players of the index, as if they had been pulled before."""
    path = f"/cloud/v2/universes/{UNIVERSE}/ordered-data-stores/GRPS_Points_Index/scopes/global/entries"
    with psycopg.connect(url) as database:
        row = database.execute("SELECT id FROM ranks WHERE name = 'Imperator'").fetchone()
        assert row is not None
        # At the last rank nobody is due. The copied rows are consistent by construction.
        database.execute("SET session_replication_role = replica")
        token, lines, parts, number = "", list[str](), list[str](), 0
        while True:
            query: dict[str, str | int] = {
                "maxPageSize": PAGE,
                **({"pageToken": token} if token else {}),
            }
            page = roblox.get(path, params=query, headers=HEADERS).raise_for_status().json()
            for entry in page["orderedDataStoreEntries"]:
                number += 1
                total = f"{int(entry['value']) / 100:.2f}"
                lines.append(
                    f"{number}\t{entry['id']}\tcitizen_{entry['id']}\t{row[0]}\tnow\t{total}\tnow\n"
                )
                parts.append(f"{number}\tnexus\t-1\t1\t{total}\t1\t{total}\t1\tnow\tnow\n")
            token = page.get("nextPageToken", "")
            if len(lines) >= 50_000 or not token:
                for statement, rows in ((PLAYER_ROWS, lines), (PART_ROWS, parts)):
                    with database.cursor().copy(statement) as copy:
                        copy.write("".join(rows))
                lines, parts = [], []
            if not token:
                break
        database.execute("SELECT setval(pg_get_serial_sequence('players', 'id'), %s)", [number])
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("VACUUM ANALYZE players, sessions")
    if number != players:
        raise RuntimeError(f"the index has {number} players, not {players}")


def _manage(values: Mapping[str, str], *arguments: str, peak: bool = False) -> str:
    command = (
        [sys.executable, "-m", "bench.sync", *arguments]
        if peak
        else [sys.executable, "manage.py", *arguments]
    )
    done = subprocess.run(
        command, cwd=BASE_DIR, env={**os.environ, **values}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _calls_made(roblox: httpx.Client) -> Any:
    return roblox.get("/_emulator/calls").raise_for_status().json()


def _post(roblox: httpx.Client, what: str, /, **body: Any) -> Any:
    return roblox.post(f"/_emulator/{what}", content=json.dumps(body)).raise_for_status().json()


def main() -> None:
    """Run one management command and print its peak memory."""
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["manage.py", *sys.argv[1:]])
    finally:
        print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
