import datetime as dt
import re

import pytest
from django.db import connection

from common.environment import BASE_DIR
from grps_site import old_rows, retention
from grps_site.management.commands.bootstrap import NIGHTLY, PERIODIC
from grps_site.models import Heartbeat
from grps_site.retention import TABLES
from players.models import Claim
from syncs.models import SyncJob

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
LINE = re.compile(r"^\| `(\w+)` \| (.+) \| `([\w.]+)` \|$", re.MULTILINE)

pytestmark = pytest.mark.django_db


def test_every_table_has_a_retention() -> None:
    with connection.cursor() as cursor:
        found = set(connection.introspection.table_names(cursor))
    assert found == set(TABLES)


def test_every_task_that_deletes_runs() -> None:
    tasks = {one.by for one in TABLES.values() if re.fullmatch(r"\w+\.\w+", one.by)}
    assert tasks <= {*PERIODIC, *NIGHTLY}


def test_the_documentation_lists_what_is_deleted() -> None:
    page = (BASE_DIR / "docs" / "database.md").read_text()
    shown = {table: (kept, by) for table, kept, by in LINE.findall(page)}
    deleted = {table: tuple(one) for table, one in TABLES.items() if "." in one.by}
    assert shown == deleted


def test_old_rows_are_deleted_and_others_stay() -> None:
    def job(age: int) -> int:
        return SyncJob.objects.create(
            activity="members", status="done", requested_by="x", finished_at=NOW - age * DAY
        ).pk

    oldest, recent, last = job(100), job(80), job(95)
    Heartbeat.objects.create(name="renamed", seen_at=NOW - 2 * DAY)
    Heartbeat.objects.create(name="worker", seen_at=NOW)
    Claim.objects.create(kind="appeal", key="1", holder="x", holder_name="x", until=NOW - 2 * DAY)
    assert old_rows.delete(NOW) == 3
    assert set(SyncJob.objects.values_list("pk", flat=True)) == {recent, last}
    assert oldest not in {recent, last}
    assert Heartbeat.objects.get().name == "worker"
    assert not Claim.objects.exists()
    assert retention.OLD_ROWS in NIGHTLY
