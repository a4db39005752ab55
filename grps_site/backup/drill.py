"""Restore a backup and prove that it holds: counts, migrations, ledger, and the audit chain."""

import gzip
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from audits.chain.verify import verify
from common.direct_database import at_database
from grps_site.backup import archive, manifest
from grps_site.backup.errors import BackupError
from grps_site.backup.manifest import Contents, Manifest
from grps_site.backup.restore import restore, target
from players.points import consistency

NO_SEALS = (
    "note: the backup was made on a machine without the seal file, so nothing was compared with it"
)


@dataclass(slots=True)
class DrillReport:
    """The lines of a drill, each with its seconds, and the defects that it found."""

    manifest: Manifest
    lines: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def run(self, what: str, step: Callable[[], list[str]]) -> None:
        began = time.monotonic()
        found = step()
        self.findings += [f"{what}: {defect}" for defect in found]
        result = f"{len(found)} findings" if found else "holds"
        self.lines.append(f"{what}: {result} ({time.monotonic() - began:.1f} s)")


def drill(path: Path, given_target: str, identities: Sequence[Any]) -> DrillReport:
    """Restore the backup at `path` and check it. Raises BackupError if it cannot be restored."""
    with archive.opened(path) as backup:
        report = DrillReport(manifest.decode(archive.read(backup, archive.MANIFEST)))
        report.run("file", lambda: _check_hashes(backup, report.manifest))
        if report.findings:
            raise BackupError(f"{path} is damaged: {report.findings[0]}.")
        with target(given_target) as url:
            report.run("restore", lambda: _restore(backup, report.manifest, url, identities))
            report.run("counts", lambda: _check_counts(url, report.manifest.contents))
            with at_database(url):
                report.run("migrations", _migrate)
                report.run("ledger", _check_ledger)
                report.run("audit log", lambda: _check_chain(backup, report.manifest))
        if not report.manifest.has_seals:
            report.lines.append(NO_SEALS)
    return report


def _restore(
    backup: tarfile.TarFile, expected: Manifest, url: str, identities: Sequence[Any]
) -> list[str]:
    restore(backup, expected, url, identities)
    return []


def _check_hashes(backup: tarfile.TarFile, expected: Manifest) -> list[str]:
    hashes = {archive.DUMP: expected.sha256, archive.SEALS: expected.seal_file}
    return [
        f"{name} is not what the manifest says"
        for name, known in hashes.items()
        if archive.sha256(backup, name) != known
    ]


def _check_counts(url: str, expected: Contents) -> list[str]:
    """Compare every count, the last event and the last seal with the manifest."""
    with psycopg.connect(url) as restored:
        found = manifest.contents(restored)
    same = {"database": expected.database, "server_version": expected.server_version}
    found = msgspec.structs.replace(found, **same)
    if found == expected:
        return []
    there, known = msgspec.structs.asdict(found), msgspec.structs.asdict(expected)
    return [
        f"{name} is {there[name]}, the manifest says {known[name]}"
        for name in known
        if there[name] != known[name]
    ]


def _migrate() -> list[str]:
    """Apply the migrations that came after the backup, as after a real restore."""
    executor = MigrationExecutor(connection)
    newer = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    if newer:
        names = ", ".join(f"{app}.{name}" for app, name in sorted(newer))
        return [f"the backup is of a newer GRPS, this one does not know {names}"]
    # Not the command: it connects as the owner of the live database.
    executor.migrate(executor.loader.graph.leaf_nodes())
    return []


def _check_ledger() -> list[str]:
    return [f"{one.kind}: {one.rows} rows disagree" for one in consistency.verify()]


def _check_chain(backup: tarfile.TarFile, made: Manifest) -> list[str]:
    """Verify the chain against the copy of the seal file, not against the present one.

    If the backup was made without a seal file, only the absence of the copy is no finding.
    """
    with tempfile.TemporaryDirectory(prefix="grps-drill-") as folder:
        copy = Path(folder) / "seals.jsonl"
        if made.has_seals:
            _unpack_seals(backup, copy)
        report = verify(seal_file=copy)
    return [
        f"{finding.where}: {finding.message}"
        for finding in report.findings
        if made.has_seals or finding.where != str(copy)
    ]


def _unpack_seals(backup: tarfile.TarFile, path: Path) -> None:
    with (
        archive.stream(backup, archive.SEALS) as packed,
        gzip.open(packed) as seals,
        path.open("wb") as file,
    ):
        shutil.copyfileobj(seals, file)
