"""Adjust many players from a file, as the operator of this machine."""

import hashlib
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from common import csv_stream, database_clock
from common.errors import Refused
from common.keyset import paged
from common.leases import LeaseLost
from players.bulk.results import reasons
from players.mass_adjustments import chunk_executor, file_previews, lifecycle
from players.mass_adjustments.files import UnknownFormat, ValidationErrors, read
from players.mass_adjustments.lifecycle import ADJUSTMENTS
from players.models import Adjustment
from players.moderation.actors import at_the_shell

WAITS = 2  # exit code: a second person must approve
PAUSE = 0.5  # seconds between two reads of another process's progress
LISTED = 20
LIST_COLUMNS = {
    "id": "pk",
    "status": "status",
    "rows": "rows",
    "applied": "applied",
    "skipped": "skipped",
    "total": "total",
    "asked by": "requested_by",
    "approved by": "approved_by",
    "reason": "reason",
}
WIDTH = 160  # characters per line of output without a terminal
Status = Adjustment.Status


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} rows/s")


class Command(BaseCommand):
    help = (
        "Adjust many players from a CSV or JSONL file; approve, reject, show, list and invert that."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        file = acts.add_parser("file", help="check a file, show what it would do, and apply it")
        file.add_argument(
            "file",
            type=Path,
            help="CSV with the columns userId, amount[, reason], or JSONL with these names",
        )
        file.add_argument(
            "--key",
            help="tells this use of the file from another one; its content and reason if left out",
        )
        invert = acts.add_parser("invert", help="undo an adjustment by its inverse")
        for asked in (file, invert):
            asked.add_argument("--yes", action="store_true", help="do not ask before applying")
        for name, what in (
            ("approve", "approve as the second person, and apply"),
            ("reject", "close without effect"),
        ):
            acts.add_parser(name, help=what)
        for name in ("approve", "reject", "invert"):
            acts.choices[name].add_argument("adjustment_id", type=int)
        for name in ("file", "approve", "reject", "invert"):
            acts.choices[name].add_argument("--reason", required=True, help="why, in a sentence")
        apply = acts.add_parser(
            "apply", help="let a preview go, or go on with what was interrupted"
        )
        show = acts.add_parser("show", help="say how far one is")
        show.add_argument(
            "--rows", type=Path, metavar="FILE", help="write what came of each row as CSV"
        )
        for shown in (apply, show):
            shown.add_argument("adjustment_id", type=int)
        acts.add_parser("list", help="the latest ones")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        terminal = self.stdout.isatty()
        self.console = Console(
            file=cast("IO[str]", self.stdout._out), width=None if terminal else WIDTH
        )
        self.by = at_the_shell()
        try:
            getattr(self, f"_{act}")(**options)
        except (Refused, UnknownFormat, OSError) as refusal:
            raise CommandError(str(refusal)) from None

    def _file(self, file: Path, key: str | None, reason: str, yes: bool, **_: Any) -> None:
        key = key or _key_of(file, reason)
        errors = ValidationErrors()
        try:
            made = file_previews.preview(
                self._reading(file, errors),
                by=self.by,
                reason=reason,
                idempotency_key=f"file:{key}",
                errors=errors,
                now=database_clock.now(),
            )
        except file_previews.Invalid as invalid:
            raise CommandError(_listing(file, invalid.errors)) from None
        if made.status == Status.REJECTED:
            raise CommandError(
                f"Adjustment {made.pk} of this file was rejected. Give --key NAME to ask again."
            )
        if made.status == Status.DONE:
            raise CommandError(
                f"This file was applied for this reason already, as adjustment {made.pk}. Nothing was done. "
                "To apply it once more, say another reason, or --key NAME."
            )
        self._go_on(made, yes)

    def _invert(self, adjustment_id: int, reason: str, yes: bool, **_: Any) -> None:
        self._go_on(
            file_previews.preview_undo(
                adjustment_id, by=self.by, reason=reason, now=database_clock.now()
            ),
            yes,
        )

    def _apply(self, adjustment_id: int, **_: Any) -> None:
        self._go_on(lifecycle.find(adjustment_id), yes=True)

    def _approve(self, adjustment_id: int, reason: str, **_: Any) -> None:
        self._drive(
            lifecycle.approve(adjustment_id, by=self.by, reason=reason, now=database_clock.now())
        )

    def _reject(self, adjustment_id: int, reason: str, **_: Any) -> None:
        settled = lifecycle.reject(
            adjustment_id, by=self.by, reason=reason, now=database_clock.now()
        )
        self.console.print(f"Adjustment {settled.pk} is rejected; nobody was changed.")

    def _show(self, adjustment_id: int, rows: Path | None, **_: Any) -> None:
        adjustment = lifecycle.find(adjustment_id)
        self._print(adjustment)
        if rows is not None:
            _export(adjustment, rows)
            self.console.print(f"What came of each row is in {rows}.")

    def _list(self, **_: Any) -> None:
        table = Table(*LIST_COLUMNS)
        for adjustment in Adjustment.objects.order_by("-id")[:LISTED]:
            table.add_row(*(str(getattr(adjustment, name)) for name in LIST_COLUMNS.values()))
        self.console.print(table)

    def _go_on(self, adjustment: Adjustment, yes: bool) -> None:
        """Start a preview and apply it, or report that a second person must approve it."""
        if adjustment.status == Status.PREVIEW:
            self._print(adjustment)
            if not yes:
                self._ask(adjustment)
            adjustment = ADJUSTMENTS.start(adjustment.pk, by=self.by, now=database_clock.now())
        if adjustment.status == Status.WAITING:
            self.console.print(
                f"Adjustment {adjustment.pk} waits for a second person: in the console, or under another login with "
                f"`manage.py adjust approve {adjustment.pk} --reason …`."
            )
            raise SystemExit(WAITS)
        self._drive(adjustment)

    def _ask(self, adjustment: Adjustment) -> None:
        later = f"Nothing was changed. `manage.py adjust apply {adjustment.pk}` applies it, `adjust reject` closes it."
        if not sys.stdin.isatty():
            raise CommandError(f"Say --yes to apply it without being asked. {later}")
        if self.console.input("Apply it? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise CommandError(later)

    def _drive(self, adjustment: Adjustment) -> None:
        """Apply it here, or watch the process that does, and take over if that process dies."""
        with self._bar("applying", adjustment.changing) as (bar, task):

            def show(now: Adjustment) -> None:
                bar.update(task, completed=now.applied, total=now.changing)

            while adjustment.status == Status.APPLYING:
                try:
                    here = chunk_executor.run(adjustment.pk, show)
                except LeaseLost:
                    here = False
                if not here:
                    time.sleep(PAUSE)
                adjustment.refresh_from_db()
                show(adjustment)
        self.console.print(
            f"Adjustment {adjustment.pk} is {adjustment.status}: {adjustment.applied} applied, "
            f"{adjustment.skipped} skipped, {adjustment.total} points in sum."
        )

    def _reading(self, file: Path, errors: ValidationErrors) -> Iterator[Any]:
        with self._bar("reading", None) as (bar, task):
            for count, row in enumerate(read(file, errors), start=1):
                if count % 10_000 == 0:
                    bar.update(task, completed=count)
                yield row

    @contextmanager
    def _bar(self, what: str, total: int | None) -> Iterator[tuple[Progress, Any]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        ) as bar:
            yield bar, bar.add_task(what, total=total)

    def _print(self, adjustment: Adjustment) -> None:
        table = Table(
            title=f"adjustment {adjustment.pk}: {adjustment.get_status_display()}",
            show_header=False,
        )
        table.add_row("reason", adjustment.reason)
        table.add_row("rows", f"{adjustment.rows:,}")
        table.add_row(
            "applied", f"{adjustment.applied:,} ({chunk_executor.progress(adjustment):.1%})"
        )
        table.add_row(
            "sum of changes",
            f"{adjustment.total:,} points ({adjustment.moved:,} without the signs)",
        )
        for user_id, name, amount in file_previews.largest(adjustment, 5):
            table.add_row("largest", f"{amount:+,} for {name} ({user_id})")
        table.add_row("skipped", f"{adjustment.skipped:,}")
        for one in reasons(adjustment):
            examples = ", ".join(map(str, one.examples))
            table.add_row("", f"{one.count:,}: {one.note}, such as {examples}")
        if adjustment.status == Status.PREVIEW:
            second = lifecycle.needs_second_person(adjustment, self.by, database_clock.now())
            table.add_row("second person", f"must approve: {second}" if second else "not needed")
        if adjustment.approved_by:
            table.add_row("approved by", adjustment.approved_by)
        if adjustment.error:
            table.add_row("stopped, and tried again", adjustment.error)
        self.console.print(table)


def _key_of(file: Path, reason: str) -> str:
    """Return the key of a file and reason, so that a second run continues the same adjustment."""
    content = hashlib.sha256(reason.encode() + b"\0")
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            content.update(block)
    return content.hexdigest()


def _listing(file: Path, errors: ValidationErrors) -> str:
    more = (
        f"\nand {errors.total - len(errors.shown):,} more"
        if errors.total > len(errors.shown)
        else ""
    )
    lines = "\n".join(errors.shown)
    return f"{file} cannot be taken; nothing was changed. Errors: {errors.total:,}\n{lines}{more}"


def _export(adjustment: Adjustment, path: Path) -> None:
    names = {"userId": "user_id"}
    header = ("line", "userId", "amount", "status", "points", "note", "reason")
    fields = (names.get(one, one) for one in header)
    rows = paged(adjustment.lines.values_list(*fields), "line", itemgetter(0))
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.writelines(csv_stream.document(header, rows))
