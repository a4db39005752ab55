"""What outlives a transaction in GRPS: exports and the turns of a mirror, through a busy pool."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from audits.actions import Action
from audits.chain.sealing import seal_pending
from audits.record import NewEvent, record_many
from audits.streams import publisher
from common.direct_database import connected_to
from common.environment import BASE_DIR
from players.models import Adjustment, AdjustmentRow, BulkJob
from tests.conftest import TESTER
from tests.console.people import owner_client
from tests.pooling.conftest import neighbours

ROWS = 20_000 if os.environ.get("GRPS_LONG") else 5_100  # more than a page
TURNS = 20


@pytest.fixture
def busy(transactional_db: None, carrying: str) -> Iterator[str]:
    """Return the URL of a pool whose other clients keep changing servers."""
    with neighbours(carrying):
        yield carrying


def fill(rows: str, pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {rows} FROM generate_series(1, %s) AS n", [pk, ROWS])


@pytest.fixture
def adjustment(transactional_db: None) -> Adjustment:
    found = Adjustment.objects.create(
        digest="d", reason="r", requested_by="local:olga", rows=ROWS, skipped=0, total=0, moved=0
    )
    fill("adjustment_rows (adjustment_id, line, user_id, amount) SELECT %s, n, n, n", found.pk)
    return found


@pytest.fixture
def bulk_job(transactional_db: None) -> BulkJob:
    found = BulkJob.objects.create(act="warn", arguments={}, reason="r", requested_by="local:olga")
    fill("bulk_rows (job_id, line, subject, amount) SELECT %s, n, n, n", found.pk)
    return found


def same_through(url: str, export: Callable[[], bytes]) -> bool:
    """Return whether an export through a pool is whole, and the same as without the pool."""
    expected = export()
    with connected_to(url):
        found = export()
    return expected.count(b"\n") == ROWS + 1 and found == expected


def download(client: Client, path: str) -> bytes:
    answer: Any = client.get(path)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_the_rows_of_an_adjustment(busy: str, bootstrapped: None, adjustment: Adjustment) -> None:
    owner = owner_client()
    path = f"/admin/adjustments/{adjustment.pk}/rows.csv"
    assert same_through(busy, lambda: download(owner, path))


def test_the_rows_of_a_mass_change(busy: str, bootstrapped: None, bulk_job: BulkJob) -> None:
    owner = owner_client()
    path = f"/admin/bulk/{bulk_job.pk}/rows.csv"
    assert same_through(busy, lambda: download(owner, path))


def test_the_rows_that_a_command_writes(
    busy: str, bootstrapped: None, adjustment: Adjustment, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"

    def export() -> bytes:
        call_command("adjust", "show", adjustment.pk, "--rows", file)
        return file.read_bytes()

    assert same_through(busy, export)


def test_a_cursor_is_lost_between_transactions(busy: str, adjustment: Adjustment) -> None:
    """This is why exports read pages."""
    rows = AdjustmentRow.objects.iterator(chunk_size=500)
    with connected_to(busy), pytest.raises((DatabaseError, psycopg.Error)):
        list(rows)


def test_no_module_reads_by_a_cursor() -> None:
    folders = (
        "audits",
        "common",
        "console",
        "discord",
        "grps_site",
        "players",
        "roblox",
        "syncs",
        "webhooks",
    )
    files = [file for folder in folders for file in (BASE_DIR / folder).rglob("*.py")]
    assert len(files) > 300
    assert [file for file in files if ".iterator(" in file.read_text(encoding="utf-8")] == []


def test_each_turn_of_a_mirror_is_taken(busy: str, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_JSONL = str(tmp_path / "audit.jsonl")
    [sink] = publisher.configured()
    with connected_to(busy):
        for _ in range(TURNS):
            with transaction.atomic():
                record_many([NewEvent(Action.POINTS_ADJUSTED, actor=TESTER)])
            seal_pending()
            assert publisher.catch_up(sink) == 1
            connection.close()  # as another process, which gets another server
    lines = Path(settings.AUDIT_JSONL).read_bytes().splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(1, TURNS + 1))


def test_a_lock_of_the_session_is_not_released(busy: str) -> None:
    """This is why a mirror's turn is a lease in a row."""
    taken = []
    with psycopg.connect(busy, autocommit=True) as client:
        for _ in range(TURNS):
            row = client.execute("SELECT pg_try_advisory_lock(4710011)").fetchone()
            taken.append(row == (True,))
            client.execute("SELECT pg_advisory_unlock(4710011)")
    assert not all(taken)
