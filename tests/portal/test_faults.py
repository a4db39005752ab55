"""The database and the API go wrong in every way, and visitors still get pages."""

import itertools
import json
import re
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from tests.portal import community
from tests.portal.conftest import Ground, Portal, settings_of
from tests.portal.faults import FaultyProxy

PATIENCE = 60.0  # seconds
PAGE, BACK = 1.2, 6.0  # seconds to a page while all hangs, and until a page is right again
TRIES = 5  # the machine may be busy: the best of so many counts
PLAYER = str(community.user_ids()[0])
PAGES = ("/", "/leaderboard", f"/players/{PLAYER}")


class Outside:
    """The portal with a proxy before its database and one before its API."""

    def __init__(self, portal: Portal, database: FaultyProxy, api: FaultyProxy) -> None:
        self.portal, self.database, self.api = portal, database, api

    def set(self, database: str, api: str) -> None:
        self.database.set(database)  # type: ignore[arg-type]
        self.api.set(api)  # type: ignore[arg-type]

    def get(self, path: str) -> tuple[httpx.Response, dict[str, Any]]:
        """Return a page and its line in the log."""
        request_id = uuid.uuid4().hex
        response = self.portal.http.get(path, headers={"x-request-id": request_id})
        return response, self.portal.request_of(request_id)

    def wait_for(self, source: str, path: str = "/leaderboard", *, worst: int = 200) -> float:
        """Wait until a page comes from `source`. Return the seconds that it took.

        `worst`: the highest status that a visitor may see meanwhile.
        """
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            response, line = self.get(path)
            assert response.status_code <= worst, line
            if line.get("from") == source:
                return time.monotonic() - began
            time.sleep(0.2)
        raise AssertionError(f"{path} did not come from {source}:\n{self.portal.lines()[-10:]}")


@pytest.fixture(scope="module")
def _outside(ground: Ground, start_portal: Callable[..., Portal]) -> Iterator[Outside]:
    database, api = urlsplit(ground.portal_url), urlsplit(ground.api_url)
    with (
        FaultyProxy(("127.0.0.1", database.port or 0)) as before_database,
        FaultyProxy(("127.0.0.1", api.port or 0)) as before_api,
    ):
        place = database.netloc.replace(f":{database.port}", f":{before_database.port}")
        portal = start_portal(
            **settings_of(
                ground,
                DATABASE_URL=database._replace(netloc=place).geturl(),
                NEXT_PUBLIC_AUTOMATION_BASE_URL=f"http://{before_api.address}",
            )
        )
        yield Outside(portal, before_database, before_api)


@pytest.fixture
def outside(_outside: Outside) -> Iterator[Outside]:
    """Return the portal with both sources whole, and every page in its snapshot."""
    _outside.set("none", "none")
    for path in PAGES:
        source = "api" if path.startswith("/players/") else "database"
        _outside.wait_for(source, path, worst=503)
    yield _outside
    _outside.set("none", "none")


def _says(page: httpx.Response) -> str:
    """Return how old a page says that it is."""
    found = re.search(r'class="stale".*?<time dateTime="([^"]+)"', page.text, re.DOTALL)
    assert found, page.text[:3000]
    return found[1]


@contextmanager
def _visitors(portal: Portal) -> Iterator[Counter[int]]:
    """Let four visitors look at pages in turn, and count the answers by status."""
    statuses, ends = Counter[int](), threading.Event()

    def look(first: int) -> None:
        with httpx.Client(base_url=portal.url, timeout=PATIENCE) as http:
            for number in itertools.count(first):
                if ends.is_set():
                    return
                statuses[http.get(PAGES[number % len(PAGES)]).status_code] += 1

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("fault", ["refuse", "hang", "slow", "garbage"])
def test_without_the_database_pages_come_from_the_api(outside: Outside, fault: str) -> None:
    outside.set(fault, "none")
    outside.wait_for("api")
    outside.set("none", "none")
    outside.wait_for("database")


@pytest.mark.parametrize("fault", ["refuse", "hang", "slow", "garbage"])
def test_without_the_api_pages_come_from_the_database(outside: Outside, fault: str) -> None:
    outside.set("none", fault)
    for path in PAGES:
        outside.wait_for("database", path)


@pytest.mark.parametrize(
    ("database", "api"),
    [
        ("refuse", "refuse"),
        ("hang", "hang"),
        ("hang", "refuse"),
        ("slow", "garbage"),
        ("garbage", "slow"),
    ],
)
def test_with_both_away_visitors_see_the_snapshot_and_no_error(
    outside: Outside, database: str, api: str
) -> None:
    with _visitors(outside.portal) as statuses:
        outside.set(database, api)
        for path in PAGES:
            outside.wait_for("snapshot", path)
            response, line = outside.get(path)
            assert response.status_code == 200
            assert _says(response) <= line["asOf"]
        outside.set("none", "none")
        outside.wait_for("database")
    assert set(statuses) == {200}, statuses


