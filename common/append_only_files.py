"""Files that only grow, a line a record. Whole lines count; what a crash left behind the last
newline does not.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

WINDOW = 65_536  # bytes of the end that are looked at first


@contextmanager
def appending(path: Path) -> Iterator[BinaryIO]:
    """The file, open for appending and locked against other writers; made, with its folders, where
    it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def last_line(file: BinaryIO) -> bytes | None:
    """The last whole line without its newline, after cutting off a torn one; None for an empty
    file.
    """
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
    if whole != len(tail):
        file.truncate(start + whole)
    file.seek(0, os.SEEK_END)
    return tail[begin : whole - 1] if whole else None


def keep(file: BinaryIO) -> None:
    """See to it that what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())


def overwrite(file: BinaryIO, path: Path, change: Callable[[bytes], bytes | None]) -> None:
    """Write over lines of a file that `appending` holds: `change` gives what takes a line's place,
    as long as it, or None. Nothing where the file was rotated meanwhile: it is another's then.
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
