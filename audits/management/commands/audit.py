import json
import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from audits.chain import offline, sealing
from audits.chain.export import export
from audits.chain.proofs import NotProvable, prove
from audits.chain.verify import Report, verify
from audits.models import SealedEvent
from audits.streams import publisher
from common import heartbeats
from common.direct_database import direct


class Command(BaseCommand):
    help = "Verify, prove, export, seal or stream the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        check = acts.add_parser(
            "verify", help="recompute everything; exit code 1 if anything does not hold"
        )
        check.add_argument("--export", type=Path, help="check this export instead of the database")
        check.add_argument(
            "--seals",
            type=Path,
            help="with --export: a seal file that it must agree with to its end",
        )
        heartbeats.add_argument(check)
        acts.add_parser("prove", help="print the inclusion proof of one event").add_argument(
            "event", type=int
        )
        dump = acts.add_parser("export", help="write the chain as JSON lines")
        dump.add_argument("file", help="a path, or - for standard output")
        dump.add_argument("--after", type=int, default=0, help="begin behind this seal")
        acts.add_parser("seal", help="seal now what has committed")
        acts.add_parser(
            "keys", help="print the trusted public keys, for whoever verifies elsewhere"
        )
        stream = acts.add_parser(
            "stream", help="write events to standard output as JSON lines, without names or reasons"
        )
        stream.add_argument("--after", type=int, default=0, help="begin behind this position")
        stream.add_argument(
            "--follow", action="store_true", help="go on with new events until a signal comes"
        )
        acts.add_parser("streams", help="how far each mirror has come, and what is wrong with it")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        with heartbeats.reporting(options.pop("heartbeat", None)):
            getattr(self, f"_{act}")(**options)

    def _verify(self, **options: Any) -> None:
        if options["export"]:
            defects = offline.verify_file(
                options["export"], sealing.trusted_keys(), options["seals"]
            )
            self._tell(defects, "The export holds.")
            return
        last = (
            SealedEvent.objects.order_by("-position").values_list("position", flat=True).first()
            or 0
        )
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("events", total=last)
            with direct():
                report = verify(progress=lambda done: bar.update(task, completed=done))
        self._tell(
            [f"{finding.where}: {finding.message}" for finding in report.findings],
            f"{report.events} events under {report.seals} seals; everything holds.{_behind(report)}",
        )

    def _tell(self, defects: list[str], fine: str) -> None:
        for defect in defects:
            self.stderr.write(defect)
        if defects:
            raise CommandError(f"{len(defects)} findings; docs/audit.md says what each means.")
        self.stdout.write(fine)

    def _prove(self, event: int, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(prove(event), indent=1, ensure_ascii=False))
        except NotProvable as error:
            raise CommandError(str(error)) from None

    def _export(self, file: str, after: int, **options: Any) -> None:
        if file == "-":
            export(sys.stdout, after)
            return
        with Path(file).open("w", encoding="utf-8") as out:
            events = export(out, after)
        self.stdout.write(f"{events} events written to {file}.")

    def _seal(self, **options: Any) -> None:
        made = 0
        while sealing.seal_pending():
            made += 1
        self.stdout.write(f"{made} seals made.")

    def _keys(self, **options: Any) -> None:
        self.stdout.write("\n".join(sealing.trusted_keys()))

    def _stream(self, after: int, follow: bool, **options: Any) -> None:
        with _until_signalled() as stopping:
            try:
                publisher.write(sys.stdout.buffer, after, follow=follow, stopping=stopping)
            except BrokenPipeError:
                # The reader closed the pipe. Discard what Python would flush at its end, which would
                # fail again.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _streams(self, **options: Any) -> None:
        statuses = publisher.statuses()
        if not statuses:
            self.stdout.write("No mirror is configured: set AUDIT_STREAM_URL or AUDIT_JSONL.")
        for one in statuses:
            self.stdout.write(
                f"{one.name}: position {one.position} of {one.head}, {one.behind} behind"
            )
            if one.error:
                self.stdout.write(f"  error: {one.error}")
            if one.note:
                self.stdout.write(
                    f"  {one.lost_at.isoformat() + ': ' if one.lost_at else ''}{one.note}"
                )


def _behind(report: Report) -> str:
    return f" The seal file lacks the newest {report.behind}." if report.behind else ""


@contextmanager
def _until_signalled() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM came.

    The second signal ends the process at once.
    """
    asked: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)

    def ask(number: int, _: object) -> None:
        asked.append(number)
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)

    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