def test_a_page_comes_in_time_while_all_hangs_and_is_right_soon_after(outside: Outside) -> None:
    """Without a deadline of the portal the page would never come: the proxies never answer."""
    tries = []
    for _ in range(TRIES):
        outside.wait_for("database")
        outside.set("hang", "hang")
        _, line = outside.get("/leaderboard")
        while line.get("from") != "snapshot":  # an answer of the last second
            _, line = outside.get("/leaderboard")
        assert outside.database.connections + outside.api.connections > 0
        outside.set("none", "none")
        tries.append((line["ms"] / 1000, outside.wait_for("database")))
        if tries[-1][0] <= PAGE and tries[-1][1] <= BACK:
            return
    raise AssertionError(f"no try was fast enough: {tries}")


def test_nothing_is_older_than_it_says(ground: Ground, outside: Outside) -> None:
    outside.set("hang", "refuse")
    outside.wait_for("snapshot")
    with psycopg.connect(ground.owner_url, autocommit=True) as database:
        changed = database.execute("SELECT now()").fetchone()
        database.execute(
            "UPDATE players SET adjusted = 987654.32 - earned WHERE user_id = %s", [PLAYER]
        )
    response, line = outside.get("/leaderboard")
    assert "987,654.32" not in response.text
    assert changed is not None
    assert _says(response) <= line["asOf"] < changed[0].strftime("%Y-%m-%dT%H:%M:%S")
    outside.set("none", "none")
    outside.wait_for("database")
    assert "987,654.32" in outside.get("/leaderboard")[0].text


def test_pages_without_a_snapshot_are_refused_politely(outside: Outside) -> None:
    outside.set("refuse", "refuse")
    response, _ = outside.get(f"/players/{community.user_ids()[111]}")
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.parametrize("spoiled", ["torn", "other version", "empty"])
def test_a_spoiled_snapshot_is_no_snapshot(
    ground: Ground,
    start_portal: Callable[..., Portal],
    outside: Outside,
    tmp_path: Path,
    spoiled: str,
) -> None:
    settings = settings_of(ground, PORTAL_STATE=str(tmp_path))
    warm = start_portal(**settings)
    assert warm.http.get("/leaderboard").status_code == 200
    files = _snapshot(tmp_path)
    warm.stop()
    away = settings | {
        "DATABASE_URL": f"postgresql://nobody:none@127.0.0.1:{outside.database.port}/grps",
        "NEXT_PUBLIC_AUTOMATION_BASE_URL": f"http://{outside.api.address}",
    }
    outside.set("refuse", "refuse")
    cold = start_portal(**away)
    assert cold.http.get("/leaderboard").status_code == 200
    for file in files:
        _spoil(file, spoiled)
    _wait_until_refused(cold)
    cold.stop()


def _wait_until_refused(portal: Portal) -> None:
    """An answer serves for a second, also one from the snapshot."""
    deadline = time.monotonic() + PATIENCE
    while (status := portal.http.get("/leaderboard").status_code) == 200:
        assert time.monotonic() < deadline, "the spoiled snapshot is still shown"
        time.sleep(0.5)
    assert status == 503


def _snapshot(folder: Path) -> list[Path]:
    """Return the files of the snapshot once no more are added."""
    known, deadline = list[Path](), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        time.sleep(1)
        files = sorted((folder / "snapshot").glob("*.json"))
        if files and files == known:
            return files
        known = files
    raise AssertionError("no snapshot was written")


def _spoil(file: Path, how: str) -> None:
    text = file.read_text()
    if how == "torn":
        file.write_text(text[: len(text) // 2])
    elif how == "empty":
        file.write_text("")
    else:
        file.write_text(json.dumps(json.loads(text) | {"version": 0}))


def test_slow_clients_keep_nobody_else_waiting(outside: Outside) -> None:
    address = urlsplit(outside.portal.url)
    clients = [socket.create_connection((address.hostname, address.port)) for _ in range(100)]
    try:
        for number in range(3):
            for client in clients:
                client.sendall(b"GET /leaderboard HTTP/1.1\r\nHost: x\r\nX-%d: " % number)
            assert outside.get("/leaderboard")[0].status_code == 200
    finally:
        for client in clients:
            client.close()
    assert outside.get("/leaderboard")[0].status_code == 200
