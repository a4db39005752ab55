"""The seal file outside the database contains every committed seal and nothing else."""

import datetime as dt
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from audits.chain.sealing import append_to_file, seal_pending
from audits.chain.verify import verify
from audits.models import Seal
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
    assert "the seal file does not" in finding.message


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
            append_to_file(file)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_of(settings) == whole
