"""Import what players had before GRPS, as the operator of this machine."""

import sys
import time
from argparse import ArgumentParser
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from common import csv_stream, database_clock
from common.errors import Refused
from common.keyset import paged
from common.leases import LeaseLost
from players.imports import lifecycle, preview, readers, runner
from players.imports.files import ImportFile, UnusableFile
from players.imports.lifecycle import IMPORTS, ImportRequest
from players.models import Import
from players.moderation.actors import at_the_shell

WAITS = 2  # exit code: a second person must approve
PAUSE = 0.5  # seconds between two reads of another process's progress
LISTED = 20
WIDTH = 160
Status, Source = Import.Status, Import.Source
SOURCES = {"entries": Source.STORE, "ordered": Source.ORDERED, "datastore2": Source.DATASTORE2}


class Command(BaseCommand):
    help = (
        "Import points, ranks, counts and warnings from a file or a data store; show and undo it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        file = acts.add_parser("file", help="import a CSV or JSON lines file")
        file.add_argument("file", type=Path)
        file.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="OURS=THEIRS",
            help="the file's name of a column, as points='Total XP'",
        )
        store = acts.add_parser("store", help="import a data store of an experience")
        _add_store(store)
        undo = acts.add_parser("undo", help="take an import back")
        for one in (file, store):
            one.add_argument("--experience", default="", help="where the points were earned")
            one.add_argument(
                "--rank",
                action="append",
                default=[],
                metavar="THEIRS=OURS",
                help="our name of a rank that has another name in the source",
            )
        for name, what in (("approve", "approve as the second person"), ("reject", "close it")):
            acts.add_parser(name, help=what)
        for one in (file, store, undo):
            one.add_argument("--yes", action="store_true", help="do not ask before applying")
        for name in ("file", "store", "undo", "approve", "reject"):
            acts.choices[name].add_argument("--reason", required=True, help="why, in a sentence")
        acts.add_parser("apply", help="go on with an import, and apply it")
        show = acts.add_parser("show", help="show an import")
        show.add_argument("--rows", type=Path, metavar="FILE", help="write every row as CSV")
        for name in ("undo", "approve", "reject", "apply", "show"):
            acts.choices[name].add_argument("import_id", type=int)
        acts.add_parser("list", help="the latest ones")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        terminal = self.stdout.isatty()
        self.console = Console(
            file=cast("IO[str]", self.stdout._out), width=None if terminal else WIDTH
        )
        self.by = at_the_shell()
        try:
            getattr(self, f"_{act}")(**options)
        except (Refused, UnusableFile, OSError) as refusal:
            raise CommandError(str(refusal)) from None

    def _file(self, file: Path, column: list[str], yes: bool, **options: Any) -> None:
        with file.open("rb") as stream:
            source = ImportFile(stream, file.name, database_clock.now(), _pairs(column))
            job = lifecycle.begin_file(self._request(Source.FILE, {}, options), source.rows())
        if source.ignored:
            self.console.print(f"Columns that are not read: {', '.join(source.ignored)}")
        if job.status == Status.DONE:
            self.console.print(
                f"This file was imported already, as import {job.pk}. Nothing was done."
            )
            return
        self._go_on(job, yes)

    def _store(self, yes: bool, form: str, **options: Any) -> None:
        how = {name: options[name] for name in ("store", "scope", "reader")}
        how |= {"keyForm": options["key_form"], "divisor": options["divisor"]}
        how["fields"] = _pairs(options["field"])
        self._go_on(lifecycle.begin_store(self._request(SOURCES[form], how, options)), yes)

    def _request(
        self, source: Import.Source, how: dict[str, Any], options: dict[str, Any]
    ) -> ImportRequest:
        ranks = _pairs(options["rank"])
        return ImportRequest(
            experience=options["experience"],
            by=self.by,
            reason=options["reason"],
            now=database_clock.now(),
            source=source,
            options=how | ({"ranks": ranks} if ranks else {}),
        )

    def _undo(self, import_id: int, reason: str, yes: bool, **_: Any) -> None:
        now = database_clock.now()
        self._go_on(lifecycle.preview_undo(import_id, by=self.by, reason=reason, now=now), yes)

    def _apply(self, import_id: int, **_: Any) -> None:
        self._go_on(lifecycle.find(import_id), yes=True)

    def _approve(self, import_id: int, reason: str, **_: Any) -> None:
        now = database_clock.now()
        self._drive(lifecycle.approve(import_id, by=self.by, reason=reason, now=now))

    def _reject(self, import_id: int, reason: str, **_: Any) -> None:
        now = database_clock.now()
        job = lifecycle.reject(import_id, by=self.by, reason=reason, now=now)
        self.console.print(f"Import {job.pk} is rejected; nobody was changed.")

    def _show(self, import_id: int, rows: Path | None, **_: Any) -> None:
        job = lifecycle.find(import_id)
        self._print(job)
        if rows is not None:
            _export(job, rows)
            self.console.print(f"Every row is in {rows}.")

    def _list(self, **_: Any) -> None:
        names = ("pk", "status", "source", "experience", "rows", "changing", "applied", "reason")
        table = Table(*names)
        for job in Import.objects.order_by("-pk")[:LISTED]:
            table.add_row(*(str(getattr(job, name)) for name in names))
        self.console.print(table)

    def _go_on(self, job: Import, yes: bool) -> None:
        """Check an import, show the preview, start it, and apply it."""
        self._drive(job)
        job.refresh_from_db()
        if job.status == Status.PREVIEW:
            self._print(job)
            if not yes:
                self._ask(job)
            job = IMPORTS.start(job.pk, by=self.by, now=database_clock.now())
        if job.status == Status.WAITING:
            self.console.print(
                f"Import {job.pk} waits for a second person: in the console, or under another login"
                f" with `manage.py import approve {job.pk} --reason …`."
            )
            raise SystemExit(WAITS)
        self._drive(job)

    def _ask(self, job: Import) -> None:
        later = f"Nothing was changed. `manage.py import apply {job.pk}` applies it."
        if not sys.stdin.isatty():
            raise CommandError(f"Say --yes to apply it without being asked. {later}")
        if self.console.input("Apply it? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise CommandError(later)

    def _drive(self, job: Import) -> None:
        """Run it here as far as it goes, or watch the process that does."""
        said = ""
        while job.status in runner.WORKING:
            try:
                here = runner.run(job.pk, self._progress)
            except LeaseLost:
                here = False
            job.refresh_from_db()
            if job.error and job.error != said:
                said = job.error
                self.console.print(f"It stopped, and is tried again: {said}", soft_wrap=True)
            if not here:
                time.sleep(PAUSE)
        if job.status == Status.DONE:
            self.console.print(
                f"Import {job.pk} is done: {job.applied:,} players changed,"
                f" {job.unchanged:,} as they were, {job.skipped + job.unread:,} left out,"
                f" {job.total:,} points in all."
            )

    def _progress(self, job: Import) -> None:
        if self.console.is_terminal:
            self.console.print(f"{job.status}: line {job.line:,} of {job.rows:,}", end="\r")

    def _print(self, job: Import) -> None:
        table = Table(title=f"import {job.pk}: {job.get_status_display()}", show_header=False)
        for name, text in preview.lines(job):
            table.add_row(name, text)
        second = lifecycle.needs_second_person(job, self.by, database_clock.now())
        if job.status == Status.PREVIEW:
            table.add_row("second person", f"must approve: {second}" if second else "not needed")
        self.console.print(table)
        for line in preview.left_out(job):
            self.console.print(line, soft_wrap=True)


def _add_store(store: ArgumentParser) -> None:
    store.add_argument("store", help="the name of the data store; of DataStore2 the main key")
    store.add_argument("--form", choices=tuple(SOURCES), default="entries")
    store.add_argument("--scope", default="global")
    store.add_argument("--key-form", default="{userId}", help="as Player_{userId}")
    store.add_argument("--reader", choices=tuple(readers.NAMES), default=readers.AUTO)
    store.add_argument(
        "--divisor", type=int, default=1, help="of an ordered store: 100 if it holds hundredths"
    )
    store.add_argument(
        "--field", action="append", default=[], metavar="OURS=THEIRS", help="as points=Stats.Gold"
    )


def _pairs(given: list[str]) -> dict[str, str]:
    """Return `name=value` arguments. Raises CommandError."""
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise CommandError(f"{one!r} must be like points=Total.")
        found[name.strip()] = value.strip()
    return found


def _export(job: Import, path: Path) -> None:
    header = ("line", "given", "userId", "username", "status", "points", "note")
    fields = ("line", "given", "user_id", "username", "status", "amount", "note")
    rows = paged(job.lines.values_list(*fields), "line", itemgetter(0))
    with path.open("w", newline="", encoding="utf-8") as stream:
        stream.writelines(csv_stream.document(header, rows))
