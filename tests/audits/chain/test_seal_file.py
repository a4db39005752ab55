"""The seal file outside the database contains every committed seal and nothing else."""

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from audits.chain import seal_file
from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import Seal, SealFileState
from grps_site.ops import seal_file_health
from grps_site.ops.unhealthy import Unhealthy
from tests.audits.conftest import past_the_triggers
from tests.shared_clock import clock_at

LATER = dt.timedelta(minutes=2)


def lines_of(settings: Any) -> list[bytes]:
    return Path(settings.AUDIT_SEAL_FILE).read_bytes().splitlines(keepends=True)


def test_it_catches_up_though_there_is_nothing_to_seal(chain: list[int], settings: Any) -> None:
    whole = lines_of(settings)
    Path(settings.AUDIT_SEAL_FILE).write_bytes(whole[0])
    assert seal_pending() is None
    assert lines_of(settings) == whole


def test_a_late_seal_in_the_file_is_a_finding(chain: list[int], settings: Any) -> None:
    Path(settings.AUDIT_SEAL_FILE).write_bytes(b"".join(lines_of(settings)[:2]))
    assert verify().findings == []
    with clock_at(dt.datetime.now(dt.UTC) + LATER):
        (finding,) = verify().findings
    assert finding.where == "seal 3"
    assert finding.message.startswith("the seal file lacks it and 0 after it")


def test_no_seal_is_made_in_a_transaction_that_may_roll_back(
    tell: Callable[..., int], settings: Any
) -> None:
    tell()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        seal_pending()
    assert not Path(settings.AUDIT_SEAL_FILE).exists()
    assert not Seal.objects.exists()


def test_a_line_taken_out_is_found(chain: list[int], settings: Any) -> None:
    first, _, third = lines_of(settings)
    Path(settings.AUDIT_SEAL_FILE).write_bytes(first + third)
    assert verify().findings[0].message == "the seal file and the database disagree"


def test_a_line_that_is_no_seal_is_found(chain: list[int], settings: Any) -> None:
    first, _, third = lines_of(settings)
    Path(settings.AUDIT_SEAL_FILE).write_bytes(first + b"\xff{\n" + third)
    assert "not a seal" in verify().findings[0].message


def test_two_that_append_at_once_write_each_seal_once(chain: list[int], settings: Any) -> None:
    whole = lines_of(settings)
    file = Path(settings.AUDIT_SEAL_FILE)
    file.unlink()

    def work() -> None:
        try:
            seal_file.append(file)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_of(settings) == whole


def test_a_file_that_cannot_be_written_is_seen(
    chain: list[int], tell: Callable[..., int], settings: Any, tmp_path: Path
) -> None:
    file = Path(settings.AUDIT_SEAL_FILE)
    kept = file.rename(tmp_path / "kept")
    file.mkdir()  # no account can append to it, not even root
    for _ in range(2):
        tell()
        assert seal_pending() is not None
    status = seal_file.status()
    assert status.behind == 2
    assert status.error.startswith("It cannot be written: ")
    with pytest.raises(Unhealthy, match="lacks 2 seals"):
        seal_file_health.check()
    assert gauges() == {"grps_audit_seal_file_behind": 2, "grps_audit_seal_file_broken": 1}
    file.rmdir()
    kept.rename(file)
    assert "It cannot be written" in verify().findings[0].message  # though both seals are new
    assert seal_pending() is None
    assert seal_file.status() == seal_file.SealFileStatus(0, "")
    assert verify().findings == []
    assert seal_file_health.check() == "holds every seal"
    assert gauges() == {"grps_audit_seal_file_behind": 0, "grps_audit_seal_file_broken": 0}


def gauges() -> dict[str, float]:
    return {one.name: one.samples[0].value for one in seal_file_health.seal_file_metrics()}


def test_an_older_missing_seal_is_no_health(chain: list[int], settings: Any) -> None:
    SealFileState.objects.update(last_seal=1)  # as if sealing had died before it wrote the file
    assert seal_file_health.check() == "holds every seal"
    with clock_at(dt.datetime.now(dt.UTC) + LATER), pytest.raises(Unhealthy, match="lacks 2 seals"):
        seal_file_health.check()


def test_a_restored_chain_is_not_spliced_onto_the_file(
    chain: list[int], tell: Callable[..., int], settings: Any
) -> None:
    file = Path(settings.AUDIT_SEAL_FILE)
    tell()
    assert seal_pending() is not None
    before = file.read_bytes()
    drop_last_seal()  # as after the restore of an earlier backup
    assert "which the database does not have" in seal_file.difference(file)
    for _ in range(2):
        tell("after the restore")
        assert seal_pending() is not None
        assert file.read_bytes() == before
    assert "which the database has with another hash" in seal_file.difference(file)
    assert seal_file.differs()
    assert seal_file.status().behind == 2
    assert "recover after-restore" in verify().findings[-1].message


def drop_last_seal() -> None:
    with past_the_triggers() as cursor:
        cursor.execute("DELETE FROM sealed_events WHERE seal_id = 4")
        cursor.execute("DELETE FROM seals WHERE number = 4")
        cursor.execute("DELETE FROM audit_personal WHERE event_id = (SELECT max(id) FROM audits)")
        cursor.execute("DELETE FROM audits WHERE id = (SELECT max(id) FROM audits)")
    SealFileState.objects.update(last_seal=3)
