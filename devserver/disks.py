"""Recognise a full disk."""

import errno
import shutil
from collections.abc import Iterable
from pathlib import Path

LEAST = 32 * 1024 * 1024  # bytes; PostgreSQL's log of writes grows by 16 MB at a time
FULL = {errno.ENOSPC, errno.EDQUOT}


def full(folders: Iterable[Path]) -> Path | None:
    """Return the first folder whose disk has less than LEAST free."""
    return next((one for one in folders if shutil.disk_usage(one).free < LEAST), None)


def is_full(error: OSError) -> bool:
    """Return whether a write failed because the disk, or the account's share of it, is full."""
    return error.errno in FULL
