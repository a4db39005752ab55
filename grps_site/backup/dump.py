"""Make a backup in a folder. The file gets its final name when it is complete."""

import gzip
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psycopg
from django.conf import settings

from audits.chain.chain import SealFields
from common import database_clock
from common.direct_database import direct, direct_url
from common.version import VERSION
from grps_site.backup import archive, encryption, manifest, programs
from grps_site.backup.errors import BackupError
from grps_site.backup.manifest import Contents, Manifest
from grps_site.ops import pooling

# Roles, publications and subscriptions are of a server, not of the data: they would make a restore
# elsewhere fail. The schema `analytics` is made again by `manage.py analytics apply`.
FLAGS = (
    "--format=custom",
    "--no-owner",
    "--no-privileges",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
    "--no-tablespaces",
    "--exclude-schema=analytics",
    "--lock-wait-timeout=60s",
)
NAME = "grps-%Y%m%dT%H%M%SZ.tar"


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """A backup that was made. `behind`: how many seals its copy of the seal file lacks."""

    path: Path
    manifest: Manifest
    behind: int


def make(folder: Path) -> MadeBackup:
    """Make a backup in `folder`. Raises BackupError, and then leaves no incomplete file."""
    recipients = encryption.parse_recipients(settings.BACKUP_RECIPIENTS)
    _refuse_pool()
    path = folder / database_clock.now().strftime(NAME)
    with _draft(path) as file, manifest.snapshot() as (snapshot, contents):
        made, behind = _write(file, snapshot, contents, recipients)
    return MadeBackup(path, made, behind)


def _refuse_pool() -> None:
    """Raise BackupError behind a transaction pool: pg_dump sets up its session for many queries."""
    try:
        with direct():
            pool = pooling.probe()
    except psycopg.OperationalError as error:
        raise BackupError(f"The database cannot be reached: {str(error).strip()}") from None
    if pool.changes_server or not pool.carries_prepared:
        raise BackupError(
            "A backup cannot be made through a transaction pool: set DATABASE_DIRECT_URL to the"
            " address of the database without the pool (docs/database.md)."
        )


def _write(
    file: IO[bytes], snapshot: str, contents: Contents, recipients: Sequence[Any]
) -> tuple[Manifest, int]:
    """Write the members of the archive. Return the manifest, and the seals that the copy lacks."""
    program = programs.find("pg_dump", contents.server_version)
    with archive.member(file, archive.DUMP) as dump:
        _dump([program, *FLAGS, f"--snapshot={snapshot}"], dump, recipients)
    with archive.member(file, archive.SEALS) as copy:
        copied = _copy_seals(copy, contents.last_seal.number)
    made = Manifest(
        made_at=database_clock.now().isoformat(timespec="seconds"),
        grps=VERSION,
        program=programs.version(program),
        contents=contents,
        bytes=dump.size,
        sha256=dump.sha256,
        seal_file=copy.sha256,
        recipients=list(settings.BACKUP_RECIPIENTS),
        has_seals=copied is not None,
    )
    with archive.member(file, archive.MANIFEST) as member:
        member.write(manifest.encode(made))
    archive.end(file)
    return made, contents.last_seal.number - (copied or 0)


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file of mode 600 that gets its name when the block ends, or is deleted."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise BackupError(
            f"The backup cannot be written to {path.parent}: {error.strerror}. Nothing is left of it."
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _dump(command: Sequence[str | Path], target: archive.Member, recipients: Sequence[Any]) -> None:
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=programs.environment(direct_url())
        )
        assert process.stdout is not None
        try:
            encryption.encrypt(process.stdout, target, recipients)
        finally:
            process.stdout.close()  # ends a pg_dump that still writes
            code = process.wait()
        if code:
            errors.seek(0)
            raise BackupError(f"pg_dump failed:\n{errors.read().decode(errors='replace').strip()}")


def _copy_seals(copy: archive.Member, last: int) -> int | None:
    """Compress the lines of the seal file up to the seal `last`, and return their number.

    Return None if there is no seal file on this machine.
    """
    path = Path(settings.AUDIT_SEAL_FILE)
    copied = 0
    with gzip.GzipFile(fileobj=copy, mode="wb") as out:
        try:
            for line in _seal_lines(path, last):
                out.write(line)
                copied += 1
        except FileNotFoundError:
            return None
    return copied


def _seal_lines(path: Path, last: int) -> Iterator[bytes]:
    """Yield the lines of the seal file up to the seal `last`. Raises FileNotFoundError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n") or _seal_number(path, number, line) > last:
                    break
                yield line
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BackupError(f"The seal file {path} cannot be read: {error.strerror}.") from None


def _seal_number(path: Path, number: int, line: bytes) -> int:
    try:
        return int(SealFields.from_json(line).number)
    except (ValueError, TypeError):
        raise BackupError(
            f"Line {number} of the seal file {path} is no seal: put back a good copy of the file."
        ) from None
