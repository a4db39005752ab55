"""Webhook deliveries to local receivers: one healthy, one that always fails, one slow.

Compares the calls a second, with all rows written, with httpx alone at the same concurrency.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from bench.results import Result
from common.environment import BASE_DIR
from devserver.state import free_port

EVENTS, FEW = 100_000, 10_000
CONCURRENCY = 32  # of the worker, for two endpoints that answer quickly
BARE_CALLS = 4000
BODY = json.dumps(
    {"type": "rank.promoted", "timestamp": "2026-01-01T00:00:00Z", "data": {"text": "x" * 600}}
).encode()
HEADERS = {
    "content-type": "application/json",
    "webhook-id": "msg_" + "0" * 32,
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1," + "A" * 43 + "=",
}
ARRIVED = (
    "SELECT count(*) FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id"
)


def webhooks(small: Mapping[str, str]) -> Iterator[Result]:
    """Measure deliveries.

    `small`: the environment of another database of the server. The cases create their own.
    """
    with _receivers() as ports:
        few = _deliver(small, ports, FEW)
        bare = [asyncio.run(_bare(ports[0]))]
        many = _deliver(small, ports, EVENTS)
        bare.append(asyncio.run(_bare(ports[0])))
    yield Result(
        "webhook calls a second / bare httpx", many["pace"] / (sum(bare) / 2), 0.6, "higher"
    )
    yield Result("healthy deliveries that arrived", many["arrived"] / EVENTS, 1.0, "higher")
    yield Result(
        "webhooks, 100,000 / 10,000 events (peak memory)", many["peak"] / few["peak"], 1.2, "lower"
    )


async def _bare(port: int) -> float:
    """Return the calls a second of httpx alone."""
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(limits=limits) as client:
        left = iter(range(BARE_CALLS))

        async def some() -> None:
            for _ in left:
                await client.post(f"http://127.0.0.1:{port}/", content=BODY, headers=HEADERS)

        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(CONCURRENCY)))
        return BARE_CALLS / (time.perf_counter() - started)


def _deliver(small: Mapping[str, str], ports: list[int], events: int) -> dict[str, float]:
    """Deliver events to three endpoints.

    Returns pace (calls a second), arrived, and peak (memory).
    """
    values = {
        **small,
        "DATABASE_URL": f"{small['DATABASE_URL'].rpartition('/')[0]}/bench_webhooks",
        "AUDIT_SEAL_FILE": f"{small['AUDIT_SEAL_FILE']}.webhooks",
    }
    Path(values["AUDIT_SEAL_FILE"]).unlink(missing_ok=True)
    _run(values, "bench.prepare", "0")
    _run(values, "bench.webhooks", "fill", str(events), *map(str, ports))
    seconds, peak = map(float, _run(values, "bench.webhooks", "deliver").split())
    with psycopg.connect(values["DATABASE_URL"]) as database:
        calls = database.execute(
            "SELECT count(*) FROM webhook_attempts WHERE outcome <> 'running'"
        ).fetchone()
        arrived = database.execute(
            f"{ARRIVED} WHERE e.name = 'fine' AND d.status = 'delivered'"
        ).fetchone()
    assert calls is not None
    assert arrived is not None
    return {"pace": calls[0] / seconds, "arrived": arrived[0], "peak": peak}


def _run(values: Mapping[str, str], module: str, *arguments: str) -> str:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=BASE_DIR, env={**os.environ, **values}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{module} {arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def _receivers() -> Iterator[list[int]]:
    ports = [free_port() for _ in range(3)]
    command = [sys.executable, "-m", "bench.receiver", *map(str, ports)]
    process = subprocess.Popen(command, cwd=BASE_DIR, start_new_session=True)
    try:
        for _ in range(100):
            try:
                httpx.post(f"http://127.0.0.1:{ports[2]}/", content=b"{}", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield ports
    finally:
        process.terminate()
        process.wait()


def fill(events: int, ports: list[str]) -> None:
    """Create sealed events, and three endpoints that subscribe to them."""
    from django.db import transaction

    from audits.actions import Action
    from audits.chain.sealing import seal_pending
    from audits.record import Actor, NewEvent, Target, record_many
    from webhooks.endpoints import services
    from webhooks.endpoints.validation import EndpointInput
    from webhooks.outbound import fan_out

    actor = Actor("staff", "1", "bench", "shell:bench")
    for name, port in zip(("fine", "broken", "slow"), ports, strict=True):
        address = f"http://127.0.0.1:{port}/{name}"
        services.create(
            EndpointInput(name=name, kind="standard", address=address, events=["member.joined"]),
            actor=actor,
        )
    for start in range(0, events, 5000):
        entries = [
            NewEvent(
                Action.MEMBER_JOINED,
                actor=actor,
                target=Target("player", "1", f"player_{number}", "player:1"),
            )
            for number in range(start, min(start + 5000, events))
        ]
        with transaction.atomic():
            record_many(entries)
    while seal_pending():
        pass
    fan_out.run()


def deliver() -> None:
    """Deliver until the healthy endpoint has every event. Prints seconds and peak memory."""
    from webhooks.models import WebhookDelivery
    from webhooks.outbound import worker

    fine = WebhookDelivery.objects.filter(endpoint__name="fine", status="pending")
    started = time.perf_counter()
    while fine.exists():
        worker.run(2.0)
    print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    import django

    django.setup()
    deliver() if sys.argv[1] == "deliver" else fill(int(sys.argv[2]), sys.argv[3:])
