"""Folders that processes write: counters never fail a call, and lost seal files are reported."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.environment import BASE_DIR
from grps_site.ops import storage_checks

MOUNTS = """22 1 0:21 / / rw - overlay overlay rw
23 22 8:1 /volumes/seals /var/lib/grps rw - ext4 /dev/sda1 rw
24 22 0:5 / /tmp rw - tmpfs tmpfs rw
"""
COUNT = """
import django; django.setup()
from prometheus_client import Counter
Counter("grps_try", "A try", ["kind"]).labels("new").inc()
from grps_site.ops import storage_checks
print([message.id for message in storage_checks.check_metrics_folder()])
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/var/lib/grps/seals.jsonl", False), ("/opt/seals.jsonl", True), ("/tmp/seals.jsonl", True)],
)
def test_a_path_on_a_containers_own_layer_is_ephemeral(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: bool
) -> None:
    monkeypatch.delenv("DYNO", raising=False)
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert storage_checks.is_ephemeral(path, mounts) is expected


def test_a_seal_file_that_is_lost_needs_another_copy(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_checks, "is_ephemeral", lambda path: path.startswith("/lost"))
    settings.AUDIT_SEAL_FILE, settings.AUDIT_STREAM_URL, settings.AUDIT_JSONL = "/lost/a", "", ""
    assert [one.id for one in storage_checks.check_seal_storage()] == ["grps.W020"]
    settings.AUDIT_JSONL = "/lost/b"
    assert [one.id for one in storage_checks.check_seal_storage()] == ["grps.W020"]
    settings.AUDIT_JSONL = "/kept/b"
    assert storage_checks.check_seal_storage() == []
    settings.AUDIT_JSONL, settings.AUDIT_STREAM_URL = "", "redis://elsewhere"
    assert storage_checks.check_seal_storage() == []
    settings.AUDIT_STREAM_URL, settings.AUDIT_SEAL_FILE = "", "/kept/a"
    assert storage_checks.check_seal_storage() == []


@pytest.mark.parametrize(("folder", "expected"), [("made", "[]"), ("/proc/metrics", "grps.W021")])
def test_counters_work_where_their_folder_cannot_be_written(
    tmp_path: Path, folder: str, expected: str
) -> None:
    """Under ProtectSystem=strict the first new counter of a call to Roblox raised OSError."""
    done = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=BASE_DIR,
        env=os.environ
        | {
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / folder),
            "DJANGO_SETTINGS_MODULE": "grps_site.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
