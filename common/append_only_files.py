"""Append-only files with one record a line.

Only whole lines count. What a crash left after the last newline does not.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

WINDOW = 65_536  # bytes at the end that are read first


@contextmanager
def appending(path: Path) -> Iterator[BinaryIO]:
    """Open a file for appending and lock it against other writers.

    Creates the file and its folders if they are missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def last_line(file: BinaryIO) -> bytes | None:
    """Return the last whole line without its newline, None for an empty file.

    Cuts off a torn line first.
    """
    line, end = _last_whole(file)
    if end != file.seek(0, os.SEEK_END):
        file.truncate(end)
        file.seek(0, os.SEEK_END)
    return line


def last_whole_line(file: BinaryIO) -> bytes | None:
    """Return the last whole line without its newline, None if there is none. Changes nothing."""
    return _last_whole(file)[0]


def _last_whole(file: BinaryIO) -> tuple[bytes | None, int]:
    """Return the last whole line, and the place where it ends."""
    size = file.seek(0, os.SEEK_END)
    window = WINDOW
    while True:
        start = max(0, size - window)
        file.seek(start)
        tail = file.read()
        whole = tail.rfind(b"\n") + 1
        begin = tail.rfind(b"\n", 0, max(0, whole - 1)) + 1
        if start == 0 or begin:
            break
        window *= 2
    return tail[begin : whole - 1] if whole else None, start + whole


def keep(file: BinaryIO) -> None:
    """Make sure that everything written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def overwrite(file: BinaryIO, path: Path, change: Callable[[bytes], bytes | None]) -> None:
    """Overwrite lines of a file that `appending` holds.

    `change` returns the replacement of a line, of the same length, or None to keep the line. Does
    nothing if the file was rotated meanwhile: another process then owns the new one.
    """
    with path.open("r+b") as other:
        if not os.path.samestat(os.fstat(file.fileno()), os.fstat(other.fileno())):
            return
        begin = 0
        for line in iter(other.readline, b""):
            left = change(line.rstrip(b"\n"))
            if left is not None:
                other.seek(begin)
                other.write(left)
                other.seek(begin + len(line))
            begin += len(line)
        keep(other)
