import datetime as dt
import re
import subprocess
from collections.abc import Iterator

import pytest
import time_machine
from django.db import Error, connection, transaction
from django.utils import timezone

from common import database_clock
from common.environment import BASE_DIR

LOCAL_CLOCK = re.compile(
    r"\btime\.time\(|\btimezone\.now\b|datetime\.(now|utcnow|today)\(|\bdate\.today\("
)
PACKAGES = (
    *("audits", "common", "console", "discord", "grps_site"),
    *("players", "roblox", "syncs", "webhooks"),
)
BY_THE_LOCAL_CLOCK = {
    "common/database_clock.py",  # until the database is reachable, and to compare the clocks
    "grps_site/http/request_signing.py",  # `sign` runs at a caller, whose clock it is
}
TWO_HOURS = dt.timedelta(hours=2)


@pytest.fixture
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_clock, "_last", None)


@pytest.fixture(params=[-TWO_HOURS, TWO_HOURS], ids=["slow", "fast"])
def wrong_clock(request: pytest.FixtureRequest) -> Iterator[dt.timedelta]:
    with time_machine.travel(timezone.now() + request.param):
        yield request.param


@pytest.mark.django_db
@pytest.mark.usefixtures("_forgotten")
def test_a_wrong_local_clock_changes_nothing(wrong_clock: dt.timedelta) -> None:
    assert abs(database_clock.now() - database_clock.database_time()) < dt.timedelta(seconds=1)
    assert database_clock.skew() == pytest.approx(wrong_clock.total_seconds(), abs=1)


@pytest.mark.django_db
def test_a_clock_that_is_set_later_changes_nothing(wrong_clock: dt.timedelta) -> None:
    """The measurement of this process was made before `wrong_clock`."""
    assert abs(database_clock.now() - database_clock.database_time()) < dt.timedelta(seconds=1)
    assert database_clock.skew() == pytest.approx(wrong_clock.total_seconds(), abs=1)


@pytest.mark.django_db
@pytest.mark.usefixtures("_forgotten")
def test_a_failed_transaction_does_not_disturb_the_clock() -> None:
    database_clock.now()
    with pytest.MonkeyPatch.context() as patch, transaction.atomic():
        patch.setattr(database_clock, "FRESH", 0)
        with connection.cursor() as cursor, pytest.raises(Error):
            cursor.execute("SELECT 1/0")
        assert abs(database_clock.now() - timezone.now()) < dt.timedelta(seconds=1)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main process of a worker runs no task, and so nothing else renews its connection."""
    database_clock.now()
    connection.ensure_connection()
    connection.connection.close()
    stale = database_clock._Measurement(0, 0, database_clock._steady() - 2 * database_clock.STALE)
    monkeypatch.setattr(database_clock, "_last", stale)
    monkeypatch.setattr(database_clock, "_retry_at", 0.0)
    assert abs(database_clock.now() - database_clock.database_time()) < dt.timedelta(seconds=1)


@pytest.mark.usefixtures("_forgotten")
def test_a_new_time_of_the_database_is_taken_over() -> None:
    older = database_clock._Measurement(100.0, 100.2, 0)
    assert older.narrowed(database_clock._Measurement(100.1, 100.4, 9)) == (100.1, 100.2, 9)
    after_a_failover = database_clock._Measurement(7300.0, 7300.3, 9)
    assert older.narrowed(after_a_failover) == after_a_failover


def test_every_package_uses_the_shared_clock() -> None:
    files = subprocess.check_output(["git", "ls-files", "*.py"], cwd=BASE_DIR, text=True).split()
    found = {
        name
        for name in files
        if name.startswith(PACKAGES) and "/migrations/" not in name and "/emulator/" not in name
        if LOCAL_CLOCK.search((BASE_DIR / name).read_text())
    }
    assert found == BY_THE_LOCAL_CLOCK
