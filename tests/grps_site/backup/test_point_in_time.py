"""A point-in-time restore with PostgreSQL's own programs holds exactly the moment that was asked."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent, Seal
from common.database_clock import database_time
from common.direct_database import at_database, direct_url
from devserver import postgres
from players.points import consistency
from roblox import write_hold
from tests import clusters
from tests.players.conftest import Game

PATIENCE = 30  # seconds


@contextmanager
def received(server: str, folder: Path) -> Iterator[None]:
    """Stream a server's WAL into `folder`, until what was written in the block is there."""
    folder.mkdir()
    program = postgres.installation() / "bin" / "pg_receivewal"
    process = subprocess.Popen([program, "-D", folder, "-d", server])
    try:
        yield
        with psycopg.connect(server, autocommit=True) as connected:
            row = connected.execute("SELECT pg_walfile_name(pg_switch_wal() - 1)").fetchone()
        assert row is not None
        _wait_for(folder / row[0])
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} was not received"
        time.sleep(0.05)


def copy_database(server: str, name: str, folder: Path) -> None:
    """Copy this test's database to another server."""
    clusters.run("pg_dump", "--format=custom", "-f", folder / "dump", "-d", direct_url())
    clusters.run("createdb", f"--maintenance-db={server}", name)
    copy = f"{server.rpartition('/')[0]}/{name}"
    clusters.run("pg_restore", "--no-owner", "--no-privileges", "-d", copy, folder / "dump")


def state() -> dict[str, Any]:
    return {
        "events": list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True)),
        "seals": list(Seal.objects.order_by("number").values_list("number", "hash")),
    }


def play(game: Game, user_id: int) -> None:
    game.send(game.event(user_id))
    assert seal_pending() is not None


def test_events_and_seals_are_those_of_the_target(
    community: Game, settings: Any, tmp_path: Path
) -> None:
    name = str(connection.settings_dict["NAME"])
    base, wal, seals = tmp_path / "base", tmp_path / "wal", tmp_path / "seals.copy"
    with clusters.cluster(tmp_path / "first", wal_keep_size="512MB") as first:
        copy_database(first.url(), name, tmp_path)
        with at_database(first.url(name)), received(first.url(), wal):
            clusters.run("pg_basebackup", "-D", base, "-d", first.url(), "--checkpoint=fast")
            play(community, 11)
            expected = state()
            shutil.copy(settings.AUDIT_SEAL_FILE, seals)
            moment = str(database_time())
            play(community, 12)
            assert state() != expected

    def fill(data: Path) -> None:
        shutil.copytree(base, data, dirs_exist_ok=True)
        shutil.copytree(wal, data / "received")
        (data / "recovery.signal").touch()

    with (
        clusters.cluster(
            tmp_path / "restored",
            fill=fill,
            restore_command="cp received/%f %p",
            recovery_target_time=moment,
            recovery_target_action="promote",
            hot_standby="off",
        ) as restored,
        at_database(restored.url(name)),
    ):
        assert state() == expected
        assert verify(seal_file=seals).findings == []
        assert consistency.verify() == []
        # The live seal file is ahead, and tells that the database was restored.
        assert "which the database does not have" in write_hold.reason()
