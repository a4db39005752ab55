"""`make up` with the portal: it serves beside Django, and goes on while the rest is killed."""

import itertools
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from devserver.portal import build
from tests.devserver.conftest import Up

PAGES = ("/", "/leaderboard")


@pytest.fixture(scope="module")
def living(shared_up: Up) -> Up:
    """Return a system with the portal and the emulated community. The portal is built already."""
    build.ensure_built()
    del shared_up.environment["PORTAL"], shared_up.environment["GRPS_EMULATOR"]
    return shared_up


def _page(up: Up, path: str = "/leaderboard") -> httpx.Response:
    return httpx.get(up.ready()["portal"]["url"] + path, timeout=60)


def _ready(up: Up) -> dict[str, str]:
    url = up.ready()["portal"]["url"]
    answer: dict[str, str] = httpx.get(f"{url}/api/health/ready", timeout=60).json()
    return answer


@contextmanager
def _visitors(up: Up) -> Iterator[Counter[int]]:
    statuses, ends, url = Counter[int](), threading.Event(), up.ready()["portal"]["url"]

    def look() -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            for number in itertools.count():
                if ends.is_set():
                    return
                statuses[http.get(PAGES[number % len(PAGES)]).status_code] += 1

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def test_it_serves_the_community_beside_django(living: Up) -> None:
    ready = living.ensure()
    assert httpx.get(f"{ready['url']}/health/live", timeout=60).status_code == 200
    living.wait_for(living.everything_is_up)
    living.wait_for(lambda: "/players/" in _page(living).text)
    secret = {"authorization": f"Bearer {ready['portal']['refreshSecret']}"}
    refreshed = httpx.post(
        f"{ready['portal']['url']}/api/leaderboard/refresh", headers=secret, timeout=60
    )
    assert refreshed.status_code == 200, refreshed.text
    assert refreshed.json()["players"] > 0


def test_no_visitor_sees_an_error_while_django_and_postgresql_are_killed(living: Up) -> None:
    living.ensure()
    living.wait_for(lambda: all("/players/" in _page(living, path).text for path in PAGES))
    with _visitors(living) as statuses:
        for names in (("web", "postgres"), ("postgres", "valkey", "web")):
            for name in names:
                living.kill(name)
            living.wait_for(living.everything_is_up)
        living.wait_for(lambda: _ready(living)["database"] == "up")
        living.wait_for(lambda: _ready(living)["api"] == "up")
    assert set(statuses) == {200}, statuses


def test_the_portal_comes_back_after_a_kill(living: Up) -> None:
    living.ensure()
    living.wait_for(living.everything_is_up)
    living.kill("portal")
    living.wait_for(living.everything_is_up)
    assert _page(living).status_code == 200


def test_the_portal_knows_none_of_the_secrets_of_django(living: Up) -> None:
    living.ensure()
    living.wait_for(living.everything_is_up)
    known = psutil.Process(living.processes()["portal"]["pid"]).environ()
    assert not [
        name for name in known if name.startswith(("DJANGO_", "ROBLOX_", "FIELD_", "AUDIT_"))
    ]
    assert "grps_portal:" in known["DATABASE_URL"]


def test_everything_ends_at_once_while_the_portal_is_built(up: Up, tmp_path: Path) -> None:
    """`npm` never answers here, which stands for a slow network."""
    up.environment.pop("PORTAL")
    for name, text in {"node": "echo v24.19.0", "npm": "sleep 600"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    up.environment["PATH"] = f"{tmp_path}:{up.environment['PATH']}"
    up.environment["GRPS_PORTAL_FOLDER"] = str(_unbuilt(tmp_path))
    up.start()
    log = up.state / "logs" / "portal.log"
    up.wait_for(lambda: log.exists() and "npm ci" in log.read_text())
    family = up.family()
    code, output = up.stop(signal.SIGINT)
    assert code == 0, output
    _, alive = psutil.wait_procs(family, timeout=60)
    assert [process.cmdline() for process in alive] == []


def _unbuilt(folder: Path) -> Path:
    portal = folder / "portal"
    portal.mkdir()
    for name in build.PACKAGES:
        (portal / name).write_text("{}")
    return portal
