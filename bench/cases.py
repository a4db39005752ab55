"""The cases of `make bench`. Each pairs two measurements within this run; the ratio of their
medians is what counts.
"""

import argparse
import datetime as dt
import gc
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import django
import psycopg

from bench import console as staff
from bench import luau as games
from bench import serving as server
from bench import sync as syncing
from bench import webhooks as telling
from bench.fill import username_of
from bench.load import Connection, get, post
from bench.results import Result

ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Bench:
    """Two databases with a web process each: environment and port."""

    small: dict[str, str]
    large: dict[str, str]
    small_port: int
    large_port: int


def paired(
    first: Callable[[], float], second: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float]:
    """The medians of two measurements taken in turns, so that a drift of the machine hits both."""
    pairs = [(first(), second()) for _ in range(rounds)]
    if os.environ.get("BENCH_DETAIL"):
        for side in zip(*pairs, strict=True):
            print([round(s * 1e3, 1) for s in sorted(side)], file=sys.stderr)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def ingestion(bench: Bench) -> Iterator[Result]:
    """A batch of 500 events over HTTP against the same statements sent by bare psycopg to the same
    tables.
    """
    from audits.record import Actor
    from bench.bare import BareBatch
    from players import leaderboard
    from players.models import Quarantine
    from roblox import keys
    from roblox.models import Experience

    experience = Experience.objects.get(key="nexus")
    key, raw = keys.create(experience, actor=Actor("system", "bench", "bench"))
    connection = Connection(bench.large_port)
    size = int(bench.large["DATABASE_URL"].rpartition("_")[2])
    session = int(time.time())
    numbers = iter(range(int(time.time()), 10**12))  # other players than a run a minute ago

    def over_http() -> float:
        events = _events(next(numbers), session, size)
        body = json.dumps({"server": {"placeId": 1, "jobId": "bench"}, "events": events}).encode()
        request = post("/roblox/events", body, {"x-grps-api-key": raw})
        started = time.perf_counter()
        status, answer = connection.ask(request)
        seconds = time.perf_counter() - started
        if status != 200 or json.loads(answer)["accepted"] != len(events):
            raise RuntimeError(f"{status}: {answer[:500]!r}")
        return seconds

    with psycopg.connect(bench.large["DATABASE_URL"], prepare_threshold=2) as bare:

        def by_psycopg() -> float:
            batch = BareBatch(bare, _events(next(numbers), session, size))
            started = time.perf_counter()
            batch.land()
            return time.perf_counter() - started

        for _ in range(5):
            over_http(), by_psycopg()
        ours, theirs = paired(over_http, by_psycopg)
    if Quarantine.objects.filter(key=key).exists():
        raise RuntimeError("the batches landed in a quarantine, where less is written")
    while leaderboard.fold():
        pass  # the worker's part, which does not run here
    yield Result("ingestion over HTTP / bare psycopg (throughput)", theirs / ours, 0.8, "higher")


def _events(number: int, session: int, size: int) -> list[dict[str, object]]:
    """500 events of 100 players: each batch takes others, spread over the whole table."""
    now = dt.datetime.now(dt.UTC)
    events: list[dict[str, object]] = []
    for player in range(100):
        user_id = 10_000_001 + (number * 100 + player) * 7919 % size
        for sequence in range(1, 6):
            event = {
                "userId": user_id,
                "username": username_of(user_id),
                "session": session,
                "sequence": sequence,
                "type": "ko",
                "awarded": 0.25,
                "total": sequence * 0.25,
                "occurredAt": (now - dt.timedelta(seconds=600 - 31 * sequence)).isoformat(),
            }
            events.append(event)
    return events


def top(bench: Bench) -> Iterator[Result]:
    """leaderboard/top against a bare Django view that returns the same bytes from the same server."""
    connection = Connection(bench.large_port)
    connection.ask(get("/bench/bare"))
    ours, theirs = paired(
        lambda: connection.pipeline(get("/leaderboard/top"), 500),
        lambda: connection.pipeline(get("/bench/bare"), 500),
    )
    yield Result("leaderboard/top / bare view (throughput)", theirs / ours, 0.7, "higher")


def growth(bench: Bench) -> Iterator[Result]:
    """Requests that no cache answers, at the large size against the small one."""
    ports = {"small": bench.small_port, "large": bench.large_port}
    sizes = {name: int(getattr(bench, name)["DATABASE_URL"].rpartition("_")[2]) for name in ports}
    connections = {name: Connection(port) for name, port in ports.items()}
    counter = iter(range(10_000_000))

    def user(size: int) -> int:
        return 10_000_001 + next(counter) * 7919 % size

    paths: dict[str, Callable[[int], str]] = {
        "leaderboard/top": lambda size: (
            f"/leaderboard/top?after={next(counter) % 2000}.00:{next(counter) + 1}"
        ),
        "players/{id}": lambda size: f"/players/{user(size)}",
        "leaderboard/around": lambda size: f"/leaderboard/around/{user(size)}",
        "players/{id}/history": lambda size: f"/players/{user(size)}/history",
        "players?search": lambda size: (
            f"/players?search=player_{next(counter) % 90}&limit={next(counter) % 50 + 20}"
        ),
    }
    for name, path in paths.items():

        def measure(which: str, path: Callable[[int], str] = path) -> float:
            requests = [get(path(sizes[which])) for _ in range(60)]
            return statistics.median(connections[which].timed(requests))

        for _ in range(10):
            (
                measure("small"),
                measure("large"),
            )  # both warm: what is measured is the work, not the disk
        at_small, at_large = paired(lambda: measure("small"), lambda: measure("large"), 12)
        yield Result(f"{name}, large / small (time)", at_large / at_small, 1.2, "lower")


