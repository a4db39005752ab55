"""The last release's code runs on the new schema, as it does during an upgrade."""

import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from common.environment import BASE_DIR
from tests.conftest import WITHOUT_LIMITS, Live, database_url, events, web_server

SECONDS = 3600 if os.environ.get("GRPS_LONG") else 0  # of play, at least one round
# Everything that runs without Roblox.
TASKS = """
import django
django.setup()
from grps_site.celery import app
from grps_site.management.commands.bootstrap import PERIODIC
app.loader.import_default_modules()
for name in PERIODIC:
    if name.startswith(("audits.", "players.", "webhooks.", "grps_site.")):
        app.tasks[name].apply(throw=True)
        print(name)
"""


def _git(*arguments: str) -> bytes:
    return subprocess.check_output(["git", *arguments], cwd=BASE_DIR, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the last release, or with the commit that GRPS_PREVIOUS names."""
    try:
        latest = _git("describe", "--tags", "--match=v*", "--abbrev=0", "HEAD^").decode().strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        latest = ""
    commit = os.environ.get("GRPS_PREVIOUS", latest)
    if not commit:
        pytest.skip("there is no earlier release, or no history to read it from")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def old(
    previous: Path, transactional_db: None, bootstrapped: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    """Return a web server of the last release on the present schema."""
    monkeypatch.setattr("tests.conftest.BASE_DIR", previous)
    with web_server(WITHOUT_LIMITS) as url, httpx.Client(base_url=url, timeout=30) as http:
        yield Live(url, http)


def test_the_last_release_serves_and_works_on_the_new_schema(
    old: Live, previous: Path, api_key: str, tmp_path: Path
) -> None:
    deadline = time.monotonic() + SECONDS
    sequence = 0
    while sequence == 0 or time.monotonic() < deadline:
        sequence += 1
        batch = events(1, 2, 3, sequence=sequence, total=0.25 * sequence)
        assert old.play(api_key, "/roblox/events", batch).json()["accepted"] == 3
        assert old.fresh("/leaderboard/top").json()["total"] == 3
        for address in (
            "/players/1",
            "/players/1/history",
            "/periods",
            "/stats",
            "/ranks",
            "/policy",
        ):
            assert old.fresh(address).status_code == 200, address
        known = old.http.get("/roblox/players/1", headers={"x-grps-api-key": api_key})
        assert known.json()["points"] == 0.25 * sequence
        signed = old.signed(
            "POST", "/automation/decisions", {"userId": 1, "apply": False, "reason": "a test"}
        )
        assert signed.status_code == 200, signed.text
        assert old.http.get("/admin/login/").status_code < 400
        _run_tasks(previous, tmp_path / "seals.jsonl")


def _run_tasks(previous: Path, seal_file: Path) -> None:
    environment = {"DATABASE_URL": database_url(), "AUDIT_SEAL_FILE": str(seal_file)}
    done = subprocess.run(
        [sys.executable, "-c", TASKS],
        cwd=previous,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
