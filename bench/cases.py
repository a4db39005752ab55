"""The cases of `make bench`. Each compares the medians of two measurements of the same run."""

import argparse
import datetime as dt
import gc
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import django
import psycopg

from bench import console as console_cases
from bench import discord as discord_cases
from bench import luau as luau_cases
from bench import pooling as pooling_cases
from bench import portal as portal_cases
from bench import quotas as quota_cases
from bench import replication as replication_cases
from bench import serving as serving_cases
from bench import sync as sync_cases
from bench import webhooks as webhook_cases
from bench.batches import batch_of
from bench.hosted_awards import HostedAwards
from bench.load import Connection, get, post
from bench.results import Result
from bench.roll_up import RollUps
from players.statistics.calendar import week_of

ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Bench:
    """The environment and the web port of the small and of the large database."""

    small: dict[str, str]
    large: dict[str, str]
    small_port: int
    large_port: int


def compare(
    first: Callable[[], float], second: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Take two measurements alternately, and return their medians.

    A drift of the machine then affects both.
    """
    pairs = [(first(), second()) for _ in range(rounds)]
    if os.environ.get("BENCH_DETAIL"):
        for side in zip(*pairs, strict=True):
            print([round(s * 1e3, 1) for s in sorted(side)], file=sys.stderr)
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def ingestion(bench: Bench) -> Iterator[Result]:
    """Compare a batch of 500 events over HTTP with the same statements sent by psycopg alone."""
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
    numbers = iter(range(int(time.time()), 10**12))
    # A time of this run's own: KOs of an earlier run would lie within its players' cooldown.
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=random.randrange(600, 72_000))

    def over_http() -> float:
        events = batch_of(next(numbers), session, size, at)
        body = json.dumps({"server": {"placeId": 1, "jobId": "bench"}, "events": events}).encode()
        request = post("/roblox/events", body, {"x-grps-api-key": raw})
        started = time.perf_counter()
        status, answer = connection.send(request)
        seconds = time.perf_counter() - started
        if status != 200 or json.loads(answer)["accepted"] != len(events):
            raise RuntimeError(f"{status}: {answer[:500]!r}")
        return seconds

    with psycopg.connect(bench.large["DATABASE_URL"], prepare_threshold=2) as bare:

        def by_psycopg() -> float:
            batch = BareBatch(bare, batch_of(next(numbers), session, size, at))
            started = time.perf_counter()
            batch.store()
            return time.perf_counter() - started

        for _ in range(5):
            over_http(), by_psycopg()
        ours, theirs = compare(over_http, by_psycopg)
    if Quarantine.objects.filter(key=key).exists():
        raise RuntimeError("the batches landed in a quarantine, where less is written")
    while leaderboard.fold():
        pass  # no worker runs here
    yield Result("ingestion over HTTP / bare psycopg (throughput)", theirs / ours, 0.8, "higher")


def top(bench: Bench) -> Iterator[Result]:
    """Compare leaderboard/top with a Django view that returns the same bytes."""
    connection = Connection(bench.large_port)
    connection.send(get("/bench/bare"))
    ours, theirs = compare(
        lambda: connection.pipeline(get("/leaderboard/top"), 500),
        lambda: connection.pipeline(get("/bench/bare"), 500),
    )
    yield Result("leaderboard/top / bare view (throughput)", theirs / ours, 0.7, "higher")


def growth(bench: Bench) -> Iterator[Result]:
    """Compare uncached requests on the large and on the small database."""
    ports = {"small": bench.small_port, "large": bench.large_port}
    sizes = {name: int(getattr(bench, name)["DATABASE_URL"].rpartition("_")[2]) for name in ports}
    connections = {name: Connection(port) for name, port in ports.items()}
    counter = iter(range(10_000_000))

    def user(size: int) -> int:
        return 10_000_001 + next(counter) * 7919 % size

    # Past the end of no list, and another address each time, so that no cache answers.
    def first_page(query: str) -> Callable[[int], str]:
        return lambda _: f"/leaderboard/top?{query}&after=999999999.00:{next(counter) + 1}"

    last_week = week_of(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=7)).key
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
        "players/{id}/series": lambda size: f"/players/{user(size)}/series?days=90",
        "leaderboard/top?by=kos": first_page("by=kos"),
        "leaderboard/top?rank": first_page("rank=volt-specialist-i"),
        "leaderboard/top?period=week": first_page("period=week"),
        "leaderboard/top?period=season": first_page("period=season"),
        "leaderboard/top, a closed week": first_page(f"period={last_week}"),
        "leaderboard/records": lambda _: f"/leaderboard/records?_={next(counter)}",
        "ranks": lambda _: f"/ranks?_={next(counter)}",
    }
    for name, path in paths.items():

        def measure(which: str, path: Callable[[int], str] = path) -> float:
            requests = [get(path(sizes[which])) for _ in range(60)]
            return statistics.median(connections[which].timed(requests))

        for _ in range(10):
            (
                measure("small"),
                measure("large"),
            )  # warms both caches, so that the work is measured and not the disk
        at_small, at_large = compare(lambda: measure("small"), lambda: measure("large"), 12)
        yield Result(f"{name}, large / small (time)", at_large / at_small, 1.2, "lower")


def roll_up(bench: Bench) -> Iterator[Result]:
    """Compare rolling up 500 changed players on the large and on the small database."""
    small, large = (
        RollUps(values, int(values["DATABASE_URL"].rpartition("_")[2]))
        for values in (bench.small, bench.large)
    )
    try:
        for _ in range(8):
            small(), large()
        at_small, at_large = compare(small, large)
    finally:
        small.end()
        large.end()
    yield Result(
        "roll-up of changed players, large / small (time)", at_large / at_small, 1.5, "lower"
    )


def hosted_events(bench: Bench) -> Iterator[Result]:
    """Compare awarding an event of 100 attendees with the same rows in bare SQL."""
    awards = HostedAwards(bench.small, int(bench.small["DATABASE_URL"].rpartition("_")[2]))
    try:
        for _ in range(5):
            awards.seconds("award"), awards.seconds("bare")
        ours, bare = compare(lambda: awards.seconds("award"), lambda: awards.seconds("bare"))
    finally:
        awards.end()
    yield Result("award of 100 attendees, GRPS / bare SQL (time)", ours / bare, 1.5, "lower")


def audit(bench: Bench) -> Iterator[Result]:
    """Compare verifying the chain with one SHA-256 over each of its lines in memory."""
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

    plain_seconds, our_seconds = compare(plain, ours, 3)
    lines.clear()
    gc.collect()
    yield Result(
        "audit verify / plain SHA-256 (throughput)", plain_seconds / our_seconds, 0.2, "higher"
    )


def evaluation(bench: Bench) -> Iterator[Result]:
    """Compare finding all due players with one sequential scan of the players."""
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

    ours()  # evaluates the players who are due in the filled data
    scan_seconds, our_seconds = compare(scan, ours, 5)
    yield Result(
        "evaluation of all players / sequential scan (time)", our_seconds / scan_seconds, 5, "lower"
    )


def simulation(bench: Bench) -> Iterator[Result]:
    """Compare simulating a policy for all players with one sequential scan of them."""
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

    scan_seconds, our_seconds = compare(scan, ours, 5)
    yield Result(
        "simulation of a policy / sequential scan (time)", our_seconds / scan_seconds, 10, "lower"
    )


def quotas(bench: Bench) -> Iterator[Result]:
    """Compare closing a week of a quota with a scan of the players, and with its bare rows."""
    empty, *_, second, most = quota_cases.held()
    for (rank, share), promoted in ((empty, True), (second, False), (most, False)):
        percent = f"{1 if promoted else share:.0f} %"
        with quota_cases.playing(rank, promoted):
            other = quota_cases.scan if promoted else partial(quota_cases.insert, rank)
            bare, ours = compare(other, partial(quota_cases.close, rank), 5)
        what, goal = ("sequential scan", 5.0) if promoted else ("rows in bare SQL", 3.0)
        yield Result(
            f"closing of a quota for {percent} / {what} (time)", ours / bare, goal, "lower"
        )


def memory(bench: Bench) -> Iterator[Result]:
    """Compare the peak memory of commands on the large and on the small database."""
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
    """Return the peak resident memory that a management command reports at its end."""
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
    """Compare pulls from the emulator (bench.sync)."""
    yield from sync_cases.sync(bench.small)


def webhooks(bench: Bench) -> Iterator[Result]:
    """Compare deliveries to local receivers (bench.webhooks)."""
    yield from webhook_cases.webhooks(bench.small)


def console(bench: Bench) -> Iterator[Result]:
    """Compare pages of the console (bench.console)."""
    yield from console_cases.console(bench.large_port, compare)


def serving(bench: Bench) -> Iterator[Result]:
    """Compare the web server with granian (bench.serving)."""
    yield from serving_cases.serving(bench.large, bench.large_port, compare)


def luau(bench: Bench) -> Iterator[Result]:
    """Measure the game server's modules (bench.luau)."""
    yield from luau_cases.decisions()
    yield from luau_cases.budgets()


def replication(bench: Bench) -> Iterator[Result]:
    """Measure logical replication into a warehouse (bench.replication)."""
    yield from replication_cases.replication(bench.large, bench.large_port, compare)


def pooling(bench: Bench) -> Iterator[Result]:
    yield from pooling_cases.pooling(bench.large, bench.large_port, compare)


def discord(bench: Bench) -> Iterator[Result]:
    players = int(bench.large["DATABASE_URL"].rpartition("_")[2])
    yield from discord_cases.discord(bench.large_port, players, compare)


CASES = (
    ingestion,
    pooling,
    top,
    growth,
    roll_up,
    hosted_events,
    audit,
    evaluation,
    simulation,
    quotas,
    memory,
    sync,
    webhooks,
    console,
    serving,
    luau,
    replication,
    portal_cases.portal,
    discord,
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