def audit(bench: Bench) -> Iterator[Result]:
    """Verifying the whole chain against one SHA-256 over each of the same lines, which are in
    memory by then.
    """
    from audits.chain.copy_reader import ids_between, start
    from audits.chain.verify import verify

    lines = list(start(ids_between(1, 300_000)).lines())

    def plain() -> float:
        sha256 = hashlib.sha256
        started = time.perf_counter()
        for line in lines:
            sha256(line).digest()
        return (time.perf_counter() - started) / len(lines)

    def ours() -> float:
        started = time.perf_counter()
        report = verify()
        seconds = time.perf_counter() - started
        if report.findings:
            raise RuntimeError(report.findings[:3])
        return seconds / report.events

    plain_seconds, our_seconds = paired(plain, ours, 3)
    lines.clear()
    gc.collect()
    yield Result(
        "audit verify / plain SHA-256 (throughput)", plain_seconds / our_seconds, 0.2, "higher"
    )


def evaluation(bench: Bench) -> Iterator[Result]:
    """Finding everybody whom time made due against one sequential scan of the players."""
    from django.db import connection

    from players.ranks.schedule import evaluate_due

    def scan() -> float:
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
            started = time.perf_counter()
            cursor.execute("SELECT sum(points), max(rank_since), max(rank_id) FROM players")
            return time.perf_counter() - started

    def ours() -> float:
        started = time.perf_counter()
        evaluate_due()
        return time.perf_counter() - started

    ours()  # settles what the filled data left due
    scan_seconds, our_seconds = paired(scan, ours, 5)
    yield Result(
        "evaluation of all players / sequential scan (time)", our_seconds / scan_seconds, 5, "lower"
    )


def simulation(bench: Bench) -> Iterator[Result]:
    """What another policy would change for all players against one sequential scan of them."""
    from django.db import connection
    from django.utils import timezone

    from players.active_policy import active
    from players.policy.bundle import parse_bundle
    from players.policy_changes.simulation_query import simulate

    documents = json.loads(json.dumps(dict(active().bundle.documents)))
    for row in documents["ranks"]["ranks"]:
        row["minPoints"] = round(row["minPoints"] * 0.9, 2)
    other = parse_bundle(documents)

    def scan() -> float:
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
            started = time.perf_counter()
            cursor.execute("SELECT sum(points), max(rank_since), max(rank_id) FROM players")
            return time.perf_counter() - started

    def ours() -> float:
        started = time.perf_counter()
        simulate(other, timezone.now())
        return time.perf_counter() - started

    scan_seconds, our_seconds = paired(scan, ours, 5)
    yield Result(
        "simulation of a policy / sequential scan (time)", our_seconds / scan_seconds, 10, "lower"
    )


def memory(bench: Bench) -> Iterator[Result]:
    """The peak memory of each command, at the large size against the small one."""
    commands = {
        "audit verify": ["audit", "verify"],
        "audit export": ["audit", "export", os.devnull],
        "ledger verify": ["ledger", "verify"],
        "ledger rebuild-leaderboard": ["ledger", "rebuild-leaderboard"],
        "evaluate_due": [
            "shell",
            "-v0",
            "-c",
            "from players.ranks.schedule import evaluate_due; evaluate_due()",
        ],
    }
    for name, arguments in commands.items():
        small, large = (_peak(values, arguments) for values in (bench.small, bench.large))
        yield Result(f"{name}, large / small (peak memory)", large / small, 1.2, "lower")


def _peak(values: dict[str, str], arguments: list[str]) -> float:
    """Peak resident memory of one management command, as it reports itself at its end."""
    code = (
        "import resource, sys\n"
        "from django.core.management import execute_from_command_line\n"
        "try:\n    execute_from_command_line(['manage.py', *sys.argv[1:]])\n"
        "finally:\n    print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **values},
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split("peak ")[-1])


def sync(bench: Bench) -> Iterator[Result]:
    """Pulls from an emulated Roblox (bench.sync)."""
    yield from syncing.sync(bench.small)


def webhooks(bench: Bench) -> Iterator[Result]:
    """Deliveries to local receivers (bench.webhooks)."""
    yield from telling.webhooks(bench.small)


def console(bench: Bench) -> Iterator[Result]:
    """The console's heaviest pages against a bare one of the admin (bench.console)."""
    yield from staff.console(bench.large_port, paired)


def serving(bench: Bench) -> Iterator[Result]:
    """The web server itself against a plain one (bench.serving)."""
    yield from server.serving(bench.large, bench.large_port, paired)


def luau(bench: Bench) -> Iterator[Result]:
    """The decisions of the game's modules, and what they ask of Roblox (bench.luau)."""
    yield from games.decisions()
    yield from games.budgets()


CASES = (
    ingestion,
    top,
    growth,
    audit,
    evaluation,
    simulation,
    memory,
    sync,
    webhooks,
    console,
    serving,
    luau,
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    for name in ("small", "large"):
        parser.add_argument(f"--{name}", type=json.loads, required=True)
        parser.add_argument(f"--{name}-port", type=int, required=True)
    options = parser.parse_args()
    django.setup()
    bench = Bench(options.small, options.large, options.small_port, options.large_port)
    rows = []
    for case in CASES:
        if options.only and options.only not in case.__name__:
            continue
        for result in case(bench):
            rows.append(result.row())
            print(f"{result.case}: {result.ratio:.3g}", file=sys.stderr, flush=True)
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
