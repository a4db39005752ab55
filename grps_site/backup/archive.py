"""The tar file of a backup, whose largest member is written while its size is still unknown."""

import hashlib
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from grps_site.backup.errors import BackupError

DUMP, SEALS, MANIFEST = "database.dump.age", "seals.jsonl.gz", "manifest.json"
BLOCK = 512  # bytes; tar pads members to it


class Member:
    """A member that is being written. It counts and hashes what it gets."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()
        self.size = 0

    def write(self, part: bytes) -> int:
        self._file.write(part)
        self._hash.update(part)
        self.size += len(part)
        return len(part)

    def flush(self) -> None:
        self._file.flush()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def member(file: IO[bytes], name: str) -> Iterator[Member]:
    """Add a member. Its header is written when the block ends, since it holds the size."""
    start = file.tell()
    file.write(bytes(BLOCK))
    found = Member(file)
    yield found
    file.write(bytes(-found.size % BLOCK))
    end = file.tell()
    header = tarfile.TarInfo(name)
    header.size, header.mode = found.size, 0o600
    file.seek(start)
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    file.seek(end)


def end(file: IO[bytes]) -> None:
    """Write the end of the archive: two empty blocks."""
    file.write(bytes(2 * BLOCK))


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a backup. Raises BackupError if it cannot be read or is not complete."""
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(path, "r:"))
            missing = {DUMP, SEALS, MANIFEST} - set(archive.getnames())
        except (OSError, tarfile.TarError) as error:
            raise BackupError(f"{path} cannot be read as a backup: {error}.") from None
        if missing:
            names = ", ".join(sorted(missing))
            raise BackupError(f"{path} is not a complete backup: it lacks {names}.")
        yield archive


@contextmanager
def stream(archive: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    content = archive.extractfile(name)
    assert content is not None  # `opened` has seen it
    with content:
        yield content


def read(archive: tarfile.TarFile, name: str) -> bytes:
    with stream(archive, name) as content:
        return content.read()


def sha256(archive: tarfile.TarFile, name: str) -> str:
    with stream(archive, name) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
