"""Logical replication into a warehouse: what it costs, how far it lags, how fast it copies.

The warehouse is a database of the same server, so its own work counts against GRPS here.
"""

import datetime as dt
import json
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import psycopg

from bench.batches import batch_of
from bench.load import Connection, post
from bench.results import Result
from devserver import postgres

STORE = "bench_warehouse"
SLOT, SUBSCRIBER_SLOT = "bench_ingestion", "bench_warehouse"
ROUNDS, BATCHES = 12, 6  # batches of 500 events in one measurement
RATE, EACH, SECONDS = 200, 20, 30  # events a second, in one batch, for so long
COPY_GOAL = 60.0  # seconds for a million rows of the ledger
LAG_GOAL = 1.0  # seconds
PATIENCE = 600.0  # seconds

type Compare = Callable[..., tuple[float, float]]


def replication(values: dict[str, str], port: int, compare: Compare) -> Iterator[Result]:
    """Measure the publication of Level B on the database of `values`, served at `port`."""
    from grps_site.analytics import publication

    url = values["DATABASE_URL"]
    send = _sender(Connection(port), int(url.rpartition("_")[2]))
    publication.apply()
    try:
        yield _ingestion(url, send, compare)
        yield from _warehouse(url, send)
    finally:
        publication.drop()


def _ingestion(url: str, send: Callable[..., float], compare: Compare) -> Result:
    """Compare batches of 500 events while a slot is read, and without one."""

    def batches() -> float:
        return statistics.median(send() for _ in range(BATCHES))

    def attached() -> float:
        with _reading(url):
            return batches()

    batches()
    read, alone = compare(attached, batches, ROUNDS)
    return Result("ingestion with a slot / without (throughput)", alone / read, 0.95, "higher")


def _warehouse(url: str, send: Callable[..., float]) -> Iterator[Result]:
    """Measure the first copy, then the lag at a steady rate."""
    from grps_site.analytics import warehouse

    head, _, _ = url.rpartition("/")
    store_url = f"{head}/{STORE}"
    with psycopg.connect(f"{head}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {STORE}")
        server.execute(f"CREATE DATABASE {STORE}")
    with (
        warehouse.connected(store_url, SUBSCRIBER_SLOT) as store,
        psycopg.connect(url, autocommit=True) as source,
    ):
        try:
            started = time.perf_counter()
            store.subscribe(url)
            store.wait()
            seconds = time.perf_counter() - started
            (rows,) = store.database.execute("SELECT count(*) FROM ledger").fetchone() or (0,)
            name = f"first copy with {rows:,} ledger rows, of {COPY_GOAL:.0f} s a million (time)"
            yield Result(name, seconds / rows * 1e6 / COPY_GOAL, 1.0, "lower")
            lags = sorted(_lags(source, store.database, send))
            p95 = lags[len(lags) * 95 // 100]
            name = f"replication lag, p95 at {RATE} events/s, of {LAG_GOAL:.0f} s (time)"
            yield Result(name, p95 / LAG_GOAL, 1.0, "lower")
        finally:
            store.unsubscribe(url)


def _lags(
    source: "psycopg.Connection[tuple[int]]",
    store: "psycopg.Connection[tuple[int]]",
    send: Callable[..., float],
) -> Iterator[float]:
    """Send batches at RATE. Yield the seconds from each answer until the warehouse has the rows."""
    last = "SELECT max(id) FROM ledger"
    started = time.perf_counter()
    for number in range(RATE // EACH * SECONDS):
        time.sleep(max(0.0, started + number * EACH / RATE - time.perf_counter()))
        send(EACH)
        answered = time.perf_counter()
        (wanted,) = source.execute(last).fetchone() or (0,)
        while (store.execute(last).fetchone() or (0,))[0] < wanted:
            if time.perf_counter() > answered + PATIENCE:
                raise RuntimeError("the warehouse does not follow")
        yield time.perf_counter() - answered


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Read the publication through a slot of its own, as a warehouse does."""
    from grps_site.analytics import publication

    program = postgres.installation() / "bin" / "pg_recvlogical"
    base = [str(program), f"--dbname={url}", f"--slot={SLOT}"]
    subprocess.run([*base, "--create-slot", "--plugin=pgoutput"], check=True)
    options = ["--option=proto_version=1", f"--option=publication_names={publication.NAME}"]
    process = subprocess.Popen([*base, "--start", "--file=/dev/null", *options])
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        subprocess.run([*base, "--drop-slot"], check=True)


def _sender(connection: Connection, players: int) -> Callable[..., float]:
    """Return a function that sends the next batch of up to 500 events and returns its seconds."""
    from audits.record import Actor
    from roblox import keys
    from roblox.models import Experience

    experience = Experience.objects.get(key="nexus")
    raw = keys.create(experience, actor=Actor("system", "bench", "bench"))[1]
    session, numbers = int(time.time()), count(int(time.time()))
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=random.randrange(600, 72_000))

    def send(events: int = 500) -> float:
        batch = batch_of(next(numbers), session, players, at)[:events]
        body = json.dumps({"server": {"placeId": 1, "jobId": "bench"}, "events": batch}).encode()
        request = post("/roblox/events", body, {"x-grps-api-key": raw})
        started = time.perf_counter()
        status, answer = connection.send(request)
        seconds = time.perf_counter() - started
        if status != 200 or json.loads(answer)["accepted"] != len(batch):
            raise RuntimeError(f"{status}: {answer[:500]!r}")
        return seconds

    return send
