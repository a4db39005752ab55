"""Where backups go: a folder, a URL that takes one PUT, or a remote of rclone."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from grps_site.backup import dump
from grps_site.backup.dump import MadeBackup
from grps_site.backup.errors import BackupError

RCLONE = "rclone:"
TIMEOUT = httpx.Timeout(60, read=600)  # seconds; a store may check a large file before it answers
SHOWN = 300  # characters of an answer


class Destination(Protocol):
    """A place for backups, by the names of their files. Each method raises BackupError."""

    def make(self) -> MadeBackup:
        """Make a backup there."""

    def names(self) -> list[str]: ...

    def delete(self, name: str) -> None: ...

    def fetch(self, name: str, folder: Path) -> Path:
        """Return the path of a backup, which may be copied into `folder`."""


def parse(text: str) -> Destination:
    """Return the destination that BACKUP_DESTINATION or an argument names. Raises BackupError."""
    if not text:
        raise BackupError("Say where to: give DEST, or set BACKUP_DESTINATION.")
    if text.startswith(("https://", "http://")):
        return PresignedUrl(text)
    if text.startswith(RCLONE):
        return Rclone(text.removeprefix(RCLONE).rstrip("/"))
    return Folder(Path(text))


@dataclass(frozen=True, slots=True)
class Folder:
    path: Path

    def make(self) -> MadeBackup:
        return dump.make(self.path)

    def names(self) -> list[str]:
        return [found.name for found in self.path.glob("grps-*.tar")]

    def delete(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def fetch(self, name: str, folder: Path) -> Path:
        return self.path / name


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL of one object, as object stores sign it for one PUT. Its parameters are a secret."""

    url: str

    def make(self) -> MadeBackup:
        with _made_here() as made:
            self._put(made.path)
            return made

    def names(self) -> list[str]:
        """Return nothing. A rule of the store itself deletes old backups."""
        return []

    def delete(self, name: str) -> None:
        raise BackupError("A presigned URL cannot delete.")

    def fetch(self, name: str, folder: Path) -> Path:
        raise BackupError("Fetch the backup yourself and give its path: the URL can only write.")

    def _put(self, path: Path) -> None:
        size = {"Content-Length": str(path.stat().st_size)}
        try:
            with path.open("rb") as file:
                answer = httpx.put(self.url, content=file, headers=size, timeout=TIMEOUT)
        except httpx.HTTPError as error:
            raise BackupError(
                f"The upload failed: {type(error).__name__}. Ask for a new URL and try again."
            ) from None
        if not answer.is_success:
            raise BackupError(
                f"The store refused the backup with {answer.status_code}: {answer.text[:SHOWN]}"
            )


@dataclass(frozen=True, slots=True)
class Rclone:
    """A remote of rclone and a path there, such as `offsite:grps/backups`."""

    remote: str

    def make(self) -> MadeBackup:
        with _made_here() as made:
            self._run("copyto", "--immutable", str(made.path), f"{self.remote}/{made.path.name}")
            return made

    def names(self) -> list[str]:
        return self._run("lsf", "--files-only", "--include", "grps-*.tar", self.remote).split()

    def delete(self, name: str) -> None:
        self._run("deletefile", f"{self.remote}/{name}")

    def fetch(self, name: str, folder: Path) -> Path:
        self._run("copyto", f"{self.remote}/{name}", str(folder / name))
        return folder / name

    def _run(self, *arguments: str) -> str:
        program = shutil.which("rclone")
        if program is None:
            raise BackupError("rclone is not installed, and BACKUP_DESTINATION names a remote.")
        done = subprocess.run([program, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise BackupError(f"rclone {arguments[0]} failed:\n{done.stderr.strip()}")
        return done.stdout


@contextmanager
def _made_here() -> Iterator[MadeBackup]:
    """Make a backup in a temporary folder, which is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="grps-backup-") as folder:
        yield dump.make(Path(folder))
