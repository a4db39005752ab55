"""Public reads from a real standby: its lag, its end, and what never reads it."""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from tests import clusters
from tests.clusters import Cluster
from tests.conftest import WITHOUT_LIMITS, Live, events

TOP = "/leaderboard/top"
PATIENCE = 30  # seconds
TRIES = 20


@pytest.fixture(scope="module")
def standby(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cluster, ExitStack]]:
    """Start a streaming replica of the test server, and return it with what stops it."""

    def fill(data: Path) -> None:
        server = connection.settings_dict
        address = (
            f"host=127.0.0.1 port={server['PORT']} user={server['USER']}"
            f" password={server['PASSWORD']}"
        )
        options = ("--write-recovery-conf", "--checkpoint=fast", f"--dbname={address}")
        clusters.run("pg_basebackup", "-D", data, *options)

    folder = tmp_path_factory.mktemp("standby")
    with ExitStack() as stack:
        cluster = clusters.cluster(folder, fill=fill, max_connections="100")
        yield stack.enter_context(cluster), stack


@pytest.fixture(scope="module")
def url(serve: Callable[..., str], standby: tuple[Cluster, ExitStack]) -> str:
    replica = standby[0].url(str(connection.settings_dict["NAME"]))
    return serve(DATABASE_REPLICA_URL=replica, **WITHOUT_LIMITS)


def leader(live: Live, url: str) -> dict[str, Any]:
    answer = live.fresh(url + TOP)
    assert answer.status_code == 200
    return dict(answer.json())


def points(page: dict[str, Any]) -> float:
    return float(page["players"][0]["points"]) if page["players"] else 0.0


def wait_for(live: Live, url: str, expected: float) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while points(page := leader(live, url)) != expected:
        assert time.monotonic() < deadline, page
        time.sleep(0.2)
    return page


def test_public_reads_use_the_replica_while_it_is_fresh(
    live: Live, api_key: str, url: str, standby: tuple[Cluster, ExitStack]
) -> None:
    cluster, stop = standby
    name = str(connection.settings_dict["NAME"])
    with psycopg.connect(cluster.url(name), autocommit=True) as server:
        stale, total, paused = _behind(live, api_key, url, server)
        assert dt.datetime.fromisoformat(stale["asOf"]) < paused
        # A game reads the primary.
        game = live.http.get(f"{url}/roblox/players/1", headers={"x-grps-api-key": api_key})
        assert game.json()["points"] == total
        wait_for(live, url, total)  # too old after 10 seconds: the primary's
        server.execute("SELECT pg_wal_replay_resume()")
    stop.close()
    assert points(leader(live, url)) == total


def _behind(
    live: Live, api_key: str, url: str, server: "psycopg.Connection[Any]"
) -> tuple[dict[str, Any], float, dt.datetime]:
    """Stop the replica, so that it lacks an event.

    Return the answer without the event, the points with it, and when it was stopped. On a slow
    machine the replica may be too old to be read, so that it takes several tries.
    """
    for sequence in range(1, TRIES, 2):
        before, total = 0.25 * sequence, 0.25 * (sequence + 1)
        _play(live, api_key, sequence, before)
        wait_for(live, url, before)
        server.execute("SELECT pg_wal_replay_pause()")
        paused = timezone.now()
        _play(live, api_key, sequence + 1, total)
        page = leader(live, url)
        if points(page) == before:
            return page, total, paused
        server.execute("SELECT pg_wal_replay_resume()")
    raise AssertionError("the replica was never read")


def _play(live: Live, api_key: str, sequence: int, total: float) -> None:
    batch = events(1, sequence=sequence, total=total)
    assert live.play(api_key, "/roblox/events", batch).status_code == 200
