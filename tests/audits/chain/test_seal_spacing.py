"""Seals are at least one second apart, and no event is left unsealed."""

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from audits import tasks
from audits.chain import sealing, stored_seals
from audits.chain.sealing import LOCK, seal_due, seal_pending
from audits.models import AuditPending, Seal
from tests.audits.conftest import past_the_triggers

SHORT = 0.4  # seconds


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SPACING", SHORT)


def in_threads(count: int, work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_who_ask_make_one_seal_in_each_spacing(tell: Callable[..., int], short: None) -> None:
    end = time.monotonic() + 2.0

    def busy() -> None:
        while time.monotonic() < end:
            tell()
            seal_due()

    in_threads(4, busy)
    moments = list(Seal.objects.order_by("number").values_list("at", flat=True))
    assert len(moments) >= 3
    # A seal is dated when it is made, and the next one is due an interval after that moment.
    assert min(later - earlier for earlier, later in pairwise(moments)) >= dt.timedelta(
        seconds=SHORT
    )


def test_whoever_comes_too_early_learns_when_to_come_again(
    tell: Callable[..., int], short: None
) -> None:
    tell()
    assert seal_due() == 0
    tell()
    wait = seal_due()
    assert 0 < wait <= SHORT
    assert AuditPending.objects.count() == 1
    time.sleep(wait)
    assert seal_due() == 0
    assert (AuditPending.objects.count(), Seal.objects.count()) == (0, 2)


def test_a_sealer_at_work_is_waited_for(
    tell: Callable[..., int], other_connection: "psycopg.Connection[Any]"
) -> None:
    tell()
    other_connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    assert seal_due() == sealing.SPACING
    assert AuditPending.objects.count() == 1
    other_connection.rollback()
    assert seal_due() == 0
    assert AuditPending.objects.count() == 0


def test_a_seal_dated_in_the_future_holds_nothing_up(tell: Callable[..., int]) -> None:
    tell()
    seal_pending()
    with past_the_triggers() as cursor:
        cursor.execute("UPDATE seals SET at = at + interval '1 day'")
    tell()
    assert seal_due() == 0
    assert AuditPending.objects.count() == 0


def test_a_backlog_of_several_seals_does_not_wait(
    tell: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "LIMIT", 3)
    monkeypatch.setattr(sealing.seal_pending, "__defaults__", (3,))
    for _ in range(8):
        tell()
    assert seal_due() == 0
    assert AuditPending.objects.count() == 0
    assert [seal.size for seal in stored_seals.stream_seals()] == [3, 3, 2]


def test_who_wants_a_seal_now_gets_it(tell: Callable[..., int]) -> None:
    tell()
    assert seal_due() == 0
    tell()
    call_command("audit", "seal")
    assert AuditPending.objects.count() == 0
    tell()
    assert seal_pending() is not None


def test_a_task_that_comes_too_early_asks_for_another(
    tell: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    monkeypatch.setattr(tasks.SEALING, "give", lambda *, after: asked.append(after))
    tell()
    tasks.seal()
    tell()
    tasks.seal()
    assert len(asked) == 1
    assert 0 < asked[0] <= 1


def test_the_file_follows_without_a_new_seal(chain: list[int], settings: Any) -> None:
    file = Path(settings.AUDIT_SEAL_FILE)
    file.unlink()
    assert seal_due() > 0
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [1, 2, 3]
