"""`manage.py adjust` as an operator uses it, and killed while it runs."""

import csv
import datetime as dt
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audits.chain.sealing import seal_pending
from audits.chain.verify import verify
from audits.models import AuditEvent
from common.environment import BASE_DIR
from players import leaderboard
from players.mass_adjustments import chunk_executor, file_previews, lifecycle, row_checks
from players.mass_adjustments.files import FileRow
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment, LedgerEntry, Player
from players.moderation.command import Command
from players.points import consistency
from players.points.adjustments import adjust as adjust_one
from players.tasks import apply_adjustments
from tests import first_start
from tests.conftest import database_url
from tests.players.mass_adjustments.conftest import OWNER, SECOND, adjusted, make_people

People = Callable[..., None]
LONG = bool(os.environ.get("GRPS_LONG"))
KILLS, PLAYERS = (12, 9_900) if LONG else (2, 5_900)  # 2,000 players in a transaction


def command(*arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command("adjust", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def exit_code(*arguments: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        command(*arguments)
    return int(str(ended.value.code))


def write(tmp_path: Path, lines: list[str], name: str = "bonus.csv") -> Path:
    file = tmp_path / name
    file.write_text("\n".join(["userId,amount", *lines]))
    return file


def another_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate another login on this machine: the operating system's user id names the operator."""
    monkeypatch.setattr(os, "getuid", lambda: 1)


def test_it_shows_what_it_would_do_and_does_it(people: People, tmp_path: Path) -> None:
    people(range(1, 4))
    said = command(
        "file", write(tmp_path, ["1,2.5", "2,-1000", "404,1"]), "--reason", "May bonus", "--yes"
    )
    for words in (
        "May bonus",
        "-997.50 points (1,002.50",
        "-1,000.00 for player_2 (2)",
        "no player has this user id",
    ):
        assert words in said
    assert "not needed" in said
    assert "is done: 2 applied, 1 skipped" in said
    assert adjusted() == {1: Decimal("2.50"), 2: Decimal(-1000), 3: Decimal(0)}


def test_a_bad_file_changes_nothing_and_every_line_is_named(people: People, tmp_path: Path) -> None:
    people(range(1, 4))
    with pytest.raises(CommandError) as refused:
        command("file", write(tmp_path, ["1,2.505", "2,5", "x,1", "2,7"]), "--reason", "r", "--yes")
    assert refused.value.returncode == 1
    assert str(refused.value).splitlines()[1:] == [
        "line 2: amount: must have at most two decimals, like 12.50",
        "line 4: userId: must be a Roblox user id, a whole number from 1 to 9223372036854775807",
        "line 5: userId: 2 stands on line 3 already; keep one line for a player",
    ]
    assert "Errors: 3" in str(refused.value)
    assert not Adjustment.objects.exists()
    with pytest.raises(CommandError, match="No such file"):
        command("file", tmp_path / "none.csv", "--reason", "r")


def test_without_yes_and_without_a_terminal_it_stays_a_preview(
    people: People, tmp_path: Path
) -> None:
    people(range(1, 4))
    with pytest.raises(CommandError, match=r"Say --yes.*adjust apply"):
        command("file", write(tmp_path, ["1,2"]), "--reason", "r")
    found = Adjustment.objects.get()
    assert found.status == "preview"
    assert "is done: 1 applied" in command("apply", found.pk)


def test_the_same_file_for_the_same_reason_is_applied_once(people: People, tmp_path: Path) -> None:
    people(range(1, 4))
    file = write(tmp_path, ["1,2"])
    command("file", file, "--reason", "May", "--yes")
    with pytest.raises(CommandError, match="applied for this reason already"):
        command("file", file, "--reason", "May", "--yes")
    command("file", file, "--reason", "June", "--yes")
    command("file", file, "--reason", "June", "--key", "a second time", "--yes")
    assert adjusted()[1] == 6


def test_past_the_limit_it_waits_for_another_login(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(range(1, 4))
    file = write(tmp_path, ["1,100000.01"])
    assert exit_code("file", file, "--reason", "r", "--yes") == 2
    waiting = Adjustment.objects.get()
    monkeypatch.setenv("LOGNAME", "somebody-else")
    with pytest.raises(CommandError, match="a second person"):
        command("approve", waiting.pk, "--reason", "sure")
    assert exit_code("apply", waiting.pk) == 2
    another_login(monkeypatch)
    assert "is done: 1 applied" in command("approve", waiting.pk, "--reason", "looked at it")
    assert adjusted()[1] == Decimal("100000.01")


def test_it_inverts_shows_lists_rejects_and_exports(people: People, tmp_path: Path) -> None:
    people(range(1, 4))
    command("file", write(tmp_path, ["1,2", "404,5"]), "--reason", "r", "--yes")
    done = Adjustment.objects.get()
    out = tmp_path / "result.csv"
    assert "applied │ 1 (100.0%)" in " ".join(command("show", done.pk, "--rows", out).split())
    assert list(csv.DictReader(out.open(encoding="utf-8-sig"))) == [
        {
            "line": "2",
            "userId": "1",
            "amount": "2.00",
            "status": "applied",
            "points": "2.00",
            "note": "",
            "reason": "",
        },
        {
            "line": "3",
            "userId": "404",
            "amount": "5.00",
            "status": "skipped",
            "points": "",
            "note": row_checks.UNKNOWN,
            "reason": "",
        },
    ]
    assert "is done: 1 applied" in command("invert", done.pk, "--reason", "a mistake", "--yes")
    assert set(adjusted().values()) == {Decimal(0)}
    with pytest.raises(CommandError, match="inverted already"):
        command("invert", done.pk, "--reason", "again", "--yes")
    with pytest.raises(CommandError, match="done already"):
        command("reject", done.pk, "--reason", "no")
    with pytest.raises(CommandError, match="no adjustment 999"):
        command("show", 999)
    assert "a mistake" in command("list")


@pytest.mark.django_db(transaction=True)
def test_a_killed_command_loses_and_repeats_nothing(tmp_path: Path) -> None:
    first_start.bootstrap()
    count = PLAYERS
    make_people(range(1, count + 1))
    file = write(tmp_path, [f"{user_id},{user_id % 10 + 1}" for user_id in range(1, count + 1)])
    dice = random.Random(int(os.environ.get("GRPS_SEED", "11")))
    seen = [0]
    for _ in range(KILLS):
        process = _start(file)
        _wait(process, lambda: _applied() > seen[-1])
        time.sleep(dice.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        applied, rows = _books()
        assert rows == applied
        seen.append(applied)
        # The lease of the dead process ends.
        Adjustment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert Adjustment.objects.count() == 1
    assert seen == sorted(seen)
    process = _start(file)
    output, _ = process.communicate(timeout=120)
    done = Adjustment.objects.get()
    assert (done.status, done.applied) == ("done", count), output
    assert adjusted() == {user_id: Decimal(user_id % 10 + 1) for user_id in range(1, count + 1)}
    assert _ledger_rows() == count
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert consistency.verify() == []
    while seal_pending():
        pass
    assert verify().findings == []


@pytest.mark.django_db(transaction=True)
def test_killed_while_it_reads_it_leaves_nothing_behind(tmp_path: Path) -> None:
    first_start.bootstrap()
    file = write(tmp_path, [f"{user_id},1" for user_id in range(1, 200_000)])
    process = _start(file)
    _wait(process, _is_copying)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Adjustment.objects.exists()
    assert not AuditEvent.objects.filter(action="adjustment.previewed").exists()


@pytest.mark.django_db(transaction=True)
def test_a_worker_goes_on_where_a_killed_command_was(tmp_path: Path) -> None:
    first_start.bootstrap()
    make_people(range(1, 4_001))
    file = write(tmp_path, [f"{user_id},1" for user_id in range(1, 4_001)])
    with transaction.atomic():
        Player.objects.select_for_update(no_key=True).get(
            user_id=4_000
        )  # it cannot end before it is killed
        process = _start(file)
        _wait(process, lambda: _applied() > 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert apply_adjustments() == 0  # the dead process's lease is still valid
    Adjustment.objects.update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert apply_adjustments() == 1
    assert Adjustment.objects.get().status == "done"
    assert set(adjusted().values()) == {Decimal(1)}
    assert _ledger_rows() == 4_000


def _start(file: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "adjust", "file", str(file), "--reason", "killed", "--yes"],
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _is_copying() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
            " AND query LIKE 'COPY pg_temp.adjusting%'"
        )
        return cursor.fetchone() is not None


def _applied() -> int:
    return Adjustment.objects.aggregate(applied=Sum("applied"))["applied"] or 0


def _books() -> tuple[int, int]:
    """Return the applied rows and the rows of the ledger, from one query.

    The database may still be committing what a dead process sent.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(applied), 0)::int FROM adjustments),"
            " (SELECT count(*)::int FROM ledger WHERE origin = 'console')"
        )
        applied, rows = cursor.fetchone()
        return applied, rows


def _ledger_rows() -> int:
    return LedgerEntry.objects.filter(origin="console").count()


AMOUNTS = st.integers(min_value=-(10**9), max_value=10**9).filter(bool)


@pytest.mark.django_db
@settings(
    max_examples=200 if LONG else 25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    mix=st.dictionaries(st.integers(1, 14), AMOUNTS).filter(
        lambda mix: any(user_id <= 10 for user_id in mix)
    ),
    before=st.dictionaries(st.integers(1, 10), AMOUNTS, max_size=4),
    between=st.dictionaries(st.integers(1, 10), AMOUNTS, max_size=3),
)
def test_any_rows_and_their_inverse_restore_everybody(
    people: People, mix: dict[int, int], before: dict[int, int], between: dict[int, int]
) -> None:
    if not Player.objects.exists():
        people(range(1, 11))
    now = timezone.now()
    for user_id, amount in before.items():
        adjust_one(user_id, amount, Command(by=OWNER, reason="before", now=now))
    had = adjusted()
    rows = [FileRow(line, user_id, amount) for line, (user_id, amount) in enumerate(mix.items(), 1)]
    done = _through(file_previews.preview(rows, by=OWNER, reason="a mix", now=now))
    assert done.applied == sum(user_id <= 10 for user_id in mix)
    if not done.applied:
        return
    for user_id, amount in between.items():
        adjust_one(user_id, amount, Command(by=OWNER, reason="between", now=now))
    _through(file_previews.preview_undo(done.pk, by=OWNER, reason="undone", now=now))
    assert adjusted() == {
        user_id: amount + Decimal(between.get(user_id, 0)).scaleb(-2)
        for user_id, amount in had.items()
    }
    assert consistency.verify() == []


def _through(adjustment: Adjustment) -> Adjustment:
    started = ADJUSTMENTS.start(adjustment.pk, by=OWNER, now=timezone.now())
    if started.status == "waiting":
        lifecycle.approve(started.pk, by=SECOND, reason="fine", now=timezone.now())
    assert chunk_executor.run(adjustment.pk)
    adjustment.refresh_from_db()
    return adjustment


def _large(tmp_path: Path, count: int) -> tuple[Adjustment, float]:
    """Adjust `count` players by file. Returns the adjustment and the seconds to apply it."""
    make_people(range(1, count + 1))
    file = write(tmp_path, [f"{user_id},{user_id % 97 + 1}.25" for user_id in range(1, count + 1)])
    assert exit_code("file", file, "--reason", "large", "--yes") == 2
    waiting = Adjustment.objects.get()
    lifecycle.approve(waiting.pk, by=SECOND, reason="fine", now=timezone.now())
    began = time.monotonic()
    command("apply", waiting.pk)
    waiting.refresh_from_db()
    seconds = time.monotonic() - began
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE"
        )  # autovacuum would do this after the commit; the checks below join whole tables
    return waiting, seconds


@pytest.mark.parametrize("count", [6_000, *([1_000_000] if LONG else [])])
def test_a_large_file_is_applied_in_chunks(bootstrapped: None, tmp_path: Path, count: int) -> None:
    done, seconds = _large(tmp_path, count)
    print(f"{count / seconds:,.0f} rows/s")
    assert (done.status, done.applied, done.skipped) == ("done", count, 0)
    assert done.total == Player.objects.aggregate(total=Sum("adjusted"))["total"]
    events = AuditEvent.objects.filter(action="adjustment.applied", target_id=str(done.pk))
    assert events.count() == count // chunk_executor.CHUNK + 1
    assert sum(event.details["count"] for event in events if "lines" in event.details) == count
    assert consistency.verify() == []
    assert leaderboard.total() == count
