"""Ingestion through transaction pools, compared with a direct connection."""

import datetime as dt
import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench.batches import batch_of
from bench.load import Connection, get, post
from bench.results import Result
from common.environment import BASE_DIR
from devserver.processes import web_command
from devserver.state import free_port
from grps_site.ops import pool_modes
from tests.pooling.pools import own_pool

SIZE = 6  # connections of a pool to the server
START = 60.0  # seconds

type Compare = Callable[[Callable[[], float], Callable[[], float]], tuple[float, float]]


def pooling(values: dict[str, str], direct_port: int, compare: Compare) -> Iterator[Result]:
    """Compare a batch of 500 events over HTTP through a pool with one without."""
    url = values["DATABASE_URL"]
    with ExitStack() as stack:
        carrying = stack.enter_context(own_pool(url, size=SIZE))
        mixing = stack.enter_context(own_pool(url, size=SIZE, mixing=True))
        send = _sender(int(url.rpartition("_")[2]))
        for name, pool, mode, goal in (
            ("a transaction pool", carrying, pool_modes.TRANSACTION, 1.15),
            ("a pool, unprepared", mixing, pool_modes.UNPREPARED, 1.35),
        ):
            environment = values | {"DATABASE_URL": pool, "DATABASE_POOL": mode}
            pooled = stack.enter_context(_web(environment))
            direct = Connection(direct_port)  # an idle one would be closed meanwhile
            for _ in range(5):
                send(pooled), send(direct)
            through, directly = compare(lambda: send(pooled), lambda: send(direct))  # noqa: B023
            yield Result(
                f"ingestion through {name} / direct (time)", through / directly, goal, "lower"
            )


def _sender(players: int) -> Callable[[Connection], float]:
    """Return a function that sends the next batch and returns its seconds."""
    from audits.record import Actor
    from roblox import keys
    from roblox.models import Experience

    experience = Experience.objects.get(key="nexus")
    key = keys.create(experience, actor=Actor("system", "bench", "bench"))[1]
    session, numbers = int(time.time()), iter(range(int(time.time()), 10**12))
    at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=random.randrange(600, 72_000))

    def send(connection: Connection) -> float:
        events = batch_of(next(numbers), session, players, at)
        body = json.dumps({"server": {"placeId": 1, "jobId": "bench"}, "events": events}).encode()
        request = post("/roblox/events", body, {"x-grps-api-key": key})
        started = time.perf_counter()
        status, answer = connection.send(request)
        seconds = time.perf_counter() - started
        if status != 200 or json.loads(answer)["accepted"] != len(events):
            raise RuntimeError(f"{status}: {answer[:500]!r}")
        return seconds

    return send


@contextmanager
def _web(environment: dict[str, str]) -> Iterator[Connection]:
    port = free_port()
    process = subprocess.Popen(
        web_command(port, workers=1), cwd=BASE_DIR, env={**os.environ, **environment}
    )
    try:
        yield _connected(port)
    finally:
        process.terminate()
        process.wait(START)


def _connected(port: int) -> Connection:
    deadline = time.monotonic() + START
    while True:
        try:
            connection = Connection(port)
            connection.send(get("/health/live"))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return connection
