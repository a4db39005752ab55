"""A day of a community through a transaction pool of six connections."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.environment import BASE_DIR
from grps_site.ops import pool_modes
from tests.devserver.conftest import Up, ended

PLAYERS, HOURS, SECONDS = 200, 1, 300


pytestmark = pytest.mark.skipif(
    not os.environ.get("GRPS_LONG"),
    reason="five minutes; tests/devserver/test_faults.py has a short day through a pool",
)


@pytest.fixture
def pooled_up(tmp_path: Path) -> Iterator[Up]:
    with ended(Up(tmp_path / "state")) as up:
        up.module = "tests.pooling.up"
        up.environment |= {"GRPS_EMULATOR": "on", "DATABASE_POOL": pool_modes.TRANSACTION}
        yield up


def test_a_day_through_a_pool_has_no_error(pooled_up: Up) -> None:
    started = time.monotonic()
    pooled_up.start()
    output = ""
    for seed in range(1, 100):
        output += run(
            pooled_up,
            "-m",
            "bench.demo",
            f"--players={PLAYERS}",
            f"--hours={HOURS}",
            f"--seed={seed}",
            "--month=0",
        )
        if time.monotonic() - started > SECONDS:
            break
    assert "and audit chain agree." in output
    assert "agree" in run(pooled_up, "manage.py", "ledger", "verify")
    assert "everything holds" in run(pooled_up, "manage.py", "audit", "verify")
    assert pooled_up.errors() == []


def run(up: Up, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=up.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
