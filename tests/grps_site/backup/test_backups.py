"""Backups are complete or do not exist, only their recipients can read them, and drills check them."""

import datetime as dt
import http.server
import json
import os
import resource
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyrage
import pytest
from django.core.management.base import CommandError

from audits.chain.sealing import seal_pending
from common.direct_database import direct_url
from grps_site.backup import retention
from grps_site.backup.dump import NAME
from grps_site.backup.restore import scratch
from tests import debian
from tests.conftest import database_url
from tests.grps_site.backup.conftest import backup, only_file
from tests.players.conftest import Game
from tests.pooling.pools import own_pool

DATABASES = "SELECT count(*) FROM pg_database WHERE datname LIKE 'grps_drill_%'"


def test_a_drill_restores_the_moment_of_the_backup(
    community: Game, identity: Path, settings: Any
) -> None:
    said = backup("make")
    file = only_file(settings.BACKUP_DESTINATION)
    assert file.name in said
    assert file.stat().st_mode & 0o777 == 0o600
    community.send(community.event(4))  # neither in the backup nor in its copy of the seal file
    assert seal_pending() is not None
    said = backup("drill")
    for part in ("restore", "counts", "migrations", "ledger", "audit log"):
        assert f"  {part}: holds (" in said
    with psycopg.connect(direct_url()) as connection:
        assert connection.execute(DATABASES).fetchone() == (0,)
    with tarfile.open(file) as found:
        manifest = json.loads(found.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert manifest["contents"]["tables"]["players"] == 3
    assert manifest["contents"]["last_seal"]["number"] == 1


def test_a_backup_without_the_seal_file_passes_with_a_note_and_a_cut_copy_fails(
    community: Game, identity: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seals = Path(settings.AUDIT_SEAL_FILE)
    seals.unlink()
    assert "has no seal file" in backup("make")
    said = backup("drill")
    assert "audit log: holds (" in said
    assert "note: the backup was made on a machine without the seal file" in said
    only_file(settings.BACKUP_DESTINATION).unlink()
    seals.touch()
    assert "lacks 1 seals" in backup("make")
    monkeypatch.setattr("audits.chain.verify.GRACE", -60)
    with pytest.raises(CommandError, match="1 findings"):
        backup("drill")


def test_any_program_of_age_can_decrypt_it(
    community: Game, identity: Path, settings: Any, tmp_path: Path
) -> None:
    age = debian.program("age", "usr/bin/age")
    backup("make")
    with tarfile.open(only_file(settings.BACKUP_DESTINATION)) as found:
        found.extractall(tmp_path / "out", filter="data")
    dump = subprocess.run(
        [age, "--decrypt", "-i", identity, tmp_path / "out" / "database.dump.age"],
        check=True,
        capture_output=True,
    ).stdout
    assert dump.startswith(b"PGDMP")
    assert b"PGDMP" not in only_file(settings.BACKUP_DESTINATION).read_bytes()


def test_a_wrong_key_and_a_damaged_file_are_reported(
    community: Game, identity: Path, settings: Any, tmp_path: Path
) -> None:
    backup("make")
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(CommandError, match="The private key does not fit this backup"):
        backup("drill", "--identity", str(other))
    file = only_file(settings.BACKUP_DESTINATION)
    content = bytearray(file.read_bytes())
    content[5000] ^= 1
    file.write_bytes(content)
    with pytest.raises(CommandError, match=r"damaged: file: database\.dump\.age"):
        backup("drill")
    file.write_bytes(content[:4000])
    with pytest.raises(CommandError, match="cannot be read as a backup"):
        backup("drill")
    with psycopg.connect(direct_url()) as connection:
        assert connection.execute(DATABASES).fetchone() == (0,)


def test_a_restored_database_that_was_changed_fails_the_drill(
    community: Game, identity: Path, settings: Any
) -> None:
    """The manifest of another moment is used for it: it counts rows that the dump has not."""
    backup("make")
    file = only_file(settings.BACKUP_DESTINATION)
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"players": 3', b'"players": 4'))
    with pytest.raises(CommandError, match="1 findings"):
        backup("drill")


def test_the_role_of_the_application_can_make_one(
    community: Game, identity: Path, settings: Any
) -> None:
    settings.DATABASE_DIRECT_URL = database_url()
    assert "up to seal 1" in backup("make")
    with pytest.raises(CommandError, match="may not make databases"):
        backup("drill")


def test_a_transaction_pool_is_refused(community: Game, identity: Path, settings: Any) -> None:
    with own_pool(direct_url()) as pool:
        settings.DATABASE_DIRECT_URL = pool
        with pytest.raises(CommandError, match="set DATABASE_DIRECT_URL"):
            backup("make")
    assert not Path(settings.BACKUP_DESTINATION).exists()


def test_programs_that_are_missing_or_too_old_are_reported(
    community: Game, identity: Path, settings: Any, tmp_path: Path
) -> None:
    settings.POSTGRES_BIN = str(tmp_path)
    with pytest.raises(CommandError, match="pg_dump is not installed: install"):
        backup("make")
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.20'\n")
    old.chmod(0o755)
    with pytest.raises(CommandError, match=r"is of PostgreSQL 15, and the server of 18"):
        backup("make")
    assert list(Path(settings.BACKUP_DESTINATION).iterdir()) == []


@pytest.mark.parametrize("text", ["no seal\n", "[]\n", '{"number": 1}\n'])
def test_a_line_of_the_seal_file_that_is_no_seal_is_named(
    community: Game, identity: Path, settings: Any, text: str
) -> None:
    with Path(settings.AUDIT_SEAL_FILE).open("r+") as file:
        file.write(text)
    with pytest.raises(CommandError, match=r"Line 1 of the seal file .* is no seal"):
        backup("make")


def test_a_seal_file_that_cannot_be_read_is_named(
    community: Game, identity: Path, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_SEAL_FILE = str(tmp_path)
    with pytest.raises(CommandError, match=r"The seal file .* cannot be read: Is a directory"):
        backup("make")


def test_a_full_disk_leaves_no_incomplete_file(
    community: Game, identity: Path, settings: Any
) -> None:
    """A limit on the size of files acts as the full disk: a write fails in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, before[1]))
    try:
        with pytest.raises(CommandError, match=r"File too large\. Nothing is left of it"):
            backup("make")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(Path(settings.BACKUP_DESTINATION).iterdir()) == []


def test_recipients_are_checked_before_anything_is_written(
    community: Game, identity: Path, settings: Any
) -> None:
    settings.BACKUP_RECIPIENTS = ["age1wrong"]
    with pytest.raises(CommandError, match="holds 'age1wrong', which is not a public key"):
        backup("make")
    settings.BACKUP_RECIPIENTS = []
    with pytest.raises(CommandError, match="BACKUP_RECIPIENTS is empty"):
        backup("make")
    assert not Path(settings.BACKUP_DESTINATION).exists()


class _Store(http.server.BaseHTTPRequestHandler):
    """An object store that takes one PUT, as by a presigned URL."""

    got: dict[str, bytes] = {}
    status = 200

    def do_PUT(self) -> None:
        self.got[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"<Code>AccessDenied</Code>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Store)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_presigned_url_gets_the_whole_file_and_a_given_target_is_kept(
    community: Game, identity: Path, store: str, tmp_path: Path
) -> None:
    backup("make", f"{store}/backup.tar?signature=secret")
    copy = tmp_path / "copy.tar"
    copy.write_bytes(_Store.got["/backup.tar?signature=secret"])
    with pytest.raises(CommandError, match="restored into an empty database only"):
        backup("drill", str(copy), "--target-url", direct_url())
    with scratch(direct_url()) as target:
        said = backup("drill", str(copy), "--target-url", target)
        assert "The backup can be restored and holds." in said
        with psycopg.connect(target) as connection:
            assert connection.execute("SELECT count(*) FROM players").fetchone() == (3,)
    _Store.status = 403
    with pytest.raises(
        CommandError, match=r"refused the backup with 403: .*AccessDenied"
    ) as refused:
        backup("make", f"{store}/backup.tar?signature=secret")
    assert "secret" not in str(refused.value)


@pytest.mark.skipif("GRPS_LONG" not in os.environ, reason="make test-long runs it")
def test_a_remote_of_rclone_gets_and_gives_backups(
    community: Game,
    identity: Path,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = debian.program("rclone", "usr/bin/rclone")
    monkeypatch.setenv("PATH", str(tmp_path))
    settings.BACKUP_DESTINATION = f"rclone::local:{tmp_path / 'remote'}"
    with pytest.raises(CommandError, match="rclone is not installed"):
        backup("make")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    old = tmp_path / "remote" / "grps-20200101T000000Z.tar"
    old.parent.mkdir()
    old.write_bytes(b"")
    backup("make")
    assert only_file(str(old.parent)) != old
    assert "The backup can be restored and holds." in backup("drill")


def test_old_backups_are_deleted_by_the_rule(
    community: Game, identity: Path, settings: Any
) -> None:
    backup("make")
    old = only_file(settings.BACKUP_DESTINATION).with_name("grps-20200101T000000Z.tar")
    old.write_bytes(b"")
    assert "grps-20200101T000000Z.tar is deleted" in backup("make")
    assert not old.exists()


def test_a_week_is_kept_whole_and_five_weeks_by_week() -> None:
    now = dt.datetime(2026, 11, 30, 4, tzinfo=dt.UTC)  # a Monday
    names = [(now - dt.timedelta(days=days)).strftime(NAME) for days in range(60)]
    kept = sorted(set(names) - set(retention.expired([*names, "grps-note.tar"], now)), reverse=True)
    assert kept[:7] == names[:7]
    days = [(now.date() - dt.datetime.strptime(name, NAME).date()).days for name in kept]
    assert days[7:] == [7, 14, 21, 28, 34]
    assert retention.expired(names[50:51], now) == []  # the only one stays


def test_keys_are_listed_without_the_keys(settings: Any, identity: Path) -> None:
    said = backup("keys")
    for secret in (
        settings.SECRET_KEY,
        settings.AUDIT_SIGNING_KEY,
        *settings.FIELD_ENCRYPTION_KEYS,
    ):
        assert secret not in said
    for name in ("AUDIT_SIGNING_KEY", "FIELD_ENCRYPTION_KEYS", settings.BACKUP_RECIPIENTS[0]):
        assert name in said
