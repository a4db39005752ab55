"""Several processes under one: what ends starts again, and all end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from common.environment import BASE_DIR

RUN = """
import sys
from deploy.supervision import Child, run
sys.exit(run([Child(name, [sys.executable, "-c", text], {}) for name, text in (
    ("short", "import os, pathlib; pathlib.Path(os.environ['STARTS']).open('a').write('x')"),
    ("long", "import os, pathlib, time;"
     "pathlib.Path(os.environ['STARTS'] + '.pid').write_text(str(os.getpid())); time.sleep(600)"),
)]))
"""


def test_what_ends_starts_again_and_sigterm_ends_everything(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    process = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=BASE_DIR,
        env={**os.environ, "STARTS": str(starts)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not starts.exists() or len(starts.read_text()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    long = int(tmp_path.joinpath("starts.pid").read_text())
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert not psutil.pid_exists(long)
    assert "short ended with code 0 and starts again in 1 s" in said
