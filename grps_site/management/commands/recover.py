import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from common.direct_database import direct
from grps_site.recovery.after_restore import Recovery

NOT_FINISHED = 2


class Command(BaseCommand):
    help = (
        "After restoring an older backup: compare the database with the seal file, the mirrors of"
        " the log and Roblox, and release the writes to Roblox. Exits with 2 if they stay held."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        after = acts.add_parser("after-restore", help="can be run again at any time")
        after.add_argument(
            "--log",
            type=Path,
            action="append",
            default=[],
            help="a rotated file of the log's mirror (AUDIT_JSONL); may be repeated",
        )

    def handle(self, *args: Any, act: str, log: list[Path], **options: Any) -> None:
        console = Console(file=self.stdout, soft_wrap=True)  # type: ignore[arg-type]
        try:
            with direct():
                is_finished = Recovery(self.stdout.write, console, log).run()
        except (OSError, redis.RedisError) as error:
            raise CommandError(f"A mirror of the log cannot be read or moved: {error}") from None
        if not is_finished:
            sys.exit(NOT_FINISHED)
