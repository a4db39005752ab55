"""A metric never fails the work that it counts, whatever happens to its folder."""

import os
import subprocess
import sys
from pathlib import Path

from common.environment import BASE_DIR

# The folder disappears, as RuntimeDirectory= of systemd does, and a child of the process counts.
COUNT = """
import os, shutil, django
django.setup()
from roblox.open_cloud import operations, pacing
shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"])
if child := os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
pacing._count(operations.GET_USER, "200")
pacing._count(operations.GET_USER, "200")
print("went on", flush=True)
os._exit(0)
"""


def test_a_call_to_roblox_goes_on_without_the_folder_of_metrics(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
        },
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
    assert "a metric was not counted" in done.stderr
