"""The folder in which the processes of one machine share their counters."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_refused = ""


def use() -> None:
    """Make the folder, or count in this process alone if it cannot be written.

    prometheus_client would raise at the next new counter, in the middle of a call to Roblox.
    """
    global _refused
    folder = os.environ.get(VARIABLE, "")
    if folder and not _is_writable(Path(folder)):
        _refused = folder
    if not folder or _refused:
        os.environ.pop(VARIABLE, None)


def make_temporary() -> None:
    """Make a folder until the end of this process if none is set, for its children's counters."""
    if not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = folder = tempfile.mkdtemp(prefix="grps-metrics-")
        atexit.register(_remove, folder, os.getpid())


def refused() -> str:
    """Return the configured folder if it cannot be written, else ""."""
    return _refused


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # and not one of its children
        shutil.rmtree(folder, ignore_errors=True)
