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
    assert live.play(api_key, "/roblox/events", events(1)).status_code == 200
    assert points(wait_for(live, url, 0.25)) == 0.25
    name = str(connection.settings_dict["NAME"])
    with psycopg.connect(cluster.url(name), autocommit=True) as server:
        server.execute("SELECT pg_wal_replay_pause()")
        later = events(1, sequence=2, total=0.5)
        assert live.play(api_key, "/roblox/events", later).status_code == 200
        paused = timezone.now()
        stale = leader(live, url)
        assert points(stale) == 0.25  # the replica's
        assert dt.datetime.fromisoformat(stale["asOf"]) < paused
        # A game reads the primary.
        game = live.http.get(f"{url}/roblox/players/1", headers={"x-grps-api-key": api_key})
        assert game.json()["points"] == 0.5
        wait_for(live, url, 0.5)  # too old after 10 seconds: the primary's
        assert timezone.now() - paused > dt.timedelta(seconds=5)
        server.execute("SELECT pg_wal_replay_resume()")
    stop.close()
    assert points(leader(live, url)) == 0.5
